-- Privileges of the service's role, and no more than it needs: it owns no table, cannot change lookups, and can only
-- add to the audit log. Run by `cardinal db migrate --service-role NAME`; %[1]s is the quoted role. Running it again
-- has no effect.
GRANT USAGE ON SCHEMA cardinal TO %[1]s;
GRANT SELECT ON ALL TABLES IN SCHEMA cardinal TO %[1]s;

GRANT UPDATE (tax_rate_ppm, updated_at, version) ON countries TO %[1]s;

GRANT INSERT, UPDATE (status, status_before_deletion, updated_at, deleted_at, erased_at, version, schema_version)
  ON users TO %[1]s;
GRANT INSERT, DELETE, UPDATE (description, updated_at, version) ON attribute_definitions TO %[1]s;
GRANT INSERT, UPDATE (display_name_sealed, username_sealed, avatar_url_sealed, country_code, locale, time_zone,
  preferences, attributes_sealed, updated_at, version, schema_version) ON profiles TO %[1]s;

GRANT INSERT ON key_encryption_keys TO %[1]s;
-- A key that is deleted or overwritten is lost, and the data with it.
GRANT INSERT ON service_keys, user_keys TO %[1]s;
GRANT EXECUTE ON FUNCTION user_keys_delete_erased(uuid[]) TO %[1]s;

GRANT INSERT, DELETE, UPDATE (value_sealed, is_primary, verified_at, given_by, value_index, updated_at, version,
  schema_version) ON contacts TO %[1]s;
GRANT INSERT, DELETE ON identifiers TO %[1]s;

GRANT INSERT, DELETE, UPDATE (hash, last_reset, must_change, updated_at, version, schema_version)
  ON credentials TO %[1]s;
GRANT INSERT, DELETE, UPDATE (used_at) ON temporary_passwords TO %[1]s;
GRANT INSERT, DELETE, UPDATE (sample, cost_us, noted_at) ON password_schemes TO %[1]s;
GRANT INSERT, DELETE, UPDATE (used_at) ON setup_links TO %[1]s;
GRANT INSERT, DELETE, UPDATE (failures, window_started_at, blocked_until, expires_at) ON sign_in_throttles TO %[1]s;
GRANT INSERT, DELETE, UPDATE (token_hash, assurance_level, last_seen_at, revoked_at, end_reason, address_sealed,
  user_agent_sealed, schema_version, confirmed_at) ON sessions TO %[1]s;

-- The lock that protects the last administrator is FOR NO KEY UPDATE on the row of the role. UPDATE of these columns
-- permits it.
GRANT INSERT (id, name, description, created_at, updated_at, version, schema_version), DELETE,
  UPDATE (name, description, updated_at, version) ON roles, permissions TO %[1]s;
GRANT INSERT, DELETE ON role_permissions TO %[1]s;
GRANT INSERT, DELETE, UPDATE (expires_at, granted_by) ON user_roles TO %[1]s;
GRANT INSERT, DELETE, UPDATE (name_sealed, revoked_at, schema_version) ON api_keys TO %[1]s;
GRANT INSERT, DELETE, UPDATE (token_hash, revoked_at) ON api_keys TO %[1]s;
GRANT INSERT, DELETE ON api_key_roles TO %[1]s;

GRANT INSERT ON audit_logs TO %[1]s;
GRANT EXECUTE ON FUNCTION audit_month_ensure(date), audit_months() TO %[1]s;
GRANT INSERT, DELETE, UPDATE (attempts) ON refused_attempts TO %[1]s;

GRANT UPDATE (value, updated_at, version) ON settings TO %[1]s;
GRANT INSERT, DELETE, UPDATE (repeat_seconds, attempts, run_at, leased_by, leased_until, last_run_at, last_error)
  ON jobs TO %[1]s;
GRANT INSERT, DELETE, UPDATE (fingerprint, reply_sealed, created_at, expires_at, api_key_id)
  ON idempotency_keys TO %[1]s;
GRANT EXECUTE ON FUNCTION refresh_statistics() TO %[1]s;

GRANT INSERT, DELETE, UPDATE (last_seen_at) ON nodes TO %[1]s;
GRANT INSERT, DELETE, UPDATE (place, walked, changed, updated_at) ON schema_backfills TO %[1]s;
-- The service records the end of a backfill. It does nothing else with migrations.
GRANT INSERT ON schema_migrations TO %[1]s;

GRANT INSERT, UPDATE (format, content_mac, details_sealed, kek_id, wrapped_key, rows_read, rows_created, rows_skipped,
  rows_faulty, rows_undone, rows_kept, updated_at, finished_at, undone_at) ON import_runs TO %[1]s;
GRANT INSERT, UPDATE (stage, acting_id, acting_key_id, bytes_received, rows_checked, rows_new, rows_existing,
  rows_wrong, started_at) ON import_work TO %[1]s;
GRANT INSERT, DELETE ON import_chunks TO %[1]s;

GRANT INSERT, DELETE ON search_tokens TO %[1]s;
GRANT INSERT, DELETE, UPDATE (place, finished_at) ON search_builds TO %[1]s;

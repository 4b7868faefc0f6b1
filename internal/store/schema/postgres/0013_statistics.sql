-- Statistics: what the planner goes by, kept up to date where many rows came at once.

-- Runs with its owner's rights: who owns no table may not analyze one. Autovacuum does the same, later, and never for the parent of partitions.
CREATE FUNCTION refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  changed name;
BEGIN
  FOR changed IN
    SELECT relname FROM pg_stat_user_tables
     WHERE schemaname = current_schema() AND n_mod_since_analyze > 1000 + n_live_tup / 10
     ORDER BY relname
  LOOP
    EXECUTE format('ANALYZE %I', changed);
  END LOOP;
END $$;
COMMENT ON FUNCTION refresh_statistics() IS 'Analyzes the tables of which more than a tenth changed since that was done.';
REVOKE EXECUTE ON FUNCTION refresh_statistics() FROM PUBLIC;

INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  ('00000000-0000-7000-8009-00000000000b', 'statistics.refresh', 3600, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');

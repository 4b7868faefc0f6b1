-- What the version before the contraction of migration 0023 needs in addition.
GRANT DELETE, UPDATE (kek_id, wrapped_key, wrapped_at) ON service_keys, user_keys TO %[1]s;
GRANT UPDATE (retired_at, destroyed_at) ON key_encryption_keys TO %[1]s;
GRANT INSERT ON roles, permissions TO %[1]s;

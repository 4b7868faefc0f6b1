ALTER TABLE contacts VALIDATE CONSTRAINT contacts_value_ck;
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_address_ck;
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_user_agent_ck;
ALTER TABLE api_keys VALIDATE CONSTRAINT api_keys_name_ck;

-- No node of an older version is left. Nodes notice that within seconds and bind new values to their rows; the job then
-- encrypts the older values again. The service deletes the row when the job has finished.
INSERT INTO jobs (id, kind, created_at, run_at)
VALUES ('00000000-0000-7000-8028-000000000001', 'values.reencrypt', now(), now() + interval '1 minute');

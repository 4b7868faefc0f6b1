-- No node of an older version is left. Nodes notice that within seconds and bind new values to their rows; the job then
-- encrypts the older values again. The service deletes the row when the job has finished.
INSERT INTO jobs (id, kind, created_at, run_at)
VALUES (x'00000000000070008028000000000001', 'values.reencrypt', unixepoch() * 1000000, (unixepoch() + 60) * 1000000);

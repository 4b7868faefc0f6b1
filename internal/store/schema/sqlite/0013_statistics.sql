-- Statistics: what the planner goes by, kept up to date where many rows came at once.

INSERT INTO jobs (id, kind, repeat_seconds, created_at, run_at) VALUES
  (x'0000000000007000800900000000000b', 'statistics.refresh', 3600, 1767225600000000, 1767225600000000);

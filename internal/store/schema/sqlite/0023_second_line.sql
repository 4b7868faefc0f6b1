-- SQLite has no roles: who can write the file can do everything. So nothing changes here.
SELECT 1;

-- SQLite has no functions and no roles, and its triggers read only tables of their own database file. So nothing
-- changes here.
SELECT 1;

ALTER TABLE search_builds VALIDATE CONSTRAINT search_builds_form_ck;

-- A new database has no user to scan, so its index has the bucketed form already.
UPDATE search_builds SET form = 3 WHERE NOT EXISTS (SELECT 1 FROM search_tokens) AND NOT EXISTS (
  SELECT 1 FROM users WHERE kind IN ('person', 'service'));

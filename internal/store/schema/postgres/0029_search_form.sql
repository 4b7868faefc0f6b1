-- The form of search tokens: which ones a scan of all users writes. Programs of the first version write exact tokens,
-- and do not know the column.

ALTER TABLE search_builds ADD COLUMN form bigint NOT NULL DEFAULT 1;
ALTER TABLE search_builds ADD CONSTRAINT search_builds_form_ck CHECK (form BETWEEN 1 AND 3) NOT VALID;
COMMENT ON COLUMN search_builds.form IS '[internal] 1: exact; 2: both; 3: bucketed.';

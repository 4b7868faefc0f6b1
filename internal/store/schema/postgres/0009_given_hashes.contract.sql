-- Every hash is of a form that is known; those from before the expansion were of fewer.
ALTER TABLE credentials VALIDATE CONSTRAINT credentials_hash_ck;

-- Password schemes: which schemes the stored password hashes have, so that every sign-in takes the same time.

CREATE TABLE password_schemes (
  name      text NOT NULL,
  sample    text NOT NULL,
  cost_us   bigint NOT NULL,
  noted_at  timestamptz NOT NULL,
  CONSTRAINT password_schemes_pk PRIMARY KEY (name),
  CONSTRAINT password_schemes_name_ck CHECK (name ~ '^[a-z0-9]([a-z0-9 -]{0,62}[a-z0-9])?$'),
  CONSTRAINT password_schemes_sample_ck CHECK (
    char_length(sample) <= 512 AND sample ~ '^[$][A-Za-z0-9+/.,=$-]+$'),
  CONSTRAINT password_schemes_cost_ck CHECK (cost_us >= 0)
);
COMMENT ON TABLE password_schemes IS
  'Schemes of stored password hashes. Verifications take the time of the slowest one.';
COMMENT ON COLUMN password_schemes.name IS '[internal] Scheme; for a wrapped hash both schemes.';
COMMENT ON COLUMN password_schemes.sample IS '[internal] A hash of no user, of the most expensive parameters.';
COMMENT ON COLUMN password_schemes.cost_us IS '[internal] Estimated time of a verification, in microseconds.';
COMMENT ON COLUMN password_schemes.noted_at IS '[internal] When a hash of the scheme was last stored or found (UTC).';

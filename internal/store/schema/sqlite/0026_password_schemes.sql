-- Password schemes: which schemes the stored password hashes have, so that every sign-in takes the same time.

CREATE TABLE password_schemes ( -- Schemes of stored password hashes. Verifications take the time of the slowest one.
  name      TEXT NOT NULL, -- [internal] Scheme; for a wrapped hash both schemes.
  sample    TEXT NOT NULL, -- [internal] A hash of no user, of the most expensive parameters.
  cost_us   INTEGER NOT NULL, -- [internal] Estimated time of a verification, in microseconds.
  noted_at  INTEGER NOT NULL -- [internal] When a hash of the scheme was last stored or found (UTC).
    CONSTRAINT password_schemes_noted_at_form CHECK (noted_at BETWEEN 0 AND 253402300799999999),
  CONSTRAINT password_schemes_pk PRIMARY KEY (name),
  CONSTRAINT password_schemes_name_ck CHECK (
    length(name) BETWEEN 1 AND 64 AND name NOT GLOB '*[^a-z0-9 -]*' AND name GLOB '[a-z0-9]*'
      AND name GLOB '*[a-z0-9]'),
  CONSTRAINT password_schemes_sample_ck CHECK (
    length(sample) BETWEEN 2 AND 512 AND sample GLOB '$*' AND sample NOT GLOB '*[^A-Za-z0-9+/.,=$-]*'),
  CONSTRAINT password_schemes_cost_ck CHECK (cost_us >= 0)
) STRICT, WITHOUT ROWID;

-- An unverified address that a user typed: one user has it once, many users can have it.
CREATE UNIQUE INDEX contacts_unverified_uq ON contacts (value_index, user_id)
  WHERE value_index IS NOT NULL;

-- Encrypted values of contacts, sessions and API keys can be bound to their row: the id of the row is part of the
-- authenticated data, and the first byte is 0x02 (package seal). A program writes such values after the contraction.

ALTER TABLE contacts DROP CONSTRAINT contacts_value_ck,
  ADD CONSTRAINT contacts_value_ck CHECK (value_sealed = '\x00' OR (get_byte(value_sealed, 0) IN (1, 2)
    AND octet_length(value_sealed) BETWEEN 30 AND 512)) NOT VALID;

ALTER TABLE sessions DROP CONSTRAINT sessions_address_ck,
  ADD CONSTRAINT sessions_address_ck CHECK (address_sealed = '\x00' OR (get_byte(address_sealed, 0) IN (1, 2)
    AND octet_length(address_sealed) BETWEEN 30 AND 128)) NOT VALID;

ALTER TABLE sessions DROP CONSTRAINT sessions_user_agent_ck,
  ADD CONSTRAINT sessions_user_agent_ck CHECK (user_agent_sealed = '\x00' OR (get_byte(user_agent_sealed, 0) IN (1, 2)
    AND octet_length(user_agent_sealed) BETWEEN 30 AND 600)) NOT VALID;

ALTER TABLE api_keys DROP CONSTRAINT api_keys_name_ck,
  ADD CONSTRAINT api_keys_name_ck CHECK (name_sealed = '\x00' OR (get_byte(name_sealed, 0) IN (1, 2)
    AND octet_length(name_sealed) BETWEEN 30 AND 512)) NOT VALID;

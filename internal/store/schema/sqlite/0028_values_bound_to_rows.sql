-- Encrypted values of contacts, sessions and API keys can be bound to their row: the id of the row is part of the
-- authenticated data, and the first byte is 0x02 (package seal). A program writes such values after the contraction.

ALTER TABLE contacts DROP CONSTRAINT contacts_value_ck;
ALTER TABLE contacts ADD CONSTRAINT contacts_value_ck CHECK (value_sealed = x'00'
  OR (substr(value_sealed, 1, 1) IN (x'01', x'02') AND length(value_sealed) BETWEEN 30 AND 512));

ALTER TABLE sessions DROP CONSTRAINT sessions_address_ck;
ALTER TABLE sessions ADD CONSTRAINT sessions_address_ck CHECK (address_sealed = x'00'
  OR (substr(address_sealed, 1, 1) IN (x'01', x'02') AND length(address_sealed) BETWEEN 30 AND 128));

ALTER TABLE sessions DROP CONSTRAINT sessions_user_agent_ck;
ALTER TABLE sessions ADD CONSTRAINT sessions_user_agent_ck CHECK (user_agent_sealed = x'00'
  OR (substr(user_agent_sealed, 1, 1) IN (x'01', x'02') AND length(user_agent_sealed) BETWEEN 30 AND 600));

ALTER TABLE api_keys DROP CONSTRAINT api_keys_name_ck;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_name_ck CHECK (name_sealed = x'00'
  OR (substr(name_sealed, 1, 1) IN (x'01', x'02') AND length(name_sealed) BETWEEN 30 AND 512));

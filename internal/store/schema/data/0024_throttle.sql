-- Failed attempts count in a row and per account. The old default, 10 per quarter hour, becomes 5 in a row.

UPDATE settings
   SET value = CASE WHEN value = '10' AND version = 1 THEN '5' ELSE value END,
       description = 'Failed attempts in a row for an account, before attempts from unknown devices wait.',
       version = version + 1
 WHERE name = 'sign_in.failures_per_identifier';

-- The service's role cannot delete or overwrite data keys after the contraction: without its key, the data of a user is
-- lost. The service deletes the keys of erased users by this function. It runs with the permissions of its owner. The
-- names in its body were looked up when it was created.
CREATE FUNCTION user_keys_delete_erased(user_ids uuid[]) RETURNS bigint LANGUAGE sql SECURITY DEFINER
BEGIN ATOMIC
  WITH deleted AS (
    DELETE FROM user_keys k USING users u
     WHERE u.id = k.user_id AND u.erased_at IS NOT NULL AND k.user_id = ANY (user_ids)
    RETURNING k.user_id)
  SELECT count(*) FROM deleted;
END;
COMMENT ON FUNCTION user_keys_delete_erased(uuid[]) IS
  'Deletes the data keys of those of the users that are erased; returns their number.';

REVOKE EXECUTE ON FUNCTION user_keys_delete_erased(uuid[]) FROM PUBLIC;

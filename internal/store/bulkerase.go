package store

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// ErasedPerson is what is left of somebody: the rows as they are after.
type ErasedPerson struct {
	User    cardinal.User
	Profile ProfileRecord
}

// UntouchedAmong returns which of some people nobody has touched since they were made: no change, no session, no role since.
func (tx Tx) UntouchedAmong(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
	return queryIn(ctx, tx.Reader, scanID, `
		SELECT u.id
		  FROM users u
		  JOIN profiles p ON p.user_id = u.id AND p.version = 1
		  JOIN user_keys k ON k.user_id = u.id
		 WHERE u.version = 1 AND u.erased_at IS NULL
		   AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id)
		   AND NOT EXISTS (SELECT 1 FROM api_keys a WHERE a.user_id = u.id)
		   AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = u.id AND c.version > 1)
		   AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.user_id = u.id AND (c.version > 1 OR c.created_at > k.created_at))
		   AND NOT EXISTS (SELECT 1 FROM user_roles g WHERE g.user_id = u.id AND g.created_at > k.created_at)
		   AND u.id IN (`, ids)
}

// ErasePeople destroys all that is personal about some people, with the keys that opened it: what is left is their ids and
// placeholders. It goes through the transitions delete and erase, and cannot be taken back.
func (tx Tx) ErasePeople(ctx context.Context, ids []uuid.UUID, now time.Time) ([]ErasedPerson, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	list, args := placeholders(ids)
	for _, table := range []string{"search_tokens", "identifiers", "contacts", "credentials", "sessions", "user_roles", "user_keys"} {
		if _, err := tx.exec(ctx, `DELETE FROM `+table+` WHERE user_id IN (`+list+`)`, append([]any{}, args...)...); err != nil {
			return nil, err
		}
	}
	at := len(args) + 1
	bound := append(append([]any{}, args...), now)
	profiles, err := queryAll(ctx, tx.Reader, scanProfile, `
		UPDATE profiles
		   SET display_name_sealed = CASE WHEN display_name_sealed IS NULL THEN NULL ELSE `+tx.engine.erasedValue+` END,
		       username_sealed = CASE WHEN username_sealed IS NULL THEN NULL ELSE `+tx.engine.erasedValue+` END,
		       avatar_url_sealed = CASE WHEN avatar_url_sealed IS NULL THEN NULL ELSE `+tx.engine.erasedValue+` END,
		       attributes_sealed = CASE WHEN attributes_sealed IS NULL THEN NULL ELSE `+tx.engine.erasedValue+` END,
		       country_code = NULL, locale = 'und', time_zone = 'UTC', preferences = '{}', updated_at = `+param(at)+`, version = version + 1
		 WHERE user_id IN (`+list+`)
		RETURNING `+profileColumns, append([]any{}, bound...)...)
	if err != nil {
		return nil, err
	}
	if _, err := tx.exec(ctx, `
		UPDATE users
		   SET status = t.to_status, deleted_at = `+param(at)+`, status_before_deletion = users.status, updated_at = `+param(at)+`, version = users.version + 1
		  FROM user_status_transitions t
		 WHERE t.from_status = users.status AND t.action = 'delete' AND users.id IN (`+list+`)`, append([]any{}, bound...)...); err != nil {
		return nil, err
	}
	users, err := queryAll(ctx, tx.Reader, scanUser, `
		UPDATE users
		   SET status = t.to_status, erased_at = `+param(at)+`, updated_at = `+param(at)+`, version = users.version + 1
		  FROM user_status_transitions t
		 WHERE t.from_status = users.status AND t.action = 'erase' AND users.id IN (`+list+`)
		RETURNING `+userColumns, append([]any{}, bound...)...)
	if err != nil {
		return nil, err
	}
	of := make(map[uuid.UUID]ProfileRecord, len(profiles))
	for _, p := range profiles {
		of[p.UserID] = p
	}
	erased := make([]ErasedPerson, len(users))
	for i, u := range users {
		erased[i] = ErasedPerson{u, of[u.ID]}
	}
	return erased, nil
}

func param(n int) string { return "$" + strconv.Itoa(n) }

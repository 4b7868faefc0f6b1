package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ErasedUser is the rows that remain of an erased user.
type ErasedUser struct {
	User    UserRecord
	Profile ProfileRecord
}

// UnchangedUserIDs returns those of the users that are unchanged since their creation: no change, no session and no new
// role. A contact whose value was encrypted again has a higher version, and the same updated_at.
func (tx Tx) UnchangedUserIDs(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
	return queryIn(ctx, tx.Reader, scanID, `
		SELECT u.id
		  FROM users u
		  JOIN profiles p ON p.user_id = u.id AND p.version = 1
		  JOIN user_keys k ON k.user_id = u.id
		 WHERE u.version = 1 AND u.erased_at IS NULL
		   AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id)
		   AND NOT EXISTS (SELECT 1 FROM api_keys a WHERE a.user_id = u.id)
		   AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = u.id AND c.version > 1)
		   AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.user_id = u.id AND c.updated_at > k.created_at)
		   AND NOT EXISTS (SELECT 1 FROM user_roles g WHERE g.user_id = u.id AND g.created_at > k.created_at)
		   AND u.id IN (`, ids)
}

// EraseUsers destroys the personal data of some users and their data keys. Their ids and placeholder values remain. It
// runs the status transitions delete and erase, and cannot be undone.
func (tx Tx) EraseUsers(ctx context.Context, ids []uuid.UUID, now time.Time) ([]ErasedUser, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if tx.engine.name == "postgres" {
		// Checked at the commit, the rule about the last users with a role would see neither the grants nor the users.
		if _, err := tx.exec(ctx, `SET CONSTRAINTS user_roles_keep_holders IMMEDIATE`); err != nil {
			return nil, err
		}
	}
	list, args := placeholders(ids)
	for _, table := range []string{
		"search_tokens", "identifiers", "contacts", "temporary_passwords", "credentials", "sessions", "user_roles",
	} {
		_, err := tx.exec(ctx, `DELETE FROM `+table+` WHERE user_id IN (`+list+`)`, slices.Clone(args)...)
		if err != nil {
			return nil, err
		}
	}
	at := param(len(args) + 1)
	argsAndTime := append(slices.Clone(args), any(now))
	var erased strings.Builder
	for _, c := range ProfileColumns {
		value := c.erased
		if c.Encrypted() {
			value = `CASE WHEN ` + c.Name + ` IS NULL THEN NULL ELSE ` + tx.engine.erasedValue + ` END`
		}
		erased.WriteString(c.Name + ` = ` + value + `, `)
	}
	profiles, err := queryAll(ctx, tx.Reader, scanProfile, `
		UPDATE profiles
		   SET `+erased.String()+`updated_at = `+at+`, version = version + 1
		 WHERE user_id IN (`+list+`)
		RETURNING `+profileColumns, slices.Clone(argsAndTime)...)
	if err != nil {
		return nil, err
	}
	if _, err := tx.exec(ctx, `
		UPDATE users
		   SET status = t.to_status, deleted_at = `+at+`, status_before_deletion = users.status, updated_at = `+at+`,
		       version = users.version + 1
		  FROM user_status_transitions t
		 WHERE t.from_status = users.status AND t.action = 'delete' AND users.id IN (`+list+`)`,
		slices.Clone(argsAndTime)...); err != nil {
		return nil, err
	}
	users, err := queryAll(ctx, tx.Reader, scanUser, `
		UPDATE users
		   SET status = t.to_status, erased_at = `+at+`, updated_at = `+at+`, version = users.version + 1
		  FROM user_status_transitions t
		 WHERE t.from_status = users.status AND t.action = 'erase' AND users.id IN (`+list+`)
		RETURNING `+userColumns, slices.Clone(argsAndTime)...)
	if err != nil {
		return nil, err
	}
	if err := tx.engine.deleteUserKeys(ctx, tx, ids); err != nil { // after they are erased: PostgreSQL checks that
		return nil, err
	}
	profileOf := make(map[uuid.UUID]ProfileRecord, len(profiles))
	for _, p := range profiles {
		profileOf[p.UserID] = p
	}
	remaining := make([]ErasedUser, len(users))
	for i, u := range users {
		remaining[i] = ErasedUser{u, profileOf[u.ID]}
	}
	return remaining, nil
}

// param is the placeholder of the n-th argument.
func param(n int) string { return "$" + strconv.Itoa(n) }

package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// UserRecord is a row of users.
type UserRecord struct {
	cardinal.User
	StatusBeforeDeletion *string // nil while the user is not deleted
	SchemaVersion        int64
}

const userColumns = `users.id, users.kind, users.status, users.status_before_deletion, users.created_at,
  users.updated_at, users.deleted_at, users.erased_at, users.version, users.schema_version`

func scanUser(row scanner) (u UserRecord, err error) {
	err = row.Scan(&u.ID, &u.Kind, &u.Status, &u.StatusBeforeDeletion, timeInto{&u.CreatedAt}, timeInto{&u.UpdatedAt},
		nullTimeInto{&u.DeletedAt}, nullTimeInto{&u.ErasedAt}, &u.Version, &u.SchemaVersion)
	return u, err
}

// DigestUser digests a row of users.
func DigestUser(u UserRecord) cardinal.RowDigest {
	return digestRow("users", keyOf(u.ID), u.Version, u.ID, u.Kind, u.Status, u.StatusBeforeDeletion, u.CreatedAt,
		u.UpdatedAt, u.DeletedAt, u.ErasedAt, u.Version, u.SchemaVersion)
}

// User returns a user, also if it is soft-deleted or erased.
func (r Reader) User(ctx context.Context, id uuid.UUID) (UserRecord, error) {
	return queryOne(ctx, r, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`, id)
}

// lowestIDAt is cardinal.IDAt, also for times before 1970, which no id has: it returns the id before all others.
func lowestIDAt(t time.Time) uuid.UUID {
	if t.Before(time.UnixMilli(0)) {
		return uuid.Nil
	}
	return cardinal.IDAt(t)
}

// LockUser returns a user and locks it until the transaction ends.
func (tx Tx) LockUser(ctx context.Context, id uuid.UUID) (UserRecord, error) {
	return queryOne(ctx, tx.Reader, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`+tx.engine.lockRow, id)
}

// InsertUser adds a user with the initial status of an action; cardinal.ErrNotFound for an action that creates no
// users.
func (tx Tx) InsertUser(ctx context.Context, id uuid.UUID, kind, action string, now time.Time) (UserRecord, error) {
	status, err := tx.initialStatus(ctx, action)
	if err != nil {
		return UserRecord{}, err
	}
	u := UserRecord{SchemaVersion: 1}
	u.User = cardinal.User{ID: id, Kind: kind, Status: status, CreatedAt: now, UpdatedAt: now, Version: 1}
	return u, tx.execDeferred(ctx, `
		INSERT INTO users (id, kind, status, created_at, updated_at, version, schema_version)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		u.ID, u.Kind, u.Status, u.CreatedAt, u.UpdatedAt, u.Version, u.SchemaVersion)
}

// initialStatus returns the initial status of an action. It is cached, because the transitions change only by
// migration.
func (tx Tx) initialStatus(ctx context.Context, action string) (string, error) {
	if cached, ok := tx.engine.initialStatuses.Load(action); ok {
		return cached.(string), nil
	}
	status, err := queryOne(ctx, tx.Reader, scanText, `
		SELECT to_status FROM user_status_transitions WHERE from_status IS NULL AND action = $1`, action)
	if err == nil {
		tx.engine.initialStatuses.Store(action, status)
	}
	return status, err
}

// InitialStatuses returns the initial status of a user by the action that creates the user.
func (r Reader) InitialStatuses(ctx context.Context) (map[string]string, error) {
	type transition struct{ action, status string }
	transitions, err := queryAll(ctx, r, func(row scanner) (t transition, err error) {
		err = row.Scan(&t.action, &t.status)
		return t, err
	}, `SELECT action, to_status FROM user_status_transitions WHERE from_status IS NULL`)
	statuses := map[string]string{}
	for _, t := range transitions {
		statuses[t.action] = t.status
	}
	return statuses, err
}

// ChangeUserStatus changes a user's status by an action (suspend, reactivate, delete, restore, activate) of
// user_status_transitions. A restore sets the status from before the deletion. cardinal.ErrNotFound if the action is
// not allowed in the user's current status, or if the user does not have the given version.
func (tx Tx) ChangeUserStatus(
	ctx context.Context, id uuid.UUID, version int64, action string, now time.Time,
) (UserRecord, error) {
	return queryOne(ctx, tx.Reader, scanUser, `
		UPDATE users
		   SET status = t.to_status,
		       deleted_at = CASE WHEN s.is_deleted THEN COALESCE(users.deleted_at, $3) END,
		       status_before_deletion = CASE WHEN s.is_deleted
		         THEN COALESCE(users.status_before_deletion, users.status) END,
		       updated_at = $3, version = users.version + 1
		  FROM user_status_transitions t JOIN user_statuses s ON s.code = t.to_status
		 WHERE users.id = $1 AND users.version = $2 AND t.from_status = users.status AND t.action = $4
		   AND (s.is_deleted OR users.status_before_deletion IS NULL OR t.to_status = users.status_before_deletion)
		RETURNING `+userColumns, id, version, now, action)
}

// TouchUser increments a user's version when a row that belongs to the user changes, so that readers notice it.
func (tx Tx) TouchUser(ctx context.Context, id uuid.UUID, version int64, now time.Time) (UserRecord, error) {
	return queryOne(ctx, tx.Reader, scanUser, `
		UPDATE users SET updated_at = $3, version = version + 1 WHERE id = $1 AND version = $2
		RETURNING `+userColumns, id, version, now)
}

// UserStatus is a row of user_statuses.
type UserStatus struct {
	cardinal.Status
	AwaitsVerification bool // a verified contact activates the user, who has only signed up
}

// UserStatuses returns the statuses that a user can have.
func (r Reader) UserStatuses(ctx context.Context) ([]UserStatus, error) {
	return queryAll(ctx, r, func(row scanner) (s UserStatus, err error) {
		err = row.Scan(&s.Code, &s.Description, &s.CanSignIn, &s.IsDeleted, &s.IsErased, &s.AwaitsVerification)
		return s, err
	}, `
		SELECT s.code, s.description, s.can_sign_in, s.is_deleted, s.is_erased,
		       EXISTS (SELECT 1 FROM user_status_transitions t WHERE t.from_status = s.code AND t.action = 'activate')
		  FROM user_statuses s ORDER BY s.id`)
}

// UserKind is a kind of actor, and what it can have.
type UserKind struct {
	Code           string
	CanSignIn      bool
	CanHoldAPIKeys bool
	IsListed       bool
}

// UserKinds returns the kinds of users.
func (r Reader) UserKinds(ctx context.Context) ([]UserKind, error) {
	return queryAll(ctx, r, func(row scanner) (k UserKind, err error) {
		err = row.Scan(&k.Code, &k.CanSignIn, &k.CanHoldAPIKeys, &k.IsListed)
		return k, err
	}, `SELECT code, can_sign_in, can_hold_api_keys, is_listed FROM user_kinds ORDER BY id`)
}

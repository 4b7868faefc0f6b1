// Package hashes looks after the stored password hashes: it wraps those of weak schemes and notes which schemes are in
// use.
package hashes

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/password"
	"cardinal/internal/store"
)

// Jobs lists the background work on password hashes.
func Jobs() []directory.Job {
	return []directory.Job{{Kind: "password_hashes.check", Every: 15 * time.Minute, Long: true, Run: check}}
}

// check goes through all password hashes of other schemes: those of an import, and those of a program with other
// parameters. Weak ones are from before weak hashes were wrapped at the import, or from a node of an older version.
func check(ctx context.Context, k directory.Desk, _ uuid.UUID) error {
	d := k.Directory()
	// An import that began before this check can commit hashes that the check does not find.
	startedAt := d.Now().Add(-time.Minute)
	inUse := map[string]password.SchemeInUse{}
	for after := (uuid.UUID{}); ; {
		rows, err := d.Store().Read(ctx).OtherHashes(ctx, d.Hasher().Prefix(), after, directory.BatchSize)
		if err != nil {
			return err
		}
		for _, row := range rows {
			hash, err := wrapIfWeak(ctx, k, row)
			if err != nil {
				return err
			}
			password.AddInUse(inUse, hash)
			after = row.UserID
		}
		if len(rows) < directory.BatchSize {
			break
		}
	}
	return d.Store().Write(ctx, func(tx store.Tx) error {
		if err := directory.NotePasswordSchemes(ctx, tx, d.Now(), inUse); err != nil {
			return err
		}
		return tx.DeletePasswordSchemes(ctx, startedAt)
	})
}

// wrapIfWeak wraps a hash that is weak, unless it was replaced meanwhile, and returns the hash that the user has.
func wrapIfWeak(ctx context.Context, k directory.Desk, row store.UserHash) (string, error) {
	d := k.Directory()
	stored, err := password.ParseStored(row.Hash)
	if errors.Is(err, password.ErrUnusable) || err == nil && !d.Hasher().MustWrap(stored) {
		return row.Hash, nil
	}
	if err != nil {
		return "", err
	}
	wrapped, err := k.WrapHash(ctx, stored)
	if err != nil {
		return "", err
	}
	rule := directory.Rule{Action: "password.wrap", Permission: "jobs.run", Subject: row.UserID}
	return directory.Change(ctx, k, rule, func(tx *directory.Tx) (string, error) {
		current, err := tx.LockCredential(ctx, row.UserID)
		if errors.Is(err, cardinal.ErrNotFound) || err == nil && current.Hash != row.Hash {
			return current.Hash, nil
		}
		if err != nil {
			return "", err
		}
		current.Hash = wrapped
		after, err := tx.UpdateCredential(ctx, current, tx.Now)
		tx.RecordRows(store.DigestCredential(after))
		tx.RecordMasked("credentials.hash")
		return wrapped, err
	})
}

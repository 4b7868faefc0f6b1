// Package reencrypt encrypts stored values again, in the current format. Values of contacts, sessions and API keys that
// were written before the contraction of store.BoundRowMigration are bound to their user and not to their row: an
// attacker who can write to the database could move a value to another row of the same user.
package reencrypt

import (
	"bytes"
	"context"
	"errors"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// Jobs lists the background work of the package. The contraction of store.BoundRowMigration schedules it.
func Jobs() []directory.Job {
	return []directory.Job{{Kind: "values.reencrypt", Long: true, Run: bindToRows}}
}

// bindToRows encrypts all values that are not bound to their row. It repeats the scan until it finds none: a process
// that noticed the contraction late can have added some. Values that cannot be decrypted are reported and stay.
func bindToRows(ctx context.Context, k directory.Desk, _ uuid.UUID) error {
	for {
		changed := 0
		for _, table := range []store.RowTable{store.ContactRows, store.SessionRows, store.APIKeyRows} {
			n, err := scanTable(ctx, k, table)
			if err != nil {
				return err
			}
			changed += n
		}
		if changed == 0 {
			return nil
		}
	}
}

// scanTable goes through a table in batches, and returns how many rows it changed.
func scanTable(ctx context.Context, k directory.Desk, table store.RowTable) (changed int, err error) {
	for after := (store.RowKey{}); ; {
		rows, err := k.Directory().Store().Read(ctx).RowKeys(ctx, table, after, directory.BatchSize)
		if err != nil {
			return changed, err
		}
		var older []store.RowKey
		for _, row := range rows {
			if row.IsOlder {
				older = append(older, row)
			}
		}
		if len(older) > 0 {
			n, err := bindRows(ctx, k, table, older)
			if changed += n; err != nil {
				return changed, err
			}
		}
		if len(rows) < directory.BatchSize {
			return changed, nil
		}
		after = rows[len(rows)-1]
	}
}

// bindRows encrypts the values of some rows again, sorted by user, with one event per user, in one transaction. It
// returns how many rows it changed.
func bindRows(ctx context.Context, k directory.Desk, table store.RowTable, rows []store.RowKey) (int, error) {
	rule := directory.Rule{Action: "user.reencrypt", Permission: "jobs.run"}
	return directory.Change(ctx, k, rule, func(tx *directory.Tx) (int, error) {
		keys, err := userKeys(ctx, tx, rows)
		if err != nil {
			return 0, err
		}
		changed := 0
		for len(rows) > 0 {
			b := binder{tx: tx, key: keys[rows[0].UserID], event: tx.Event}
			b.event.ID, b.event.SubjectID, b.columns = cardinal.NewID(), rows[0].UserID, map[string]any{}
			for ; len(rows) > 0 && rows[0].UserID == b.event.SubjectID; rows = rows[1:] {
				err := b.bind(ctx, table, rows[0])
				if err != nil && !errors.Is(err, cardinal.ErrNotFound) { // the row was deleted since it was read
					return 0, err
				}
			}
			if len(b.event.ChangedRows) > 0 {
				b.event.Changes = tx.Desk.Directory().ColumnChanges(b.columns)
				tx.RelatedEvents = append(tx.RelatedEvents, b.event)
				changed += len(b.event.ChangedRows)
			}
		}
		return changed, nil
	})
}

// userKeys returns the keys of the users of some rows.
func userKeys(ctx context.Context, tx *directory.Tx, rows []store.RowKey) (map[uuid.UUID]seal.Key, error) {
	var ids []uuid.UUID
	for _, row := range rows {
		if len(ids) == 0 || ids[len(ids)-1] != row.UserID {
			ids = append(ids, row.UserID)
		}
	}
	records, err := tx.UserKeys(ctx, ids)
	keys := make(map[uuid.UUID]seal.Key, len(records))
	for _, record := range records {
		keys[record.UserID] = tx.Desk.Directory().ReadingKey(record)
	}
	return keys, err
}

// binder encrypts the values of the rows of one user, and collects the event about them.
type binder struct {
	tx      *directory.Tx
	key     seal.Key
	event   store.EventRecord
	columns map[string]any // changed columns; their values are not shown
}

// bind encrypts the values of one row.
func (b *binder) bind(ctx context.Context, table store.RowTable, row store.RowKey) error {
	switch table {
	case store.ContactRows:
		return b.bindContact(ctx, row)
	case store.SessionRows:
		return b.bindSession(ctx, row)
	default:
		return b.bindAPIKey(ctx, row)
	}
}

// value encrypts one value in place, and reports whether it changed.
func (b *binder) value(row store.RowKey, table, column string, encrypted *[]byte) bool {
	bound := b.tx.Desk.Directory().BindToRow(b.key, table, column, row.UserID, row.ID, *encrypted)
	if bytes.Equal(bound, *encrypted) {
		return false
	}
	*encrypted = bound
	b.columns[table+"."+column] = nil
	return true
}

func (b *binder) record(digest cardinal.RowDigest) {
	b.event.ChangedRows = append(b.event.ChangedRows, digest)
}

func (b *binder) bindContact(ctx context.Context, row store.RowKey) error {
	record, err := b.tx.LockContact(ctx, row.UserID, row.ID)
	if err != nil || !b.value(row, "contacts", "value_sealed", &record.ValueSealed) {
		return err
	}
	after, err := b.tx.SetContactValue(ctx, record)
	b.record(store.DigestContact(after))
	return err
}

func (b *binder) bindSession(ctx context.Context, row store.RowKey) error {
	record, err := b.tx.LockSession(ctx, row.UserID, row.ID)
	if err != nil {
		return err
	}
	address := b.value(row, "sessions", "address_sealed", &record.AddressSealed)
	if userAgent := b.value(row, "sessions", "user_agent_sealed", &record.UserAgentSealed); !address && !userAgent {
		return nil
	}
	record.SchemaVersion = directory.ValuesVersion(row.ID)
	after, err := b.tx.SetSessionValues(ctx, record)
	b.record(store.DigestSession(after))
	return err
}

func (b *binder) bindAPIKey(ctx context.Context, row store.RowKey) error {
	record, err := b.tx.LockAPIKey(ctx, row.ID)
	if err != nil || !b.value(row, "api_keys", "name_sealed", &record.NameSealed) {
		return err
	}
	record.SchemaVersion = directory.ValuesVersion(row.ID)
	b.record(store.DigestAPIKey(record))
	return b.tx.SetAPIKeyName(ctx, record)
}

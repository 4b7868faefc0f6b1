package directory

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// Encrypted values: how they are written, and what readers see when one cannot be decrypted.

// EncryptText encrypts a text for a column of a user's row; nil for an empty text. rowID is what BoundRow returned;
// uuid.Nil in a table where a user has one row, and in the audit log.
func EncryptText(key seal.Key, table, column string, userID, rowID uuid.UUID, text string) []byte {
	if text == "" {
		return nil
	}
	return key.Seal([]byte(text), valuePlace(table, column, userID, rowID))
}

func valuePlace(table, column string, userID, rowID uuid.UUID) seal.Place {
	return seal.Place{Table: table, Column: column, UserID: userID, RowID: rowID, SchemaVersion: 1}
}

// rowFormat caches whether new values are bound to their rows. It never becomes false again.
type rowFormat struct {
	bound      atomic.Bool
	validUntil atomic.Int64 // Unix time in nanoseconds, of the answer that they are not
}

// boundRowPropagation is how old the answer of BoundRow can be.
const boundRowPropagation = 5 * time.Second

// BoundRow returns the id that the values of a new row are bound to: its own. Before the contraction of
// store.BoundRowMigration it returns uuid.Nil: nodes of an older version can be running, and cannot decrypt values that
// are bound to a row.
func (d *Directory) BoundRow(ctx context.Context, r store.Reader, id uuid.UUID) (uuid.UUID, error) {
	if d.rowFormat.bound.Load() {
		return id, nil
	}
	if now := time.Now(); now.UnixNano() >= d.rowFormat.validUntil.Load() {
		contracted, err := r.HasContraction(ctx, store.BoundRowMigration)
		if err != nil {
			return uuid.Nil, err
		}
		if contracted {
			d.rowFormat.bound.Store(true)
			return id, nil
		}
		d.rowFormat.validUntil.Store(now.Add(boundRowPropagation).UnixNano())
	}
	return uuid.Nil, nil
}

// RowReader decrypts the values of one row for a reader. A value that cannot be decrypted is empty, and its field is in
// Unreadable: it must not hide everything else.
type RowReader struct {
	Unreadable []string

	d             *Directory
	key           seal.Key
	table         string
	userID, rowID uuid.UUID
}

// RowReader returns a reader of the values of one row. rowID is uuid.Nil in a table where a user has one row, and in
// the audit log.
func (d *Directory) RowReader(key seal.Key, table string, userID, rowID uuid.UUID) *RowReader {
	return &RowReader{d: d, key: key, table: table, userID: userID, rowID: rowID}
}

// Text decrypts the value of a column. nil and an erased value are the empty text.
func (r *RowReader) Text(column, field string, encrypted []byte) string {
	if encrypted == nil {
		return ""
	}
	text, err := decryptText(r.key, r.table, column, r.userID, r.rowID, encrypted)
	if err != nil {
		r.fail(column, field)
	}
	return text
}

// fail reports a value that cannot be decrypted.
func (r *RowReader) fail(column, field string) {
	r.Unreadable = append(r.Unreadable, field)
	r.d.ReportUnreadable(r.table, column, r.userID, r.rowID)
}

// decryptText decrypts what EncryptText encrypted; the empty text for an erased value. The error is seal.ErrDecrypt,
// also for a key that is not set.
func decryptText(key seal.Key, table, column string, userID, rowID uuid.UUID, encrypted []byte) (string, error) {
	if key.IsZero() && len(encrypted) != len(seal.Placeholder()) {
		return "", seal.ErrDecrypt
	}
	plain, err := key.Open(encrypted, valuePlace(table, column, userID, rowID))
	if errors.Is(err, seal.ErrErased) {
		return "", nil
	}
	return string(plain), err
}

// ValuesVersion returns the schema_version of a new session or API key whose values are bound to row, the result of
// BoundRow.
func ValuesVersion(row uuid.UUID) int64 {
	if row == uuid.Nil {
		return 1
	}
	return 2
}

// BindToRow encrypts a value again if it is not bound to its row yet. Other values, erased ones and nil are returned as
// they are; so is a value that cannot be decrypted, which is reported.
func (d *Directory) BindToRow(
	key seal.Key, table, column string, userID, rowID uuid.UUID, encrypted []byte,
) []byte {
	if len(encrypted) <= len(seal.Placeholder()) || seal.BindsRow(encrypted) {
		return encrypted
	}
	text, err := decryptText(key, table, column, userID, rowID, encrypted)
	if err != nil {
		d.ReportUnreadable(table, column, userID, rowID)
		return encrypted
	}
	return EncryptText(key, table, column, userID, rowID, text)
}

// unreadableValues counts values that could not be decrypted, by table and column.
type unreadableValues struct {
	sync.Mutex
	counts map[string]uint64
	logged map[string]time.Time // the last line in the log
}

// unreadableLogInterval is the shortest time between two lines in the log about one column: a list of users can read
// the same values many times per second.
const unreadableLogInterval = time.Minute

// ReportUnreadable logs and counts a value that cannot be decrypted. The column must be one of the program's own: there
// is a counter for each.
func (d *Directory) ReportUnreadable(table, column string, userID, rowID uuid.UUID) {
	name, now := table+"."+column, time.Now()
	u := &d.unreadable
	u.Lock()
	if u.counts == nil {
		u.counts, u.logged = map[string]uint64{}, map[string]time.Time{}
	}
	u.counts[name]++
	total, last := u.counts[name], u.logged[name]
	isLogged := now.Sub(last) >= unreadableLogInterval
	if isLogged {
		u.logged[name] = now
	}
	u.Unlock()
	if isLogged {
		d.log.Warn("an encrypted value cannot be decrypted; cardinal check finds more",
			"column", name, "user_id", userID, "row_id", rowID, "total", total)
	}
}

// Unreadable returns how many reads found a value that could not be decrypted, by table and column, since the start.
func (d *Directory) Unreadable() map[string]uint64 {
	d.unreadable.Lock()
	defer d.unreadable.Unlock()
	return maps.Clone(d.unreadable.counts)
}

// ReadingKey unwraps the data key of a user for reading. A key that cannot be unwrapped is reported; the zero Key is
// returned for it, with which every value is unreadable. That a key-encryption key is missing is noticed when the
// service starts.
func (d *Directory) ReadingKey(record store.UserKeyRecord) seal.Key {
	if !record.KEKID.Valid {
		return seal.Key{}
	}
	key, err := d.keys.Unwrap(record)
	if err != nil {
		d.ReportUnreadable("user_keys", "wrapped_key", record.UserID, uuid.Nil)
	}
	return key
}

// ReadingKeys returns the data keys of some users for reading, read with one statement. A user without a key is left
// out.
func (d *Directory) ReadingKeys(
	ctx context.Context, r store.Reader, userIDs []uuid.UUID,
) (map[uuid.UUID]seal.Key, error) {
	records, err := r.UserKeys(ctx, userIDs)
	if err != nil {
		return nil, err
	}
	keys := make(map[uuid.UUID]seal.Key, len(records))
	for _, record := range records {
		keys[record.UserID] = d.ReadingKey(record)
	}
	return keys, nil
}

// readingKey returns the data key of a user for reading; the zero Key if there is none.
func (d *Directory) readingKey(ctx context.Context, r store.Reader, userID uuid.UUID) (seal.Key, error) {
	keys, err := d.ReadingKeys(ctx, r, []uuid.UUID{userID})
	return keys[userID], err
}

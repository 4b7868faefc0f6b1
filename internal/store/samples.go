package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// EncryptedColumn is an encrypted column.
type EncryptedColumn struct {
	Table, Column string
	owner, id     string   // the columns of the user whose key decrypts the value, and of the row's id
	order         []string // the columns of the primary key
}

// EncryptedColumns are the columns that are encrypted with the key of a user. The stored responses of idempotency_keys
// are missing: their key is derived from a header that is not stored.
func EncryptedColumns() []EncryptedColumn {
	var places []EncryptedColumn
	var profile []string
	for _, c := range ProfileColumns {
		if c.Encrypted() {
			profile = append(profile, c.Name)
		}
	}
	for _, t := range []struct {
		table, owner, id string
		order            []string
		columns          []string
	}{
		{"profiles", "user_id", "user_id", []string{"user_id"}, profile},
		{"contacts", "user_id", "id", []string{"user_id", "id"}, []string{"value_sealed"}},
		{"sessions", "user_id", "id", []string{"user_id", "id"}, []string{"address_sealed", "user_agent_sealed"}},
		{"api_keys", "user_id", "id", []string{"user_id", "id"}, []string{"name_sealed"}},
		{"audit_logs", "actor_id", "id", []string{"subject_id", "id"}, []string{"address_sealed", "user_agent_sealed"}},
	} {
		for _, column := range t.columns {
			places = append(places, EncryptedColumn{t.table, column, t.owner, t.id, t.order})
		}
	}
	return places
}

// EncryptedValue is an encrypted value with the wrapped key that should decrypt it.
type EncryptedValue struct {
	OwnerID, RowID uuid.UUID
	Ciphertext     []byte
	Key            UserKeyRecord // its KEKID is not valid if the owner has no key
}

// SampleEncryptedColumn returns at most limit values of an encrypted column, half of them from each end of the table in
// the order of its primary key.
func (r Reader) SampleEncryptedColumn(ctx context.Context, p EncryptedColumn, limit int) ([]EncryptedValue, error) {
	const rowsPerValue = 10 // rows to read per value: most users have no picture, for example
	end := func(direction string) string {
		return fmt.Sprintf(`
		    SELECT * FROM (
		      SELECT * FROM (SELECT %s AS owner, %s AS row_id, %s AS sealed FROM %s ORDER BY %s LIMIT %s) x
		       WHERE x.sealed IS NOT NULL LIMIT %s) y`,
			p.owner, p.id, p.Column, p.Table, strings.Join(p.order, direction+", ")+direction,
			limitText(limit*rowsPerValue/2), limitText(limit/2))
	}
	return queryAll(ctx, r, func(row scanner) (v EncryptedValue, err error) {
		err = row.Scan(&v.OwnerID, &v.RowID, &v.Ciphertext, &v.Key.KEKID, &v.Key.WrappedKey)
		v.Key.UserID = v.OwnerID
		return v, err
	}, `
		SELECT s.owner, s.row_id, s.sealed, k.kek_id, k.wrapped_key
		  FROM (`+end("")+` UNION `+end(" DESC")+`) s LEFT JOIN user_keys k ON k.user_id = s.owner
		 ORDER BY s.row_id`)
}

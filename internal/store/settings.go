package store

import (
	"context"
	"time"

	"cardinal"
	"cardinal/internal/rowdigest"
)

const settingColumns = `id, name, description, value, updated_at, version`

func scanSetting(row scanner) (s cardinal.Setting, err error) {
	err = row.Scan(&s.ID, &s.Name, &s.Description, jsonInto{&s.Value}, timeInto{&s.UpdatedAt}, &s.Version)
	return s, err
}

// DigestSetting digests a row of settings.
func DigestSetting(s cardinal.Setting) (cardinal.RowDigest, error) {
	value, err := rowdigest.Canonical(s.Value)
	if err != nil {
		return cardinal.RowDigest{}, err
	}
	return digestRow("settings", keyOf(s.ID), s.Version, s.ID, s.Name, value, s.UpdatedAt, s.Version), nil
}

// Settings returns all settings by name; numbers are float64.
func (r Reader) Settings(ctx context.Context) ([]cardinal.Setting, error) {
	return queryAll(ctx, r, scanSetting, `SELECT `+settingColumns+` FROM settings ORDER BY name`+r.engine.byteCollation)
}

// Setting returns the setting with a name; a number is a float64.
func (r Reader) Setting(ctx context.Context, name string) (cardinal.Setting, error) {
	return queryOne(ctx, r, scanSetting, `SELECT `+settingColumns+` FROM settings WHERE name = $1`, name)
}

// LockSetting returns the setting with a name and locks it until the transaction ends.
func (tx Tx) LockSetting(ctx context.Context, name string) (cardinal.Setting, error) {
	return queryOne(ctx, tx.Reader, scanSetting,
		`SELECT `+settingColumns+` FROM settings WHERE name = $1`+tx.engine.lockRow, name)
}

// UpdateSetting updates a setting's value if it still has the given version; it returns the new row. A value that is
// not a JSON string, number or boolean Violates "settings_value_ck".
func (tx Tx) UpdateSetting(
	ctx context.Context, name string, version int64, value any, now time.Time,
) (cardinal.Setting, error) {
	text, err := rowdigest.Canonical(value)
	if err != nil {
		return cardinal.Setting{}, err
	}
	return queryOne(ctx, tx.Reader, scanSetting, `
		UPDATE settings SET value = $3, updated_at = $4, version = version + 1
		 WHERE name = $1 AND version = $2
		RETURNING `+settingColumns, name, version, text, now)
}

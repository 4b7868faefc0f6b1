package store

import (
	"context"

	"github.com/google/uuid"

	"cardinal"
)

const attributeDefinitionColumns = `id, name, description, value_type, is_searchable, created_at, updated_at, version`

func scanAttributeDefinition(row scanner) (d cardinal.AttributeDefinition, err error) {
	err = row.Scan(&d.ID, &d.Name, &d.Description, &d.ValueType, &d.IsSearchable, timeInto{&d.CreatedAt},
		timeInto{&d.UpdatedAt}, &d.Version)
	return d, err
}

// DigestAttributeDefinition digests a row of attribute_definitions.
func DigestAttributeDefinition(d cardinal.AttributeDefinition) cardinal.RowDigest {
	return digestRow("attribute_definitions", keyOf(d.ID), d.Version, d.ID, d.Name, d.Description, d.ValueType,
		d.IsSearchable, d.CreatedAt, d.UpdatedAt, d.Version)
}

// AttributeDefinitions returns a page of the attribute definitions, one more than the limit if there are more.
func (r Reader) AttributeDefinitions(ctx context.Context, p cardinal.Page) ([]cardinal.AttributeDefinition, error) {
	w := whereClause{}
	w.page(`id`, allIDs(p))
	return queryAll(ctx, r, scanAttributeDefinition,
		`SELECT `+attributeDefinitionColumns+` FROM attribute_definitions`+w.sql(), w.args...)
}

// AllAttributeDefinitions returns the attribute definitions by name, at most 1,000.
func (r Reader) AllAttributeDefinitions(ctx context.Context) ([]cardinal.AttributeDefinition, error) {
	return queryAll(ctx, r, scanAttributeDefinition, `
		SELECT `+attributeDefinitionColumns+`
		  FROM attribute_definitions ORDER BY name`+r.engine.byteCollation+` LIMIT 1000`)
}

// AttributeDefinition returns an attribute definition.
func (r Reader) AttributeDefinition(ctx context.Context, id uuid.UUID) (cardinal.AttributeDefinition, error) {
	return queryOne(ctx, r, scanAttributeDefinition,
		`SELECT `+attributeDefinitionColumns+` FROM attribute_definitions WHERE id = $1`, id)
}

// InsertAttributeDefinition adds an attribute definition; it Violates "attribute_definitions_name_uq" if the name is
// taken.
func (tx Tx) InsertAttributeDefinition(
	ctx context.Context, d cardinal.AttributeDefinition,
) (cardinal.AttributeDefinition, error) {
	return queryOne(ctx, tx.Reader, scanAttributeDefinition, `
		INSERT INTO attribute_definitions (`+attributeDefinitionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		RETURNING `+attributeDefinitionColumns,
		d.ID, d.Name, d.Description, d.ValueType, d.IsSearchable, d.CreatedAt, d.UpdatedAt, d.Version)
}

// DeleteAttributeDefinition deletes a definition if it still has the given version. Values in profiles stay unchanged.
func (tx Tx) DeleteAttributeDefinition(ctx context.Context, id uuid.UUID, version int64) error {
	n, err := tx.exec(ctx, `DELETE FROM attribute_definitions WHERE id = $1 AND version = $2`, id, version)
	if err == nil && n == 0 {
		return cardinal.ErrNotFound
	}
	return err
}

package directory

import (
	"context"
	"regexp"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

var attributeNamePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// AttributeDefinitions returns a page of the declared custom attributes. Every authenticated actor can read them.
func (k Desk) AttributeDefinitions(
	ctx context.Context, p cardinal.Page,
) (cardinal.List[cardinal.AttributeDefinition], error) {
	if err := k.requireAuthenticated(); err != nil {
		return cardinal.List[cardinal.AttributeDefinition]{}, err
	}
	found, err := k.d.store.Read(ctx).AttributeDefinitions(ctx, p)
	return cardinal.PageOf(found, p.Limit), err
}

// CreateAttributeDefinition declares a custom attribute.
func (k Desk) CreateAttributeDefinition(
	ctx context.Context, in cardinal.NewAttributeDefinition,
) (cardinal.AttributeDefinition, error) {
	r := Rule{Action: "attribute.create", Permission: "attributes.create"}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.AttributeDefinition, error) {
		var check Input
		if !attributeNamePattern.MatchString(in.Name) {
			check.Add("/name", "attribute_name_format")
		}
		in.Description = check.Description("/description", in.Description)
		if in.ValueType != "string" && in.ValueType != "number" && in.ValueType != "boolean" {
			check.Add("/value_type", "value_type_unknown")
		}
		if err := check.Err(); err != nil {
			return cardinal.AttributeDefinition{}, err
		}
		definition, err := tx.InsertAttributeDefinition(ctx, cardinal.AttributeDefinition{
			ID: cardinal.NewID(), Name: in.Name, Description: in.Description, ValueType: in.ValueType,
			IsSearchable: in.IsSearchable, CreatedAt: tx.Now, UpdatedAt: tx.Now, Version: 1,
		})
		if err != nil {
			return definition, err
		}
		tx.RecordRows(store.DigestAttributeDefinition(definition))
		tx.RecordChange("attribute_definitions.name", nil, definition.Name)
		return definition, nil
	})
}

// DeleteAttributeDefinition deletes the declaration of a custom attribute. Profiles keep their values until these are
// changed.
func (k Desk) DeleteAttributeDefinition(ctx context.Context, id uuid.UUID, version int64) error {
	r := Rule{Action: "attribute.delete", Permission: "attributes.delete"}
	_, err := Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
		before, err := tx.AttributeDefinition(ctx, id)
		if err != nil {
			return struct{}{}, err
		}
		if err := CheckVersion(before.Version, version); err != nil {
			return struct{}{}, err
		}
		if err := tx.Tx.DeleteAttributeDefinition(ctx, id, version); err != nil {
			return struct{}{}, err
		}
		tx.RecordRows(store.DeletedRow("attribute_definitions", id))
		tx.RecordChange("attribute_definitions.name", before.Name, nil)
		return struct{}{}, nil
	})
	return err
}

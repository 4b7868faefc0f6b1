package storetest

import (
	"testing"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func attributes(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	var inserted []cardinal.AttributeDefinition
	insert := func(name string) error {
		d := cardinal.AttributeDefinition{ID: cardinal.NewID(), Name: name, Description: "Größe 👟", ValueType: "number",
			CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1}
		return txError(t, s, func(tx store.Tx) (cardinal.AttributeDefinition, error) {
			got, err := tx.InsertAttributeDefinition(ctx, d)
			if err == nil {
				wantEqual(t, "InsertAttributeDefinition", got, d)
				inserted = append(inserted, d)
			}
			return got, err
		})
	}
	for _, name := range []string{"ab", "a_c", "a1", "b", "a"} {
		if err := insert(name); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, "AttributeDefinition", must(r.AttributeDefinition(ctx, inserted[1].ID))(t), inserted[1])
	wantEqual(t, "AttributeDefinitions", readPages(t, func(d cardinal.AttributeDefinition) uuid.UUID {
		return d.ID
	}, func(p cardinal.Page) ([]cardinal.AttributeDefinition, error) {
		return r.AttributeDefinitions(ctx, p)
	}), inserted)
	var names []string
	for _, d := range must(r.AllAttributeDefinitions(ctx))(t) {
		names = append(names, d.Name)
	}
	wantEqual(t, "AllAttributeDefinitions, sorted by bytes", names, []string{"a", "a1", "a_c", "ab", "b"})
	wantViolation(t, "attribute_definitions_name_uq", insert("ab"))
	wantViolation(t, "attribute_definitions_name_ck", insert("Ab"))
	remove := func(version int64) error {
		return s.Write(ctx, func(tx store.Tx) error {
			return tx.DeleteAttributeDefinition(ctx, inserted[0].ID, version)
		})
	}
	wantError(t, "DeleteAttributeDefinition, stale version", cardinal.ErrNotFound, remove(2))
	if err := remove(1); err != nil {
		t.Error(err)
	}
	_, err := r.AttributeDefinition(ctx, inserted[0].ID)
	wantError(t, "AttributeDefinition after DeleteAttributeDefinition", cardinal.ErrNotFound, err)
}

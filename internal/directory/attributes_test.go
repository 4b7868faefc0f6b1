package directory_test

import (
	"testing"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

func TestAttributes(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		admin, _ := w.NewPerson(t, "administrator")
		desk := w.DeskOf(admin)
		declare := func(name, kind string) cardinal.AttributeDefinition {
			return value(desk.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
				Name: name, Description: "What it is.", ValueType: kind,
			}))(t)
		}
		w.ResetEvents(t)
		text := declare("motto", "string")
		w.ExpectEvents(t, event{
			Action: "attribute.create", Actor: admin.ID, Subject: cardinal.SystemID,
			Changes: []string{"attribute_definitions.name >motto"},
			Rows:    []string{"attribute_definitions"},
		})
		declare("height", "number")
		declare("vegan", "boolean")
		set := func(u cardinal.User, version int64, values map[string]any) (cardinal.Profile, error) {
			return desk.UpdateProfile(ctx, u.ID, version, cardinal.ProfileChange{Attributes: cardinal.Set(values)})
		}
		t.Run("Types", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			p := value(set(u, 1, map[string]any{"motto": "Onward", "height": 1.8, "vegan": true}))(t)
			_, err := set(u, p.Version, map[string]any{
				"motto": 1.0, "height": "tall", "vegan": map[string]any{}, "colour": "red", "a/b~c": 1.0,
			})
			expectRefusal(t, err,
				"/attributes/a~1b~0c attribute_unknown, /attributes/colour attribute_unknown, "+
					"/attributes/height attribute_type, /attributes/motto attribute_type, "+
					"/attributes/vegan attribute_type")
			p = value(set(u, p.Version, map[string]any{"motto": nil, "height": 1.9}))(t)
			if len(p.Attributes) != 2 || p.Attributes["height"] != 1.9 {
				t.Errorf("attributes %+v", p.Attributes)
			}
		})
		t.Run("InvalidInput", func(t *testing.T) {
			_, err := desk.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
				Name: "Bad Name", ValueType: "list",
			})
			expectRefusal(t, err,
				"/description text_empty, /name attribute_name_format, /value_type value_type_unknown")
			_, err = desk.CreateAttributeDefinition(ctx, cardinal.NewAttributeDefinition{
				Name: "motto", Description: "Twice.", ValueType: "string",
			})
			expectRefusal(t, err, "attribute_name_taken")
		})
		t.Run("DeleteKeepsValues", func(t *testing.T) {
			u, _ := w.NewPerson(t)
			p := value(set(u, 1, map[string]any{"motto": "Onward", "vegan": true}))(t)
			expectRefusal(t, desk.DeleteAttributeDefinition(ctx, text.ID, text.Version+1), "stale 1")
			w.ResetEvents(t)
			noError(t, desk.DeleteAttributeDefinition(ctx, text.ID, text.Version))
			w.ExpectEvents(t, event{
				Action: "attribute.delete", Actor: admin.ID, Subject: cardinal.SystemID,
				Changes: []string{"attribute_definitions.name motto>"},
				Rows:    []string{"-attribute_definitions"},
			})
			_, err := set(u, p.Version, map[string]any{"motto": "Backward"})
			expectRefusal(t, err, "/attributes/motto attribute_unknown")
			p = value(set(u, p.Version, map[string]any{"vegan": false}))(t)
			if p.Attributes["motto"] != "Onward" {
				t.Errorf("attributes %+v", p.Attributes)
			}
			p = value(set(u, p.Version, map[string]any{"motto": nil}))(t)
			if _, there := p.Attributes["motto"]; there {
				t.Errorf("attributes %+v", p.Attributes)
			}
		})
	})
}

package importfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Extras says where another system's export keeps what its users added to a person; "" for Cardinal's own formats. Of that only what
// Options.Map names is kept.
func Extras(format string) string {
	return map[string]string{"auth0": "user_metadata and app_metadata", "keycloak": "attributes", "supabase": "raw_user_meta_data and raw_app_meta_data",
		"kratos": "traits, metadata_public and metadata_admin", "firebase": "customAttributes", "pocketbase": "fields of your own"}[format]
}

// extra is a member of a person in another system's export that becomes an attribute.
type extra struct {
	path      string // names with dots between: user_metadata.team
	attribute string
}

// extrasOf reads which members of an export become attributes.
func extrasOf(format string, told map[string]string) ([]extra, error) {
	var extras []extra
	for _, path := range slices.Sorted(maps.Keys(told)) {
		attribute, ok := strings.CutPrefix(told[path], "attributes.")
		if !ok || attribute == "" || path == "" {
			return nil, fmt.Errorf("%w: members of this export become attributes only: --map user_metadata.team=attributes.team, not %q (it is read as %s)", ErrFile, path+"="+told[path], format)
		}
		extras = append(extras, extra{path, attribute})
	}
	return extras, nil
}

// take makes attributes of members; what a person has not is left out.
func (row *Row) take(extras []extra) {
	if len(extras) == 0 || len(row.Faults) > 0 {
		return
	}
	var members any
	if json.Unmarshal(row.raw, &members) != nil {
		return // its converter has said so
	}
	for _, e := range extras {
		value := memberAt(members, e.path)
		if list, ok := value.([]any); ok && len(list) == 1 {
			value = list[0] // Keycloak's are lists, mostly of one
		}
		if value == nil {
			continue
		}
		if row.Person.Attributes == nil {
			row.Person.Attributes = map[string]any{}
		}
		row.Person.Attributes[e.attribute] = value
	}
}

// memberAt follows a path into an object. A name may have dots itself, and an object may stand as text, as in Firebase's exports.
func memberAt(value any, path string) any {
	if text, ok := value.(string); ok && json.Unmarshal([]byte(text), &value) != nil {
		return nil
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	if found, ok := members[path]; ok {
		return found
	}
	for i := range path {
		if path[i] != '.' {
			continue
		}
		if below, ok := members[path[:i]]; ok {
			if found := memberAt(below, path[i+1:]); found != nil {
				return found
			}
		}
	}
	return nil
}

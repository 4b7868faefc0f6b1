package importfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CustomFields describes the members of another system's export that contain custom fields, "" for Cardinal's own
// formats. An import keeps only the custom fields in Options.Map.
func CustomFields(format string) string {
	switch format {
	case "auth0":
		return "user_metadata and app_metadata"
	case "keycloak":
		return "attributes"
	case "supabase":
		return "raw_user_meta_data and raw_app_meta_data"
	case "kratos":
		return "traits, metadata_public and metadata_admin"
	case "firebase":
		return "customAttributes"
	case "pocketbase":
		return "custom fields"
	}
	return ""
}

// extra is a member of a user in another system's export that becomes an attribute.
type extra struct {
	path      string // names separated by dots: user_metadata.team
	attribute string
}

// parseExtras returns the members of an export that become attributes. attributes is Options.Map.
func parseExtras(format string, attributes map[string]string) ([]extra, error) {
	var extras []extra
	for _, path := range slices.Sorted(maps.Keys(attributes)) {
		attribute, ok := strings.CutPrefix(attributes[path], "attributes.")
		if !ok || attribute == "" || path == "" {
			return nil, fmt.Errorf("%w: %q is not possible: the format of the file is %s, and there "+
				"--map can only map a "+
				"member to an attribute, as in --map user_metadata.team=attributes.team",
				ErrFile, path+"="+attributes[path], format)
		}
		extras = append(extras, extra{path, attribute})
	}
	return extras, nil
}

// addExtras sets attributes from members. It omits missing members.
func (row *Row) addExtras(extras []extra) {
	if len(extras) == 0 || len(row.Errors) > 0 {
		return
	}
	var members any
	if json.Unmarshal(row.raw, &members) != nil {
		return // the converter has reported that
	}
	for _, e := range extras {
		value := findMember(members, e.path)
		if list, ok := value.([]any); ok && len(list) == 1 {
			value = list[0] // the attributes of Keycloak are lists, mostly of one value
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

// findMember returns the member at a path. A name can contain dots, and a string can contain an object as JSON, as in
// Firebase's exports.
func findMember(value any, path string) any {
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
		if member, ok := members[path[:i]]; ok {
			if found := findMember(member, path[i+1:]); found != nil {
				return found
			}
		}
	}
	return nil
}

package importing

import (
	"context"
	"time"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/store"
)

// rules are what the rows of a file are checked with. They are read once per import, so that a row needs no statement.
type rules struct {
	desk            directory.Desk
	settings        directory.Settings
	now             time.Time
	attributes      map[string]string // types by name
	searchable      []string          // names of the searchable attributes
	countries       map[string]bool
	grantable       map[string]grantableRole // roles that the actor can grant, by name
	ungrantable     map[string]bool          // names of the other roles
	canVerify       bool                     // whether the actor can mark contacts as verified
	initialStatuses map[string]bool          // statuses that a new user can have
	defaultStatus   string                   // of a row without a status
}

// newRules reads the rules as they are for the desk's actor.
func newRules(ctx context.Context, k directory.Desk, r store.Reader) (*rules, error) {
	rules := &rules{
		desk: k, now: k.Directory().Now(), attributes: map[string]string{}, countries: map[string]bool{},
		grantable: map[string]grantableRole{}, ungrantable: map[string]bool{}, initialStatuses: map[string]bool{},
	}
	var err error
	if rules.settings, err = k.Directory().CurrentSettings(ctx, r); err != nil {
		return nil, err
	}
	definitions, err := r.AllAttributeDefinitions(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range definitions {
		rules.attributes[d.Name] = d.ValueType
		if d.IsSearchable {
			rules.searchable = append(rules.searchable, d.Name)
		}
	}
	countries, err := r.Countries(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range countries {
		rules.countries[c.Code] = true
	}
	initial, err := r.InitialStatuses(ctx)
	if err != nil {
		return nil, err
	}
	if rules.canVerify, err = k.HasPermission(ctx, r, "contacts.verify"); err != nil {
		return nil, err
	}
	rules.defaultStatus = initial["create"]
	for _, status := range initial {
		rules.initialStatuses[status] = true
	}
	return rules, rules.readRoles(ctx, r)
}

// grantableRole is a role that the actor can grant, and until when.
type grantableRole struct {
	cardinal.Role
	limit directory.Limit
}

// readRoles reads which roles the actor can grant, by the same rule as access.GrantRole: the actor needs the permission
// roles.grant and every permission of the role, the role must be assignable, and the grant cannot outlast them.
func (rules *rules) readRoles(ctx context.Context, r store.Reader) error {
	k := rules.desk
	ends, err := k.PermissionEnds(ctx, r)
	if err != nil {
		return err
	}
	for page := (cardinal.Page{Limit: 200}); ; {
		roles, err := r.Roles(ctx, page)
		if err != nil {
			return err
		}
		for _, role := range roles[:min(len(roles), page.Limit)] {
			limit, err := ends.WithRole(ctx, r, ends.Limit("roles.grant"), role)
			if err != nil {
				return err
			}
			if limit.Held() && role.IsAssignable {
				rules.grantable[role.Name] = grantableRole{role, limit}
			} else {
				rules.ungrantable[role.Name] = true
			}
		}
		if len(roles) <= page.Limit {
			return nil
		}
		page.After = roles[page.Limit-1].ID
	}
}

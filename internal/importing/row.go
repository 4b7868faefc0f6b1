package importing

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/normal"
	"cardinal/internal/password"
	"cardinal/internal/store"
)

// rules is what rows are held against. It is read once a run, so that a row costs no statement.
type rules struct {
	desk            directory.Desk
	settings        directory.Settings
	now             time.Time
	attributes      map[string]string // types by name
	searchable      []string          // names of those that people are found by
	countries       map[string]bool
	roles           map[string]cardinal.Role // that the importer may grant
	ungrantable     map[string]bool          // roles there are that the importer may not grant
	initialStatuses map[string]bool          // statuses that somebody can come in
	defaultStatus   string                   // of who comes without one
}

// newRules reads them as the desk's actor may use them.
func newRules(ctx context.Context, k directory.Desk, r store.Reader) (*rules, error) {
	rules := &rules{desk: k, now: k.Directory().Now(), attributes: map[string]string{}, countries: map[string]bool{}, roles: map[string]cardinal.Role{}, ungrantable: map[string]bool{}, initialStatuses: map[string]bool{}}
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
	rules.defaultStatus = initial["create"]
	for _, status := range initial {
		rules.initialStatuses[status] = true
	}
	return rules, rules.readRoles(ctx, r)
}

// readRoles sorts the roles into those that the importer may grant and others, as GrantRole would.
func (rules *rules) readRoles(ctx context.Context, r store.Reader) error {
	k := &rules.desk
	mayGrant, err := k.HasPermission(ctx, r, "roles.grant")
	if err != nil {
		return err
	}
	for page := (cardinal.Page{Limit: 200}); ; {
		roles, err := r.Roles(ctx, page)
		if err != nil {
			return err
		}
		for _, role := range roles[:min(len(roles), page.Limit)] {
			holds := mayGrant && role.IsAssignable
			if holds {
				if holds, err = r.HoldsAllOf(ctx, k.Caller(), role.ID, rules.now); err != nil {
					return err
				}
			}
			if holds {
				rules.roles[role.Name] = role
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

// checkedRow is a row whose form is right: who is to be made of it.
type checkedRow struct {
	cardinal.ImportRow
	number      int64
	id          uuid.UUID // the file's, or a new one
	username    string    // in normal form, like the contacts'
	contacts    []contact
	verified    []*time.Time // when, of each contact
	identifiers []identifierUse
	hash        *password.Given
	roles       map[string]roleGrant // by name
}

// contact is a contact of a row, with its normal form.
type contact struct {
	kind, typed, normal string
	primary, verified   bool
}

// roleGrant is a role that the file gives, and until when.
type roleGrant struct {
	id      uuid.UUID
	expires *time.Time
}

// identifierUse is what the candidate needs that must be unique, and where the file says so.
type identifierUse struct {
	index   []byte
	pointer string
}

// check finds every fault of a row.
func (rules *rules) check(row cardinal.ImportRow) (checkedRow, error) {
	var check directory.Input
	c := checkedRow{ImportRow: row}
	rules.checkIdentity(&check, &c)
	c.username = check.ProfileTexts(&c.ImportRow)
	if c.Username != "" {
		c.identifiers = append(c.identifiers, identifierUse{rules.desk.Directory().Keys().BlindIndex(normal.KindUsername, c.username), "/username"})
	}
	if c.Country = strings.ToUpper(c.Country); c.Country != "" && !rules.countries[c.Country] {
		check.Add("/country", "country_unknown")
	}
	check.Document("/preferences", c.Preferences)
	rules.checkAttributes(&check, &c)
	rules.checkContacts(&check, &c)
	rules.checkPassword(&check, &c)
	rules.checkRoles(&check, &c)
	if len(c.identifiers) == 0 && c.ID == uuid.Nil {
		check.Add("", "row_without_identifier")
	}
	return c, check.Err()
}

func (rules *rules) checkIdentity(check *directory.Input, c *checkedRow) {
	d := rules.desk.Directory()
	if c.ID != uuid.Nil && (c.ID.Version() != 7 || cardinal.IsBuiltIn(c.ID)) {
		check.Add("/id", "id_format")
	}
	if c.Kind == "" {
		c.Kind = "person"
	}
	if kind, ok := d.Kind(c.Kind); !ok || !kind.IsListed {
		check.Add("/kind", "kind_unknown", strings.Join(d.ListedKinds(), ", "))
	} else if !kind.CanSignIn && (c.Username != "" || c.Email != "" || c.Phone != "" || len(c.Contacts) > 0 || c.PasswordHash != "") {
		check.Add("/kind", "kind_cannot_sign_in", c.Kind)
	}
	if c.Status == "" {
		c.Status = rules.defaultStatus
	} else if !rules.initialStatuses[c.Status] {
		check.Add("/status", "status_unknown", rules.statuses())
	}
	c.CreatedAt = rules.past(check, "/created_at", c.CreatedAt, time.Unix(0, 0))
	if c.CreatedAt == nil {
		c.CreatedAt = &rules.now
	}
	deleted := d.Status(c.Status).IsDeleted
	switch {
	case !deleted && (c.DeletedAt != nil || c.StatusBeforeDeletion != ""):
		check.Add("/deleted_at", "deletion_unexpected")
	case deleted:
		if c.DeletedAt = rules.past(check, "/deleted_at", c.DeletedAt, *c.CreatedAt); c.DeletedAt == nil {
			c.DeletedAt = &rules.now
		}
		if c.StatusBeforeDeletion == "" {
			c.StatusBeforeDeletion = rules.defaultStatus
		} else if !rules.initialStatuses[c.StatusBeforeDeletion] || d.Status(c.StatusBeforeDeletion).IsDeleted {
			check.Add("/status_before_deletion", "status_unknown", rules.statuses())
		}
	}
}

// statuses lists the statuses that a user can be imported with.
func (rules *rules) statuses() string {
	return strings.Join(slices.Sorted(maps.Keys(rules.initialStatuses)), ", ")
}

// past brings a time to what both databases keep; it must lie between a moment and now.
func (rules *rules) past(check *directory.Input, pointer string, t *time.Time, since time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC().Truncate(time.Microsecond)
	if at.Before(since) || at.After(rules.now) {
		check.Add(pointer, "time_range")
	}
	return &at
}

func (rules *rules) checkAttributes(check *directory.Input, c *checkedRow) {
	check.Document("/attributes", c.Attributes)
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		at := "/attributes/" + directory.PointerToken(name)
		want, known := rules.attributes[name]
		if s, ok := c.Attributes[name].(string); ok && known && want != "string" { // CSV has only texts
			if v, ok := fromText(want, s); ok {
				c.Attributes[name] = v
			}
		}
		switch {
		case c.Attributes[name] == nil:
			delete(c.Attributes, name)
		case !known:
			check.Add(at, "attribute_unknown")
		case want != directory.JSONType(c.Attributes[name]):
			check.Add(at, "attribute_type", want)
		}
	}
}

func fromText(valueType, s string) (any, bool) {
	if valueType == "boolean" {
		b, err := strconv.ParseBool(s)
		return b, err == nil
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// checkContacts brings email and phone together with the list of contacts: of each kind one is primary, the first unless the file says.
func (rules *rules) checkContacts(check *directory.Input, c *checkedRow) {
	type entry struct {
		cardinal.ImportContact
		pointer string
	}
	var list []entry
	add := func(pointer, kind, value string, verified bool) {
		if value != "" {
			e := entry{cardinal.ImportContact{Kind: kind, Value: value, IsPrimary: true}, pointer}
			if verified {
				e.VerifiedAt = &rules.now
			}
			list = append(list, e)
		}
	}
	add("/email", normal.KindEmail, c.Email, c.EmailVerified)
	add("/phone", normal.KindPhone, c.Phone, c.PhoneVerified)
	for i, contact := range c.Contacts {
		list = append(list, entry{contact, "/contacts/" + strconv.Itoa(i)})
	}
	if len(list) > cardinal.MaxContacts {
		check.Add("/contacts", "too_many_contacts", cardinal.MaxContacts)
	}
	primary := map[string]int{}
	for _, e := range list {
		if !slices.Contains(rules.desk.Directory().ContactKinds(), e.Kind) {
			check.Add(e.pointer+"/kind", "contact_kind_unknown", strings.Join(rules.desk.Directory().ContactKinds(), ", "))
			continue
		}
		value := check.Contact(e.pointer, e.Kind, e.Value)
		at, ok := primary[e.Kind]
		switch {
		case ok && e.IsPrimary && c.contacts[at].primary:
			check.Add(e.pointer, "contact_primary")
		case !ok || e.IsPrimary:
			primary[e.Kind] = len(c.contacts)
		}
		index := rules.desk.Directory().Keys().BlindIndex(e.Kind, value)
		if slices.ContainsFunc(c.identifiers, func(other identifierUse) bool { return string(other.index) == string(index) }) {
			check.Add(e.pointer, "identifier_already_yours")
		}
		c.identifiers = append(c.identifiers, identifierUse{index, e.pointer})
		c.contacts = append(c.contacts, contact{kind: e.Kind, typed: e.Value, normal: value, primary: e.IsPrimary, verified: e.VerifiedAt != nil})
		c.verified = append(c.verified, rules.past(check, e.pointer+"/verified_at", e.VerifiedAt, time.Unix(0, 0)))
	}
	if len(check.Faults) > 0 {
		return
	}
	for _, at := range primary {
		c.contacts[at].primary = true
	}
}

func (rules *rules) checkPassword(check *directory.Input, c *checkedRow) {
	c.PasswordSetAt = rules.past(check, "/password_set_at", c.PasswordSetAt, time.Unix(0, 0))
	if c.PasswordHash == "" {
		if c.MustChangePassword {
			check.Add("/must_change_password", "password_missing")
		}
		return
	}
	given, err := password.ReadGiven(c.PasswordHash)
	if err != nil {
		check.Add("/password_hash", "hash_unusable", strings.TrimPrefix(err.Error(), password.ErrUnusable.Error()+": "))
		return
	}
	c.hash = &given
	if len(c.identifiers) == 0 {
		check.Add("/password_hash", "password_without_identifier")
	}
}

func (rules *rules) checkRoles(check *directory.Input, c *checkedRow) {
	for i, r := range c.Roles {
		at := "/roles/" + strconv.Itoa(i)
		role, ok := rules.roles[r.Name]
		switch {
		case ok && rules.desk.Directory().Status(c.Status).IsDeleted, !ok && rules.ungrantable[r.Name]:
			check.Add(at, "role_not_assignable")
		case !ok:
			check.Add(at, "role_unknown")
		case r.ExpiresAt != nil && !r.ExpiresAt.After(rules.now):
			check.Add(at, "time_in_past")
		default:
			if c.roles == nil {
				c.roles = map[string]roleGrant{}
			}
			c.roles[role.Name] = roleGrant{role.ID, directory.TruncateTime(r.ExpiresAt)}
		}
	}
}

// existingUsers is what came of looking for candidates in the database.
type existingUsers struct {
	ids    map[uuid.UUID]bool
	owners map[string]uuid.UUID // holders, by index
}

// findExisting finds which candidates are there already, by three statements for all.
func findExisting(ctx context.Context, r store.Reader, list []checkedRow) (existingUsers, error) {
	found := existingUsers{map[uuid.UUID]bool{}, map[string]uuid.UUID{}}
	var ids []uuid.UUID
	var indexes [][]byte
	for i := range list {
		if list[i].ID != uuid.Nil {
			ids = append(ids, list[i].ID)
		}
		for _, c := range list[i].identifiers {
			indexes = append(indexes, c.index)
		}
	}
	there, err := r.UsersAmong(ctx, ids)
	if err != nil {
		return found, err
	}
	for _, id := range there {
		found.ids[id] = true
	}
	held, err := r.IdentifiersAmong(ctx, indexes)
	for _, h := range held {
		found.owners[string(h.ValueIndex)] = h.UserID
	}
	return found, err
}

// errExists says that a candidate is in the directory already.
var errExists = errors.New("there already")

// classify returns nil for a candidate who is new, errThere for one who is there, and faults for one who claims what others hold.
func (e existingUsers) classify(c *checkedRow) error {
	if e.ids[c.ID] {
		return errExists
	}
	var check directory.Input
	holders := map[uuid.UUID]bool{}
	for _, claim := range c.identifiers {
		if holder, ok := e.owners[string(claim.index)]; ok {
			holders[holder] = true
			check.Add(claim.pointer, "identifier_taken")
		}
	}
	if len(holders) == 1 && c.ID == uuid.Nil {
		return errExists
	}
	return check.Err()
}

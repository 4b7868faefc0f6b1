package importing

import (
	"bytes"
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
)

// checkedRow is a valid row of a file, with its values in their normal forms.
type checkedRow struct {
	cardinal.ImportRow
	number      int64
	id          uuid.UUID // of the user: the file's, or a new one
	username    string    // in normal form
	contacts    []contact
	identifiers []identifierUse // of the user name, and of each contact that reserves one
	hash        *password.ImportedHash
	roles       map[string]roleGrant // by name
}

// contact is a contact of a row, with its normal form.
type contact struct {
	kind, typed, normal string
	primary             bool
	verifiedAt          *time.Time
	index               []byte // blind index
	isTyped             bool   // its user typed it, and it is not verified: it reserves nothing
}

// roleGrant is a role that the file gives to a user, and when it expires.
type roleGrant struct {
	id      uuid.UUID
	expires *time.Time
}

// identifierUse is an identifier of a row, which must be unique over all users, and where it is in the row.
type identifierUse struct {
	index   []byte // blind index
	pointer string
}

// check finds every problem of a row.
func (rules *rules) check(row cardinal.ImportRow) (checkedRow, error) {
	var check directory.Input
	c := checkedRow{ImportRow: row}
	rules.checkIdentity(&check, &c)
	c.username = check.ProfileTexts(&c.ImportRow)
	if c.Username != "" {
		index := rules.desk.Directory().Keys().BlindIndex(normal.KindUsername, c.username)
		c.identifiers = append(c.identifiers, identifierUse{index, "/username"})
	}
	if c.Country = strings.ToUpper(c.Country); c.Country != "" && !rules.countries[c.Country] {
		check.Add("/country", "country_unknown")
	}
	check.Document("/preferences", c.Preferences)
	rules.checkAttributes(&check, &c)
	rules.checkContacts(&check, &c)
	rules.checkPassword(&check, &c)
	rules.checkRoles(&check, &c)
	if !c.hasSignIn() && c.ID == uuid.Nil {
		check.Add("", "row_without_identifier")
	}
	return c, check.Err()
}

// hasSignIn reports whether the row has something to sign in with, now or after a verification.
func (c *checkedRow) hasSignIn() bool { return c.username != "" || len(c.contacts) > 0 }

// checkIdentity checks the columns of the table users.
func (rules *rules) checkIdentity(check *directory.Input, c *checkedRow) {
	if c.ID != uuid.Nil && (c.ID.Version() != 7 || cardinal.IsBuiltIn(c.ID)) {
		check.Add("/id", "id_format")
	}
	rules.checkKind(check, c)
	if c.Status == "" {
		c.Status = rules.defaultStatus
	} else if !rules.initialStatuses[c.Status] {
		check.Add("/status", "status_unknown", rules.statuses())
	}
	c.CreatedAt = rules.pastTime(check, "/created_at", c.CreatedAt, time.Unix(0, 0))
	if c.CreatedAt == nil {
		c.CreatedAt = &rules.now
	}
	rules.checkDeletion(check, c)
}

func (rules *rules) checkKind(check *directory.Input, c *checkedRow) {
	d := rules.desk.Directory()
	if c.Kind == "" {
		c.Kind = "person"
	}
	hasSignIn := c.Username != "" || c.Email != "" || c.Phone != "" || len(c.Contacts) > 0 || c.PasswordHash != ""
	if kind, ok := d.Kind(c.Kind); !ok || !kind.IsListed {
		check.Add("/kind", "kind_unknown", strings.Join(d.ListedKinds(), ", "))
	} else if !kind.CanSignIn && hasSignIn {
		check.Add("/kind", "kind_cannot_sign_in", c.Kind)
	}
}

// checkDeletion checks when a deleted user was deleted, and which status it had.
func (rules *rules) checkDeletion(check *directory.Input, c *checkedRow) {
	d := rules.desk.Directory()
	if !d.Status(c.Status).IsDeleted {
		if c.DeletedAt != nil || c.StatusBeforeDeletion != "" {
			check.Add("/deleted_at", "deletion_unexpected")
		}
		return
	}
	if c.DeletedAt = rules.pastTime(check, "/deleted_at", c.DeletedAt, *c.CreatedAt); c.DeletedAt == nil {
		c.DeletedAt = &rules.now
	}
	if c.StatusBeforeDeletion == "" {
		c.StatusBeforeDeletion = rules.defaultStatus
	} else if !rules.initialStatuses[c.StatusBeforeDeletion] || d.Status(c.StatusBeforeDeletion).IsDeleted {
		check.Add("/status_before_deletion", "status_unknown", rules.statuses())
	}
}

// statuses lists the statuses that a user can be imported with.
func (rules *rules) statuses() string {
	return strings.Join(slices.Sorted(maps.Keys(rules.initialStatuses)), ", ")
}

// pastTime returns a time in the precision that both databases store. It must not be before earliest or in the future.
func (rules *rules) pastTime(check *directory.Input, pointer string, t *time.Time, earliest time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC().Truncate(time.Microsecond)
	if at.Before(earliest) || at.After(rules.now) {
		check.Add(pointer, "time_range")
	}
	return &at
}

func (rules *rules) checkAttributes(check *directory.Input, c *checkedRow) {
	check.Document("/attributes", c.Attributes)
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		pointer := "/attributes/" + directory.PointerToken(name)
		want, known := rules.attributes[name]
		if s, ok := c.Attributes[name].(string); ok && known && want != "string" { // in CSV every value is a text
			if v, ok := parseAttribute(want, s); ok {
				c.Attributes[name] = v
			}
		}
		switch {
		case c.Attributes[name] == nil:
			delete(c.Attributes, name)
		case !known:
			check.Add(pointer, "attribute_unknown")
		case want != directory.JSONType(c.Attributes[name]):
			check.Add(pointer, "attribute_type", want)
		}
	}
}

func parseAttribute(valueType, s string) (any, bool) {
	if valueType == "boolean" {
		b, err := strconv.ParseBool(s)
		return b, err == nil
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// fileContact is a contact as the file has it, and where.
type fileContact struct {
	cardinal.ImportContact
	pointer, verifiedPointer string
}

// fileContacts returns the email address, the phone number and the list of contacts of a row as one list.
func (rules *rules) fileContacts(c *checkedRow) []fileContact {
	var list []fileContact
	add := func(pointer, kind, value string, verified bool) {
		if value == "" {
			return
		}
		contact := fileContact{
			cardinal.ImportContact{Kind: kind, Value: value, IsPrimary: true}, pointer, pointer + "_verified",
		}
		if verified {
			contact.VerifiedAt = &rules.now
		}
		list = append(list, contact)
	}
	add("/email", normal.KindEmail, c.Email, c.EmailVerified)
	add("/phone", normal.KindPhone, c.Phone, c.PhoneVerified)
	for i, contact := range c.Contacts {
		pointer := "/contacts/" + strconv.Itoa(i)
		list = append(list, fileContact{contact, pointer, pointer + "/verified_at"})
	}
	return list
}

// checkContacts checks the contacts of a row. One contact of each kind is primary: the one that the file marks,
// otherwise the first.
func (rules *rules) checkContacts(check *directory.Input, c *checkedRow) {
	d := rules.desk.Directory()
	list := rules.fileContacts(c)
	if len(list) > cardinal.MaxContacts {
		check.Add("/contacts", "too_many_contacts", cardinal.MaxContacts)
	}
	primary := map[string]int{} // positions in c.contacts by kind
	for _, e := range list {
		if !slices.Contains(d.ContactKinds(), e.Kind) {
			check.Add(e.pointer+"/kind", "contact_kind_unknown", strings.Join(d.ContactKinds(), ", "))
			continue
		}
		value := check.Contact(e.pointer, e.Kind, e.Value)
		i, ok := primary[e.Kind]
		switch {
		case ok && e.IsPrimary && c.contacts[i].primary:
			check.Add(e.pointer, "contact_primary")
		case !ok || e.IsPrimary:
			primary[e.Kind] = len(c.contacts)
		}
		index := d.Keys().BlindIndex(e.Kind, value)
		isRepeated := func(other contact) bool { return bytes.Equal(other.index, index) }
		if slices.ContainsFunc(c.contacts, isRepeated) {
			check.Add(e.pointer, "identifier_already_yours")
		}
		if e.VerifiedAt != nil && !rules.canVerify {
			check.Add(e.verifiedPointer, "verified_not_allowed")
		}
		isTyped := e.GivenBy == cardinal.GivenByUser && e.VerifiedAt == nil
		if !isTyped {
			c.identifiers = append(c.identifiers, identifierUse{index, e.pointer})
		}
		switch e.GivenBy {
		case "", cardinal.GivenByUser, cardinal.GivenByAdministrator, cardinal.GivenByImport:
		default:
			check.Add(e.pointer+"/given_by", "given_by_unknown")
		}
		c.contacts = append(c.contacts, contact{
			kind: e.Kind, typed: e.Value, normal: value, primary: e.IsPrimary, index: index, isTyped: isTyped,
			verifiedAt: rules.pastTime(check, e.pointer+"/verified_at", e.VerifiedAt, time.Unix(0, 0)),
		})
	}
	if len(check.FieldErrors) > 0 {
		return
	}
	for _, i := range primary {
		c.contacts[i].primary = true
	}
}

func (rules *rules) checkPassword(check *directory.Input, c *checkedRow) {
	c.PasswordSetAt = rules.pastTime(check, "/password_set_at", c.PasswordSetAt, time.Unix(0, 0))
	if c.PasswordHash == "" {
		if c.MustChangePassword {
			check.Add("/must_change_password", "password_missing")
		}
		return
	}
	given, err := password.ParseImported(c.PasswordHash)
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), password.ErrUnusable.Error()+": ")
		if errors.Is(err, password.ErrTooExpensive) {
			check.Add("/password_hash", "hash_too_expensive", strings.TrimPrefix(reason, "too expensive: "))
		} else {
			check.Add("/password_hash", "hash_unusable", reason)
		}
		return
	}
	c.hash = &given
	if !c.hasSignIn() {
		check.Add("/password_hash", "password_without_identifier")
	}
}

func (rules *rules) checkRoles(check *directory.Input, c *checkedRow) {
	for i, r := range c.Roles {
		pointer := "/roles/" + strconv.Itoa(i)
		role, ok := rules.grantable[r.Name]
		switch {
		case ok && rules.desk.Directory().Status(c.Status).IsDeleted, !ok && rules.ungrantable[r.Name]:
			check.Add(pointer, "role_not_assignable")
		case !ok:
			check.Add(pointer, "role_unknown")
		case r.ExpiresAt != nil && !r.ExpiresAt.After(rules.now):
			check.Add(pointer, "time_in_past")
		case role.limit.Outlasted(r.ExpiresAt):
			check.Add(pointer, "outlasts_your_permissions", role.limit.Text())
		default:
			if c.roles == nil {
				c.roles = map[string]roleGrant{}
			}
			c.roles[role.Name] = roleGrant{role.ID, directory.TruncateTime(r.ExpiresAt)}
		}
	}
}

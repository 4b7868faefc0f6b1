package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cardinal"
	"cardinal/internal/normal"
	"cardinal/internal/store"
)

// CreateUser creates a user on behalf of an administrator: the user is active at once. To mark its addresses as
// verified needs contacts.verify too. A password is temporary, because the actor knows it, unless the actor passes on
// what the user typed, which needs credentials.relay.
func (k Desk) CreateUser(ctx context.Context, in cardinal.NewUser) (cardinal.User, error) {
	r := Rule{Action: "user.create", Permission: "users.create", RecentSignIn: true}
	draft, err := k.PrepareUser(ctx, r, in)
	if err != nil {
		return RecordDenied[cardinal.User](ctx, k, r, err)
	}
	return Change(ctx, k, r, func(tx *Tx) (cardinal.User, error) {
		if in.EmailVerified || in.PhoneVerified {
			if err := tx.RequirePermission(ctx, "contacts.verify"); err != nil {
				return cardinal.User{}, err
			}
		}
		if in.ChosenByUser {
			if err := tx.RequirePermission(ctx, "credentials.relay"); err != nil {
				return cardinal.User{}, err
			}
		}
		return tx.CreateUser(ctx, draft, "create")
	})
}

// UserDraft is a new user before the transaction that creates it.
type UserDraft struct {
	in       cardinal.NewUser
	hash     string // of the password; "" for none
	settings Settings
	checked  *checkedUser // nil while the input is not checked
}

// PrepareUser checks a new user and hashes its password. Hashing is expensive, so the permission and the input are
// checked first. Without a password nothing is expensive, and the input is checked in the transaction.
func (k Desk) PrepareUser(ctx context.Context, r Rule, in cardinal.NewUser) (UserDraft, error) {
	draft := UserDraft{in: in}
	if in.Password == "" {
		return draft, nil
	}
	reader, err := k.Read(ctx, r)
	if err != nil {
		return draft, err
	}
	if err := k.checkDraft(ctx, reader, &draft); err != nil {
		return draft, err
	}
	draft.hash, err = k.d.HashPassword(ctx, k.HashCaller(), in.Password)
	return draft, err
}

// checkDraft finds every error of a draft, and reads the settings where they matter.
func (k Desk) checkDraft(ctx context.Context, r store.Reader, draft *UserDraft) error {
	in := draft.in
	if in.Password != "" {
		var err error
		if draft.settings, err = k.d.CurrentSettings(ctx, r); err != nil {
			return err
		}
	}
	checked, err := k.checkNewUser(ctx, r, in, draft.settings)
	draft.checked = &checked
	return err
}

// CreateUser creates the user of a draft, in the status that an initial action of user_status_transitions gives.
func (tx *Tx) CreateUser(ctx context.Context, draft UserDraft, action string) (cardinal.User, error) {
	if draft.checked == nil {
		if err := tx.Desk.checkDraft(ctx, tx.Reader, &draft); err != nil {
			return cardinal.User{}, err
		}
	}
	in, id := draft.checked.NewUser, cardinal.NewID()
	tx.SetSubject(id)
	index := tx.Desk.d.keys.BlindIndex(normal.KindUsername, draft.checked.username)
	username := identifierClaim{userID: id, index: index, verified: true}
	contacts := newContacts(*draft.checked, tx.Desk.givenBy(id))
	// Everything is read before the first write: on PostgreSQL the writes are then sent together.
	if in.Username != "" {
		if err := tx.releaseIfAllowed(ctx, username); err != nil {
			return cardinal.User{}, err
		}
	}
	for _, c := range contacts {
		if !reservesIdentifier(c.givenBy, c.verified) {
			continue
		}
		if err := tx.releaseIfAllowed(ctx, c.claim(tx.Desk.d, id, nil)); err != nil {
			return cardinal.User{}, err
		}
	}
	user, err := tx.InsertUser(ctx, id, in.Kind, action, tx.Now)
	if err != nil {
		return user.User, err
	}
	key, wrapped := tx.Desk.d.keys.NewUserKey(id, tx.Now)
	if err := tx.InsertUserKey(ctx, wrapped); err != nil {
		return user.User, err
	}
	profile := ProfileOf(&in)
	profile.UserID, profile.CreatedAt, profile.UpdatedAt, profile.Version = id, tx.Now, tx.Now, 1
	record, err := EncryptProfile(profile, key)
	if err != nil {
		return user.User, err
	}
	if err := tx.InsertProfile(ctx, record); err != nil {
		return user.User, err
	}
	row, err := store.DigestProfile(record)
	if err != nil {
		return user.User, err
	}
	tx.RecordRows(store.DigestUser(user), row, store.DigestUserKey(wrapped))
	tx.RecordChange("users.status", nil, user.Status)
	tx.RecordChange("users.kind", nil, user.Kind)
	if in.Username != "" {
		if err := tx.insertIdentifier(ctx, username); err != nil {
			return user.User, err
		}
	}
	for _, c := range contacts {
		if _, err := tx.addContact(ctx, id, key, c); err != nil {
			return user.User, err
		}
	}
	if draft.hash != "" {
		if err := tx.insertCredential(ctx, id, draft); err != nil {
			return user.User, err
		}
	}
	text := SearchableText{Words: SearchWords(&profile), Attributes: in.Attributes}
	if in.Email != "" {
		text.AddEmail(draft.checked.email)
	}
	return user.User, tx.addSearchTokens(ctx, id, text)
}

// newContacts returns the contacts of a new user. Their identifiers are released before the contacts are added.
func newContacts(in checkedUser, givenBy string) []contactInput {
	all := []contactInput{
		{
			kind: normal.KindEmail, typed: in.Email, normal: in.email,
			primary: true, verified: in.EmailVerified, givenBy: givenBy, released: true,
		},
		{
			kind: normal.KindPhone, typed: in.Phone, normal: in.phone,
			primary: true, verified: in.PhoneVerified, givenBy: givenBy, released: true,
		},
	}
	return slices.DeleteFunc(all, func(c contactInput) bool { return c.typed == "" })
}

// checkedUser is a new user whose fields are valid, with the normal forms of what must be unique.
type checkedUser struct {
	cardinal.NewUser
	username, email, phone string
}

// checkNewUser finds every error of a new user at once.
func (k Desk) checkNewUser(ctx context.Context, r store.Reader, in cardinal.NewUser, s Settings) (checkedUser, error) {
	var check Input
	if in.Kind == "" {
		in.Kind = "person"
	}
	kind, ok := k.d.kinds[in.Kind]
	if !ok || !kind.IsListed {
		check.Add("/kind", "kind_unknown", strings.Join(k.d.ListedKinds(), ", "))
	} else if !kind.CanSignIn {
		for _, field := range []struct {
			pointer string
			given   bool
		}{
			{"/username", in.Username != ""}, {"/email", in.Email != ""}, {"/phone", in.Phone != ""},
			{"/password", in.Password != ""},
		} {
			if field.given {
				check.Add(field.pointer, "kind_cannot_sign_in", in.Kind)
			}
		}
	}
	username := check.ProfileTexts(&in)
	email := check.Text("/email", in.Email, normal.Email)
	phone := check.Text("/phone", in.Phone, normal.Phone)
	check.Document("/preferences", in.Preferences)
	in.Attributes = mergeObject(nil, &in.Attributes)
	if err := check.attributes(ctx, r, "/attributes", in.Attributes); err != nil {
		return checkedUser{}, err
	}
	if err := check.country(ctx, r, "/country", in.Country); err != nil {
		return checkedUser{}, err
	}
	if in.Password != "" {
		check.NewPassword("/password", in.Password, s, in.Email, in.Phone, in.Username, in.DisplayName)
		if in.Email == "" && in.Phone == "" && in.Username == "" {
			check.Add("/password", "password_without_identifier")
		}
	} else if in.MustChangePassword {
		check.Add("/must_change_password", "password_missing")
	}
	return checkedUser{in, username, email, phone}, check.Err()
}

// NewUserErrors returns the errors that the rules find in a new user, so that a request with errors of form lists these
// errors too. A caller who is not allowed to create users gets none.
func (k Desk) NewUserErrors(ctx context.Context, in cardinal.NewUser) ([]cardinal.FieldError, error) {
	r, err := k.Read(ctx, Rule{Permission: "users.create"})
	if errors.Is(err, cardinal.ErrForbidden) || errors.Is(err, cardinal.ErrUnauthenticated) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := k.d.CurrentSettings(ctx, r)
	if err != nil {
		return nil, err
	}
	_, err = k.checkNewUser(ctx, r, in, s)
	return cardinal.FieldErrorsOrError(err)
}

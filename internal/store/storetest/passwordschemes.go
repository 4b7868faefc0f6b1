package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal/internal/store"
)

func passwordSchemes(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	note := func(at time.Time, schemes ...store.PasswordScheme) error {
		return s.Write(ctx, func(tx store.Tx) error {
			for _, scheme := range schemes {
				if err := tx.NotePasswordScheme(ctx, scheme, at); err != nil {
					return err
				}
			}
			return nil
		})
	}
	cheap := store.PasswordScheme{Name: "2b", Sample: "$2b$10$cheap", Cost: 60 * time.Millisecond}
	expensive := store.PasswordScheme{Name: "2b", Sample: "$2b$12$expensive", Cost: 240 * time.Millisecond}
	other := store.PasswordScheme{Name: "argon2id-over 1", Sample: "$argon2id-over$other", Cost: time.Millisecond}
	if err := note(baseTime, expensive, other); err != nil {
		t.Fatal(err)
	}
	if err := note(baseTime.Add(time.Hour), cheap); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "PasswordSchemes", must(r.PasswordSchemes(ctx))(t), []store.PasswordScheme{expensive, other})
	write(t, s, func(tx store.Tx) error { return tx.DeletePasswordSchemes(ctx, baseTime.Add(time.Minute)) })
	wantEqual(t, "PasswordSchemes, after deletion", must(r.PasswordSchemes(ctx))(t),
		[]store.PasswordScheme{expensive})
	for constraint, scheme := range map[string]store.PasswordScheme{
		"password_schemes_name_ck":   {Name: "No name", Sample: "$a"},
		"password_schemes_sample_ck": {Name: "name", Sample: "clear text"},
		"password_schemes_cost_ck":   {Name: "name", Sample: "$a", Cost: -time.Second},
	} {
		wantViolation(t, constraint, note(baseTime, scheme))
	}

	var users []uuid.UUID
	for _, hash := range []string{
		"$2b$10$UserWithAnotherSchemeAE5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", phc("c2NoZW1lLW9mLXVzZXI"),
		"$2b$11$UserWithAnotherSchemeBE5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	} {
		users = append(users, newUser(t, s, "person"))
		write(t, s, func(tx store.Tx) error {
			return tx.InsertCredential(ctx, store.CredentialRecord{UserID: users[len(users)-1], Hash: hash,
				LastReset: baseTime, CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1, SchemaVersion: 1})
		})
	}
	own := "$argon2id$v=19$m=19456,t=2,p=1$"
	before := users[0]
	before[15]--
	first := must(r.OtherHashes(ctx, own, before, 1))(t)
	if len(first) != 1 || first[0].UserID != users[0] {
		t.Errorf("first are %v", first)
	}
	rest := must(r.OtherHashes(ctx, own, users[0], 9))(t)
	if len(rest) != 1 || rest[0].UserID != users[2] || rest[0].Hash[:7] != "$2b$11$" {
		t.Errorf("then %v", rest)
	}
}

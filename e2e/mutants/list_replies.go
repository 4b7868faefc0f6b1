package main

// replies are the protections of idempotent requests.
var replies = []mutant{
	{name: "a repeated request must have the same fingerprint", pkg: directoryTests, run: "TestIdempotency",
		edit: edit{"internal/directory/idempotency.go",
			`	if !hmac.Equal(kept.Fingerprint, record.Fingerprint) {`,
			`	if false && !hmac.Equal(kept.Fingerprint, record.Fingerprint) {`}},
	{name: "a stored reply belongs to its caller", pkg: directoryTests, run: "TestIdempotency",
		edit: edit{"internal/directory/idempotency.go",
			`CallerID: k.actor.UserID, Route:`, `CallerID: cardinal.AnonymousID, Route:`}},
	{name: "a stored reply belongs to its route", pkg: directoryTests, run: "TestIdempotency",
		edit: edit{"internal/directory/idempotency.go",
			`Route: k.request.Route,`, `Route: "POST /v1/users",`}},
	{name: "the reply is stored with its change", pkg: directoryTests, run: "TestIdempotency",
		edit: edit{"internal/directory/change.go",
			`		return tx.storeReply(ctx, out)`, `		return nil`}},
	{name: "the idempotency key is reserved before the change", pkg: directoryTests, run: "TestIdempotency",
		edit: edit{"internal/directory/idempotency.go",
			`	if inserted {
		return false, nil
	}`, `	if inserted || true {
		return false, nil
	}`}},
	{name: "a stored reply expires", pkg: directoryTests, run: "TestIdempotency",
		edit: edit{"internal/directory/idempotency.go",
			`	if !tx.Now.Before(kept.ExpiresAt) {`, `	if false {`}},
	{name: "the permission is checked before a reply is replayed", pkg: directoryTests, run: "TestIdempotency",
		edit: edit{"internal/directory/change.go",
			`		if err := tx.authorize(ctx, r); err != nil {
			return err
		}
		replayed, err := tx.replayReply(ctx, &out)
		if err != nil || replayed {
			return err
		}`, `		replayed, err := tx.replayReply(ctx, &out)
		if err != nil || replayed {
			return err
		}
		if err := tx.authorize(ctx, r); err != nil {
			return err
		}`}},
	{name: "session tokens are not stored for a replay", pkg: signinTests, run: "TestTokensNotStored",
		// The desk of the new session does not have the Idempotency-Key of the anonymous caller.
		edit: edit{"internal/signin/attempt.go",
			`	}, a.key)
`, `	}, a.key).Idempotent(a.caller.Request())
`},
		also: []edit{{"internal/directory/directory.go", `// Actor returns the actor.
`, `// Request returns the Idempotency-Key of the request.
func (k Desk) Request() *IdempotentRequest { return k.request }

// Actor returns the actor.
`}}},
	{name: "set-up links are not stored for a replay", pkg: signinTests, run: "TestTokensNotStored",
		edit: edit{"internal/signin/setup.go",
			`directory.Change(ctx, k.WithoutReply(), rule`, `directory.Change(ctx, k, rule`}},
	{name: "idempotency keys of anonymous callers are long", pkg: apiTests, run: "TestRefusals|TestIdempotencyKey",
		edit: edit{"internal/api/idempotency.go",
			`	} else if !actor.Known() && len(key) < 22 {`, `	} else if false {`}},
}

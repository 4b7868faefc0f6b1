package main

// replies are the protections of idempotent requests.
var replies = []mutant{
	{name: "a repeated request must have the same fingerprint", pkg: directoryTests, run: "TestOnce",
		edit: edit{"internal/directory/replay.go",
			`	if !hmac.Equal(kept.Fingerprint, claim.Fingerprint) {`,
			`	if false && !hmac.Equal(kept.Fingerprint, claim.Fingerprint) {`}},
	{name: "a stored reply belongs to its caller", pkg: directoryTests, run: "TestOnce",
		edit: edit{"internal/directory/replay.go",
			`store.IdempotencyRecord{CallerID: k.actor.UserID,`, `store.IdempotencyRecord{CallerID: cardinal.AnonymousID,`}},
	{name: "a stored reply belongs to its route", pkg: directoryTests, run: "TestOnce",
		edit: edit{"internal/directory/replay.go",
			`Route: k.once.Route,`, `Route: "POST /v1/users",`}},
	{name: "the reply is stored with its change", pkg: directoryTests, run: "TestOnce",
		edit: edit{"internal/directory/change.go",
			`		return c.keepReply(ctx, out)`, `		return nil`}},
	{name: "the idempotency key is reserved before the change", pkg: directoryTests, run: "TestOnce",
		edit: edit{"internal/directory/replay.go",
			`	if claimed {
		return false, nil
	}`, `	if claimed || true {
		return false, nil
	}`}},
	{name: "a stored reply expires", pkg: directoryTests, run: "TestOnce", edit: edit{"internal/directory/replay.go",
		`	if !c.now.Before(kept.ExpiresAt) {`, `	if false {`}},
	{name: "the permission is checked before a reply is replayed", pkg: directoryTests, run: "TestOnce",
		edit: edit{"internal/directory/change.go",
			`		if err := c.permit(ctx, r); err != nil {
			return err
		}
		replayed, err := c.replay(ctx, &out)
		if err != nil || replayed {
			return err
		}`, `		replayed, err := c.replay(ctx, &out)
		if err != nil || replayed {
			return err
		}
		if err := c.permit(ctx, r); err != nil {
			return err
		}`}},
	{name: "bearer tokens are not stored for a replay", pkg: directoryTests, run: "TestOnce",
		edit: edit{"internal/directory/signin.go",
			`	k.once = nil // a bearer token is never kept for a replay`, ``}},
	{name: "idempotency keys of anonymous callers are long", pkg: apiTests, run: "TestRefusals|TestIdempotencyKey",
		edit: edit{"internal/api/idempotency.go",
			`	} else if !actor.Known() && len(key) < 22 {`, `	} else if false {`}},
}

package main

// replies are the protections of a request that must have one effect.
var replies = []mutant{
	{name: "fingerprint of a repeated request", pkg: directoryTests, run: "TestOnce", edit: edit{"internal/directory/replay.go",
		`	if !hmac.Equal(kept.Fingerprint, claim.Fingerprint) {`, `	if false && !hmac.Equal(kept.Fingerprint, claim.Fingerprint) {`}},
	{name: "a reply is its caller's", pkg: directoryTests, run: "TestOnce", edit: edit{"internal/directory/replay.go",
		`store.ReplyRecord{CallerID: k.actor.UserID,`, `store.ReplyRecord{CallerID: cardinal.AnonymousID,`}},
	{name: "a reply is its route's", pkg: directoryTests, run: "TestOnce", edit: edit{"internal/directory/replay.go",
		`Route: k.once.Route,`, `Route: "POST /v1/users",`}},
	{name: "a reply is kept with its change", pkg: directoryTests, run: "TestOnce", edit: edit{"internal/directory/change.go",
		`		return c.keepReply(ctx, out)`, `		return nil`}},
	{name: "a reply is claimed before the change", pkg: directoryTests, run: "TestOnce", edit: edit{"internal/directory/replay.go",
		`	if claimed {
		return false, nil
	}`, `	if claimed || true {
		return false, nil
	}`}},
	{name: "a reply is forgotten after a day", pkg: directoryTests, run: "TestOnce", edit: edit{"internal/directory/replay.go",
		`	if !c.now.Before(kept.ExpiresAt) {`, `	if false {`}},
	{name: "permission before the replay", pkg: directoryTests, run: "TestOnce", edit: edit{"internal/directory/change.go",
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
	{name: "no bearer token is kept for a replay", pkg: directoryTests, run: "TestOnce", edit: edit{"internal/directory/signin.go",
		`	k.once = nil // a bearer token is never kept for a replay`, ``}},
	{name: "a stranger's key cannot be guessed", pkg: apiTests, run: "TestRefusals|TestOneEffect", edit: edit{"internal/api/admit.go",
		`	if !actor.Known() && len(key) < 22 {`, `	if false {`}},
}

package main

// attempts are the protections against password guessing and against overload by password hashes.
var attempts = []mutant{
	{name: "sign-in is throttled before the hash is computed", pkg: signinTests, run: "TestWithPassword",
		edit: edit{"internal/signin/signin.go",
			`	if a.hasFailures, err = a.throttle.Check(ctx, r, d.Now()); err != nil {`,
			`	if a.hasFailures, err = a.throttle.Check(ctx, r, d.Now()); false && err != nil {`},
		also: []edit{{"internal/signin/attempt.go",
			`	if _, err := a.throttle.Check(ctx, tx.Reader, tx.Now); err != nil {
		return err
	}
`, ``}}},
	{name: "sign-in is throttled again after the hash was computed",
		pkg: signinTests, run: "TestConcurrentGuessOnOtherNode",
		edit: edit{"internal/signin/attempt.go",
			`	if _, err := a.throttle.Check(ctx, tx.Reader, tx.Now); err != nil {
		return err
	}
`, ``}},
	{name: "sign-in is throttled by identifier", pkg: signinTests, run: "TestWithPassword",
		edit: edit{"internal/directory/throttle.go",
			`{{t.Identifier, s.FailuresPerIdentifier}, `, `{`}},
	{name: "sign-in is throttled by IP address", pkg: signinTests, run: "TestWithPassword",
		edit: edit{"internal/directory/throttle.go",
			`, {t.address, s.FailuresPerAddress}}`, `}`}},
	{name: "an IPv6 /64 network counts as one address", pkg: signinTests, run: "TestWithPassword",
		edit: edit{"internal/directory/throttle.go",
			`a.Prefix(64)`, `a.Prefix(128)`}},
	{name: "wrong current passwords are throttled", pkg: directoryTests, run: "TestChangePassword",
		edit: edit{"internal/directory/passwords.go",
			`	if err := k.CountAttempt(ctx, throttle, s); err != nil {
		return err
	}
`, ``}},
	{name: "sign-ups are throttled", pkg: signinTests, run: "TestSignUp", edit: edit{"internal/signin/signup.go",
		`	if err == nil || errors.Is(err, cardinal.ErrConflict) {`,
		`	if false && errors.Is(err, cardinal.ErrConflict) {`}},
	{name: "wrong set-up links are throttled", pkg: signinTests, run: "TestSetUp",
		edit: edit{"internal/signin/setup.go",
			`	if _, err := a.throttle.Check(ctx, r, d.Now()); err != nil {
		return cardinal.SignedIn{}, err
	}
`, ``}},
	{name: "sign-up can be closed", pkg: signinTests, run: "TestSignUp", edit: edit{"internal/signin/signup.go",
		`	if !s.SignUpOpen {
		return cardinal.User{}`, `	if false {
		return cardinal.User{}`}},
	{name: "an unknown identifier costs a hash too", pkg: signinTests, run: "TestWithPasswordHashesOnce",
		edit: edit{"internal/directory/hashing.go",
			`		err = d.hasher.VerifyDummy(ctx, c, text)`, `		err = nil`}},
	{name: "the account status is disclosed only after the right password",
		pkg: signinTests, run: "TestWithPassword",
		edit: edit{"internal/signin/signin.go",
			`	if !match {
		subject`, `	if !match && account.CanSignIn {
		subject`}},
	{name: "concurrent hashes are limited", pkg: "./internal/password", run: "TestLimits",
		edit: edit{"internal/password/queue.go",
			`q.running+at.slots > q.limits.Concurrent {`, `false {`}},
	{name: "the queue for hashes is limited", pkg: "./internal/password", run: "TestLimits",
		edit: edit{"internal/password/queue.go",
			`	if q.waiting > q.limits.Queue {`, `	if false {`}},
	{name: "the accounts of an address take turns for hashes", pkg: "./internal/password", run: "TestQueueIsFair",
		edit: edit{"internal/password/queue.go",
			`	at.account = find(p.accounts, func(a *account) bool { return a.name == c.Account })`,
			`	at.account = find(p.accounts, func(a *account) bool { return true })`}},
	{name: "addresses take turns for hashes", pkg: "./internal/password", run: "TestQueueIsFair",
		edit: edit{"internal/password/queue.go",
			`	at := place{prefix: find(q.prefixes, func(p *prefix) bool { return p.name == c.Prefix }),`,
			`	at := place{prefix: find(q.prefixes, func(p *prefix) bool { return true }),`}},
	{name: "a hash takes turns in proportion to its cost", pkg: "./internal/password", run: "TestQueueIsFair",
		edit: edit{"internal/password/queue.go",
			`		at.account.turn += uint64(w.turns)
		at.prefix.turn += uint64(w.turns)`, `		at.account.turn++
		at.prefix.turn++`}},
	{name: "an account saves no turns while it does not wait", pkg: "./internal/password", run: "TestQueueIsFair",
		edit: edit{"internal/password/queue.go",
			`		at.account.turn = max(at.account.turn, p.clock)`, ``},
		also: []edit{{"internal/password/queue.go",
			`		p.turn = max(p.turn, q.clock)`, ``}}},
	{name: "a full queue for hashes makes room for new accounts", pkg: "./internal/password", run: "TestFullQueue",
		edit: edit{"internal/password/queue.go",
			`		if len(other.waiters) > len(a.waiters) {`, `		if false {`}},
	{name: "a full queue for hashes makes room for new addresses", pkg: "./internal/password", run: "TestFullQueue",
		edit: edit{"internal/password/queue.go",
			`		if other.waiting > p.waiting {`, `		if false {`}},
	{name: "a sign-in takes its turn as its account", pkg: signinTests, run: "TestHashCaller",
		edit: edit{"internal/signin/signin.go",
			`		a.hashFor.Account = account.UserID.String()`, ``}},
	{name: "hashes of a request take their turn as its address", pkg: signinTests, run: "TestHashCaller",
		edit: edit{"internal/directory/hashing.go",
			`Prefix: hashPrefix(k.actor.ClientFrom.Address), `, ``}},
	{name: "passwords that administrators set take turns too", pkg: signinTests, run: "TestHashCaller",
		edit: edit{"internal/directory/passwords.go",
			`	return k.d.HashPassword(ctx, k.HashCaller(), in.New)`,
			`	return k.d.HashPassword(ctx, Desk{}.HashCaller(), in.New)`}},
	{name: "hashes with unusable parameters are refused", pkg: "./internal/password", run: "TestUnusableHashesRefused",
		edit: edit{"internal/password/hasher.go",
			`	stored, err := parse(phc)
	if err != nil {`, `	stored, err := parse(phc)
	if false && err != nil {`}},
	{name: "the length of a password is limited", pkg: "./internal/password", run: "TestCheck|TestHash|TestVerifyDummy",
		edit: edit{"internal/password/hasher.go",
			`	if len(password) > maxBytes {
		return "", errTooLong()
	}`, ``}},
	{name: "failures of anonymous callers are counted",
		pkg: signinTests, run: "TestWithPassword",
		edit: edit{"internal/directory/throttle.go",
			`		return tx.CountRefusedAttempt(ctx, subject, action, now)`, `		return nil`}},
	{name: "sign-in is refused early when the queue for hashes is full",
		pkg: signinTests, run: "TestWithPasswordQueueFull",
		edit: edit{"internal/signin/signin.go",
			`	if err := d.CheckHashCapacity(a.hashFor); err != nil {`,
			`	if err := d.CheckHashCapacity(a.hashFor); false {`}},
}

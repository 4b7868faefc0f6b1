package main

// attempts are the protections against password guessing and against overload by password hashes.
var attempts = []mutant{
	{name: "sign-in is throttled before the hash is computed", pkg: directoryTests, run: "TestSignIn",
		edit: edit{"internal/directory/signin.go",
			`	tried, err := t.check(ctx, r, k.d.now())
	if err != nil {`, `	tried, err := t.check(ctx, r, k.d.now())
	if false && err != nil {`},
		also: []edit{{"internal/directory/signin.go", `		if _, err := t.check(ctx, c.Reader, c.now); err != nil {
			return err
		}
		if now.Hash`, `		if now.Hash`}}},
	{name: "sign-in is throttled again after the hash was computed",
		pkg: directoryTests, run: "TestGuessesMadeMeanwhileCount",
		edit: edit{"internal/directory/signin.go",
			`		if _, err := t.check(ctx, c.Reader, c.now); err != nil {
			return err
		}
		if now.Hash`, `		if now.Hash`}},
	{name: "sign-in is throttled by identifier", pkg: directoryTests, run: "TestSignIn",
		edit: edit{"internal/directory/throttle.go",
			`{{t.identifier, s.failuresPerIdentifier}, `, `{`}},
	{name: "sign-in is throttled by IP address", pkg: directoryTests, run: "TestSignIn",
		edit: edit{"internal/directory/throttle.go",
			`, {t.address, s.failuresPerAddress}}`, `}`}},
	{name: "an IPv6 /64 network counts as one address", pkg: directoryTests, run: "TestSignIn",
		edit: edit{"internal/directory/throttle.go",
			`a.Prefix(64)`, `a.Prefix(128)`}},
	{name: "wrong current passwords are throttled", pkg: directoryTests, run: "TestChangePassword",
		edit: edit{"internal/directory/passwords.go",
			`		if err := k.count(ctx, t, s); err != nil {
			return cardinal.PasswordState{}, err
		}`, ``}},
	{name: "sign-ups are throttled", pkg: directoryTests, run: "TestSignUp", edit: edit{"internal/directory/signup.go",
		`	if err == nil || errors.Is(err, cardinal.ErrConflict) {`,
		`	if false && errors.Is(err, cardinal.ErrConflict) {`}},
	{name: "wrong set-up links are throttled", pkg: directoryTests, run: "TestSetUp",
		edit: edit{"internal/directory/setup.go",
			`	if _, err := attempts.check(ctx, reader, k.d.now()); err != nil {
		return cardinal.SignedIn{}, err
	}`, ``}},
	{name: "sign-up can be closed", pkg: directoryTests, run: "TestSignUp", edit: edit{"internal/directory/signup.go",
		`	if !s.signUpOpen {`, `	if false {`}},
	{name: "an unknown identifier costs a hash too", pkg: directoryTests, run: "TestSignInTakesATurn",
		edit: edit{"internal/directory/signin.go",
			`		err = k.d.hasher.VerifyNobody(ctx, text)`, `		err = nil`}},
	{name: "the account status is disclosed only after the right password", pkg: directoryTests, run: "TestSignIn",
		edit: edit{"internal/directory/signin.go",
			`	if !match {
		subject`, `	if !match && account.CanSignIn {
		subject`}},
	{name: "concurrent hashes are limited", pkg: "./internal/password", run: "TestLimits",
		edit: edit{"internal/password/queue.go",
			`	if q.running < q.limits.Concurrent {`, `	if true {`}},
	{name: "the queue for hashes is limited", pkg: "./internal/password", run: "TestLimits",
		edit: edit{"internal/password/queue.go",
			`	if q.waiters.Len() >= q.limits.Queue {`, `	if false {`}},
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
		pkg: directoryTests, run: "TestSignIn|TestAuditOfAnonymousCallersAcrossMonths",
		edit: edit{"internal/directory/throttle.go",
			`		return tx.CountRefusedAttempt(ctx, subject, action, now)`, `		return nil`}},
	{name: "sign-in is refused early when the queue for hashes is full",
		pkg: directoryTests, run: "TestSignInWithoutATurn",
		edit: edit{"internal/directory/signin.go",
			`	if err := busy(k.d.hasher.Room()); err != nil {`, `	if err := busy(k.d.hasher.Room()); false {`}},
}

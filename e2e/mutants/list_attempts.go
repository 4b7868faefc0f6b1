package main

// attempts are the protections against guessing, and against those who would make the service hash for ever.
var attempts = []mutant{
	{name: "throttle before the hash", pkg: directoryTests, run: "TestSignIn", edit: edit{"internal/directory/signin.go",
		`	tried, err := t.check(ctx, r, k.d.now())
	if err != nil {`, `	tried, err := t.check(ctx, r, k.d.now())
	if false && err != nil {`},
		and: []edit{{"internal/directory/signin.go", `		if _, err := t.check(ctx, c.Reader, c.now); err != nil {
			return err
		}
		if now.Hash`, `		if now.Hash`}}},
	{name: "throttle after the hash", pkg: directoryTests, run: "TestGuessesMadeMeanwhileCount", edit: edit{"internal/directory/signin.go",
		`		if _, err := t.check(ctx, c.Reader, c.now); err != nil {
			return err
		}
		if now.Hash`, `		if now.Hash`}},
	{name: "throttle by identifier", pkg: directoryTests, run: "TestSignIn", edit: edit{"internal/directory/throttle.go",
		`{{t.identifier, s.failuresPerIdentifier}, `, `{`}},
	{name: "throttle by address", pkg: directoryTests, run: "TestSignIn", edit: edit{"internal/directory/throttle.go",
		`, {t.address, s.failuresPerAddress}}`, `}`}},
	{name: "an IPv6 subscriber is one address", pkg: directoryTests, run: "TestSignIn", edit: edit{"internal/directory/throttle.go",
		`a.Prefix(64)`, `a.Prefix(128)`}},
	{name: "throttle of present passwords", pkg: directoryTests, run: "TestChangePassword", edit: edit{"internal/directory/passwords.go",
		`		if err := k.count(ctx, t, s); err != nil {
			return cardinal.PasswordState{}, err
		}`, ``}},
	{name: "throttle of sign-ups", pkg: directoryTests, run: "TestSignUp", edit: edit{"internal/directory/signup.go",
		`	if err == nil || errors.Is(err, cardinal.ErrConflict) {`, `	if false && errors.Is(err, cardinal.ErrConflict) {`}},
	{name: "throttle of set-up links", pkg: directoryTests, run: "TestSetUp", edit: edit{"internal/directory/setup.go",
		`	if _, err := attempts.check(ctx, reader, k.d.now()); err != nil {
		return cardinal.SignedIn{}, err
	}`, ``}},
	{name: "sign-up is closed", pkg: directoryTests, run: "TestSignUp", edit: edit{"internal/directory/signup.go",
		`	if !s.signUpOpen {`, `	if false {`}},
	{name: "nobody takes a turn too", pkg: directoryTests, run: "TestSignInTakesATurn", edit: edit{"internal/directory/signin.go",
		`		err = k.d.hasher.VerifyNobody(ctx, text)`, `		err = nil`}},
	{name: "account states are told to who proved it", pkg: directoryTests, run: "TestSignIn", edit: edit{"internal/directory/signin.go",
		`	if !match {
		subject`, `	if !match && account.CanSignIn {
		subject`}},
	{name: "hashes at once", pkg: "./internal/password", run: "TestLimits", edit: edit{"internal/password/queue.go",
		`	if q.running < q.limits.Concurrent {`, `	if true {`}},
	{name: "length of the queue for a hash", pkg: "./internal/password", run: "TestLimits", edit: edit{"internal/password/queue.go",
		`	if q.waiters.Len() >= q.limits.Queue {`, `	if false {`}},
	{name: "costs that no honest hash has", pkg: "./internal/password", run: "TestRefusesUnusableHashes", edit: edit{"internal/password/hasher.go",
		`	stored, err := parse(phc)
	if err != nil {`, `	stored, err := parse(phc)
	if false && err != nil {`}},
	{name: "length of a password", pkg: "./internal/password", run: "TestCheck|TestHash|TestVerifyNobody", edit: edit{"internal/password/hasher.go",
		`	if len(password) > MaxBytes {
		return "", errTooLong()
	}`, ``}},
	{name: "a stranger's failure is counted", pkg: directoryTests, run: "TestSignIn|TestAuditOfAnonymousCallersAcrossMonths", edit: edit{"internal/directory/throttle.go",
		`		return tx.CountRefusal(ctx, subject, action, now)`, `		return nil`}},
	{name: "who has no turn at hashing is turned away first", pkg: directoryTests, run: "TestSignInWithoutATurn", edit: edit{"internal/directory/signin.go",
		`	if err := busy(k.d.hasher.Room()); err != nil {`, `	if err := busy(k.d.hasher.Room()); false {`}},
}

package main

const passwordTests = "./internal/password"

// hashes are the protections of imported and stored password hashes.
var hashes = []mutant{
	{name: "an imported hash that takes too much memory is refused",
		pkg: passwordTests, run: "TestCostsOfImportedHashes", edit: edit{"internal/password/cost.go",
			`	case c.kib > maxImportedKiB:`, `	case false:`}},
	{name: "an imported hash that takes too much time is refused",
		pkg: passwordTests, run: "TestCostsOfImportedHashes", edit: edit{"internal/password/cost.go",
			`	case c.time > maxImportedTime:`, `	case false:`}},
	{name: "an import refuses an expensive hash by name", pkg: importingTests, run: "TestCheckProblems",
		edit: edit{"internal/password/imported.go",
			`	return ImportedHash{hash}, hash.cost().check()`, `	return ImportedHash{hash}, nil`}},
	{name: "a hash of few rounds of PBKDF2 is wrapped", pkg: passwordTests, run: "TestCostsOfImportedHashes",
		edit: edit{"internal/password/schemes.go",
			`short || rounds < minRounds`, `short`}},
	{name: "a hash of a low cost of bcrypt is wrapped", pkg: passwordTests, run: "TestCostsOfImportedHashes",
		edit: edit{"internal/password/bcrypt.go",
			`weak: logRounds < minBcryptCost,`, `weak: false,`}},
	{name: "a hash of few rounds of SHA-crypt is wrapped", pkg: passwordTests, run: "TestCostsOfImportedHashes",
		edit: edit{"internal/password/crypt.go",
			` || n < minSHACryptRounds,`, `,`}},
	{name: "a hash of low parameters of Argon2 is wrapped", pkg: passwordTests, run: "TestCostsOfImportedHashes",
		edit: edit{"internal/password/cost.go",
			`p.MemoryKiB < minArgon2KiB || p.MemoryKiB*p.Iterations < minArgon2KiBPasses`, `false`}},
	{name: "a verification takes the time of the most expensive scheme",
		pkg: passwordTests, run: "TestVerificationsTakeTheTimeOfTheMostExpensiveScheme",
		edit: edit{"internal/password/hasher.go",
			`	h.pace.wait(ctx, start)`, `	_ = start`}},
	{name: "a verification takes longer under load",
		pkg: passwordTests, run: "TestVerificationsTakeTheTimeOfTheMostExpensiveScheme",
		edit: edit{"internal/password/pace.go",
			`min(max(second, minSlowdown), maxSlowdown)`, `minSlowdown`}},
	{name: "a sample of a hash has no key of a project", pkg: passwordTests, run: "TestInUseHasNoSecrets",
		edit: edit{"internal/password/inuse.go",
			`keys != nil {`, `false {`}},
}

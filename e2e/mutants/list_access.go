package main

// access are the protections of roles, grants, API keys and permissions.
var access = []mutant{
	{name: "adding a verified contact needs contacts.verify", pkg: directoryTests, run: "TestVerifiedNeedsPermission",
		edit: edit{"internal/directory/contacts.go", `		if in.Verified {
			if err := tx.RequirePermission(`, `		if false {
			if err := tx.RequirePermission(`}},
	{name: "verifying a contact needs contacts.verify", pkg: directoryTests, run: "TestVerifiedNeedsPermission",
		edit: edit{"internal/directory/contacts.go", `		if in.Verified.Present() {
			if err := tx.RequirePermission(`, `		if false {
			if err := tx.RequirePermission(`}},
	{name: "creating a user with a verified contact needs contacts.verify",
		pkg: directoryTests, run: "TestVerifiedNeedsPermission",
		edit: edit{"internal/directory/newuser.go",
			`		if in.EmailVerified || in.PhoneVerified {
			if err := tx.RequirePermission(`, `		if false {
			if err := tx.RequirePermission(`}},
	{name: "importing a verified contact needs contacts.verify",
		pkg: importingTests, run: "TestImportVerifiedNeedsPermission",
		edit: edit{"internal/importing/rows.go", `e.VerifiedAt != nil && !rules.canVerify`, `false`}},
	{name: "the role support loses credentials.update",
		pkg: accessTests, run: "TestSupportCannotTakeOverAccounts/sqlite",
		edit: edit{"internal/store/schema/data/0017_permissions.sql",
			`DELETE FROM role_permissions WHERE role_id = {id:8007-04}`,
			`DELETE FROM role_permissions WHERE role_id = {id:8007-ff}`}},
	{name: "a permission of an application does not become a built-in one",
		pkg: storeTests, run: "TestBuiltInRolesUpgraded/sqlite",
		edit: edit{"internal/store/schema/data/0017_permissions.sql",
			`UPDATE permissions SET name = 'declared.' || name,`, `UPDATE permissions SET is_system = TRUE,`}},
}

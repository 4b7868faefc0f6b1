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
	{name: "a grant cannot outlast the granter's permissions",
		pkg: accessTests, run: "TestGrantCannotOutlastGranter/sqlite",
		edit: edit{"internal/access/grants.go", `		if err := limit.Require(until); err != nil {`,
			`		if err := limit.Require(until); false {`}},
	{name: "a grant cannot outlast the permission to grant",
		pkg: accessTests, run: "TestGrantCannotOutlastGranter/sqlite/OnlyTheRightToGrant",
		edit: edit{"internal/directory/permissionends.go", `	return Limit{ends.all.or(ends.byName[permission])}`,
			`	return Limit{end{held: ends.all.or(ends.byName[permission]).held}}`}},
	{name: "a permission that is added to a role lasts as long as its grants",
		pkg: accessTests, run: "TestRoleCannotOutlastWhoWidensIt/sqlite",
		edit: edit{"internal/access/roles.go",
			`		} else if outlasts {`, `		} else if false && outlasts {`}},
	{name: "an API key cannot outlast who creates it",
		pkg: accessTests, run: "TestAPIKeyCannotOutlastWhoCreatesIt/sqlite",
		edit: edit{"internal/access/apikeys.go", `	return limit.Require(&expires)`, `	return nil`}},
	{name: "an imported grant cannot outlast the importer's permissions",
		pkg: importingTests, run: "TestImportedGrantCannotOutlastImporter/sqlite",
		edit: edit{"internal/importing/rows.go", `		case role.limit.Outlasted(r.ExpiresAt):`,
			`		case false && role.limit.Outlasted(r.ExpiresAt):`}},
	{name: "a set-up link needs the roles that it grants", pkg: signinTests, run: "TestSetupLinkNeedsItsRoles/sqlite",
		edit: edit{"internal/signin/setup.go", `		if err := requireGuardedRoles(ctx, tx); err != nil {`,
			`		if err := requireGuardedRoles(ctx, tx); false {`}},
}

package main

const (
	directoryTests = "./internal/directory"
	accessTests    = "./internal/access"
	signinTests    = "./internal/signin"
	importingTests = "./internal/importing"
	storeTests     = "./internal/store"
	apiTests       = "./internal/api"
	serverTests    = "./internal/server"
	commandTests   = "./cmd/cardinal"
)

// changes are the checks that apply to each change.
var changes = []mutant{
	{name: "a change needs a permission", pkg: directoryTests, run: "TestDefaultDeny",
		edit: edit{"internal/directory/authorize.go",
			`	if !allowed {`, `	if false && !allowed {`}},
	{name: "ownership covers the user's own data only", pkg: directoryTests, run: "TestDefaultDeny|TestUserStatus",
		edit: edit{"internal/directory/authorize.go",
			`what.Own && what.Subject == k.actor.UserID && k.actor.Known()`, `what.Own && k.actor.Known()`}},
	{name: "anonymous callers own no data", pkg: directoryTests, run: "TestDefaultDeny",
		edit: edit{"internal/directory/authorize.go",
			`case !k.actor.Known():`, `case false:`}},
	{name: "an expired password blocks changes", pkg: signinTests, run: "TestMustChangePassword",
		edit: edit{"internal/directory/authorize.go",
			`k.actor.Assurance == 0 && !what.BeforePasswordChange`, `false && !what.BeforePasswordChange`}},
	{name: "an expired password blocks the session check", pkg: signinTests, run: "TestMustChangePassword",
		edit: edit{"internal/signin/authenticate.go",
			`	if session.Assurance == 0 {
		return cardinal.SessionCheck{}, directory.ErrPasswordChange`, `	if false {
		return cardinal.SessionCheck{}, directory.ErrPasswordChange`}},
	{name: "an expired password blocks the access check",
		pkg: signinTests, run: "TestCheckSessionAccessMustChangePassword",
		edit: edit{"internal/signin/authenticate.go",
			`	if session.Assurance == 0 {
		return cardinal.Access{}, directory.ErrPasswordChange`, `	if false {
		return cardinal.Access{}, directory.ErrPasswordChange`}},
	{name: "users with more permissions cannot be changed", pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/directory/authorize.go",
			`	if !hasAll {`, `	if false && !hasAll {`}},
	{name: "an API key has its own permissions, not those of its service account",
		pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/directory/authorize.go",
			`	if user == tx.Desk.actor.UserID && !tx.Desk.actor.APIKeyID.Valid {`,
			`	if user == tx.Desk.actor.UserID {`}},
	{name: "an API key has no rights of ownership", pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/directory/authorize.go",
			`	r.Own = r.Own && !tx.Desk.actor.APIKeyID.Valid`, ``}},
	{name: "only own permissions can be granted", pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/access/grants.go",
			`} else if !limit.Held() {`, `} else if false && !limit.Held() {`}},
	{name: "unassignable roles cannot be granted", pkg: accessTests, run: "TestUnassignableRoles",
		edit: edit{"internal/access/grants.go",
			`if !role.IsAssignable || `, `if `}},
	{name: "an expired grant has no effect", pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/store/access.go",
			`WHERE g.user_id = $1 AND (g.expires_at IS NULL OR g.expires_at > $2)` + "` + ofKey",
			`WHERE g.user_id = $1 AND $2 IS NOT NULL` + "` + ofKey"}},
	{name: "each change has an audit event", pkg: directoryTests, run: "TestCreateUser|TestUserStatus",
		edit: edit{"internal/directory/change.go",
			`	if len(tx.Event.ChangedRows) > 0 || tx.ForceEvent {`, `	if tx.ForceEvent {`}},
	{name: "a change without its audit event is rolled back",
		pkg: directoryTests, run: "TestChangeWithoutEventRolledBack",
		edit: edit{"internal/directory/change.go",
			`			return fmt.Errorf("append the audit event: %w", err)`, `			return nil`}},
	{name: "a denied attempt is recorded", pkg: directoryTests, run: "TestDefaultDeny",
		edit: edit{"internal/directory/change.go",
			`errors.Is(err, cardinal.ErrForbidden) && k.actor.Known()`,
			`false && errors.Is(err, cardinal.ErrForbidden)`}},
	{name: "a column that is not listed is masked in the audit log",
		pkg: directoryTests, run: "TestUnlistedColumnMaskedAndLogged",
		edit: edit{"internal/directory/auditcolumns.go",
			`	visible, listed := columnVisibility[column]`, `	visible, listed := columnVisibility[column]
	if !listed {
		visible = shown
	}`}},
	{name: "unknown ids stay out of the audit log", pkg: directoryTests, run: "TestDefaultDeny",
		edit: edit{"internal/directory/change.go",
			`			e.SubjectID = cardinal.SystemID // an id that does not exist stays out of the log`, ``}},
	{name: "a change checks the version", pkg: directoryTests, run: "TestUserStatus|TestSettings|TestSetPassword",
		edit: edit{"internal/directory/change.go",
			`	if current != read {`, `	if false && current != read {`}},
	{name: "the UPDATE of a user checks the version", pkg: storeTests, run: "TestSQLite",
		edit: edit{"internal/store/users.go",
			`WHERE users.id = $1 AND users.version = $2 AND`, `WHERE users.id = $1 AND $2 > 0 AND`}},
}

package main

const (
	directoryTests = "./internal/directory"
	storeTests     = "./internal/store"
	apiTests       = "./internal/api"
	serverTests    = "./internal/server"
)

// changes are the checks that apply to each change.
var changes = []mutant{
	{name: "a change needs a permission", pkg: directoryTests, run: "TestDefaultDeny",
		edit: edit{"internal/directory/change.go",
			`	if !may {`, `	if false && !may {`}},
	{name: "ownership covers the user's own data only", pkg: directoryTests, run: "TestDefaultDeny|TestMoveUser",
		edit: edit{"internal/directory/change.go",
			`what.own && what.subject == k.actor.UserID && k.actor.Known()`, `what.own && k.actor.Known()`}},
	{name: "anonymous callers own no data", pkg: directoryTests, run: "TestDefaultDeny",
		edit: edit{"internal/directory/change.go",
			`case !k.actor.Known():`, `case false:`}},
	{name: "an expired password blocks changes", pkg: directoryTests, run: "TestMustChangePassword",
		edit: edit{"internal/directory/change.go",
			`k.actor.Assurance == 0 && !what.beforePasswordChange`, `false && !what.beforePasswordChange`}},
	{name: "an expired password blocks the session check", pkg: directoryTests, run: "TestMustChangePassword",
		edit: edit{"internal/directory/authenticate.go",
			`	if auth.Assurance == 0 {
		return cardinal.SessionCheck{}, errPasswordChange`, `	if false {
		return cardinal.SessionCheck{}, errPasswordChange`}},
	{name: "an expired password blocks the access check",
		pkg: directoryTests, run: "TestAccessOfWhoMustChangeThePassword",
		edit: edit{"internal/directory/authenticate.go",
			`	if auth.Assurance == 0 {
		return cardinal.Access{}, errPasswordFirst`, `	if false {
		return cardinal.Access{}, errPasswordFirst`}},
	{name: "users with more permissions cannot be changed", pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/directory/change.go",
			`	if !above {`, `	if false && !above {`}},
	{name: "an API key has its own permissions, not those of its service account",
		pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/directory/change.go",
			`	if target == c.desk.actor.UserID && !c.desk.actor.APIKeyID.Valid {`,
			`	if target == c.desk.actor.UserID {`}},
	{name: "an API key has no rights of ownership", pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/directory/change.go",
			`	r.own = r.own && !c.desk.actor.APIKeyID.Valid`, ``}},
	{name: "only own permissions can be granted", pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/directory/grants.go",
			`} else if !holds {`, `} else if false && !holds {`}},
	{name: "unassignable roles cannot be granted", pkg: directoryTests, run: "TestRolesThatCannotBeGranted",
		edit: edit{"internal/directory/grants.go",
			`if !role.IsAssignable || `, `if `}},
	{name: "an expired grant has no effect", pkg: directoryTests, run: "TestEscalation",
		edit: edit{"internal/store/access.go",
			`WHERE g.user_id = $1 AND (g.expires_at IS NULL OR g.expires_at > $2)` + "` + ofKey",
			`WHERE g.user_id = $1 AND $2 IS NOT NULL` + "` + ofKey"}},
	{name: "each change has an audit event", pkg: directoryTests, run: "TestCreateUser|TestMoveUser",
		edit: edit{"internal/directory/change.go",
			`	if len(c.event.ChangedRows) > 0 || c.told {`, `	if c.told {`}},
	{name: "a change without its audit event is rolled back", pkg: directoryTests, run: "TestUnrecordedChangeIsNotMade",
		edit: edit{"internal/directory/change.go",
			`			return fmt.Errorf("append the audit event: %w", err)`, `			return nil`}},
	{name: "a denied attempt is recorded", pkg: directoryTests, run: "TestDefaultDeny",
		edit: edit{"internal/directory/change.go",
			`errors.Is(err, cardinal.ErrForbidden) && k.actor.Known()`,
			`false && errors.Is(err, cardinal.ErrForbidden)`}},
	{name: "unknown ids stay out of the audit log", pkg: directoryTests, run: "TestDefaultDeny",
		edit: edit{"internal/directory/change.go",
			`			e.SubjectID = cardinal.SystemID // an id that was made up stays out of the log`, ``}},
	{name: "a change checks the version", pkg: directoryTests, run: "TestMoveUser|TestSettings|TestSetPassword",
		edit: edit{"internal/directory/change.go",
			`	if have != want {`, `	if false && have != want {`}},
	{name: "the UPDATE of a user checks the version", pkg: storeTests, run: "TestSQLite",
		edit: edit{"internal/store/users.go",
			`WHERE users.id = $1 AND users.version = $2 AND`, `WHERE users.id = $1 AND $2 > 0 AND`}},
}

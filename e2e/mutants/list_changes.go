package main

const (
	directoryTests = "./internal/directory"
	storeTests     = "./internal/store"
	apiTests       = "./internal/api"
	serverTests    = "./internal/server"
)

// changes are the protections that every change passes.
var changes = []mutant{
	{name: "permission of a change", pkg: directoryTests, run: "TestDefaultDeny", edit: edit{"internal/directory/change.go",
		`	if !may {`, `	if false && !may {`}},
	{name: "own data only", pkg: directoryTests, run: "TestDefaultDeny|TestMoveUser", edit: edit{"internal/directory/change.go",
		`what.own && what.subject == k.actor.UserID && k.actor.Known()`, `what.own && k.actor.Known()`}},
	{name: "strangers own nothing", pkg: directoryTests, run: "TestDefaultDeny", edit: edit{"internal/directory/change.go",
		`case !k.actor.Known():`, `case false:`}},
	{name: "must change the password first", pkg: directoryTests, run: "TestMustChangePassword", edit: edit{"internal/directory/change.go",
		`k.actor.Assurance == 0 && !what.beforePasswordChange`, `false && !what.beforePasswordChange`}},
	{name: "must change the password first, at the session check", pkg: directoryTests, run: "TestMustChangePassword", edit: edit{"internal/directory/authenticate.go",
		`	if auth.Assurance == 0 {
		return cardinal.SessionCheck{}, errPasswordChange`, `	if false {
		return cardinal.SessionCheck{}, errPasswordChange`}},
	{name: "must change the password first, at the access check", pkg: directoryTests, run: "TestAccessOfWhoMustChangeThePassword", edit: edit{"internal/directory/authenticate.go",
		`	if auth.Assurance == 0 {
		return cardinal.Access{}, errPasswordChange`, `	if false {
		return cardinal.Access{}, errPasswordChange`}},
	{name: "nobody acts on whom they do not outrank", pkg: directoryTests, run: "TestEscalation", edit: edit{"internal/directory/change.go",
		`	if !above {`, `	if false && !above {`}},
	{name: "a key may hold less than its service", pkg: directoryTests, run: "TestEscalation", edit: edit{"internal/directory/change.go",
		`	if target == c.desk.actor.UserID && !c.desk.actor.APIKeyID.Valid {`, `	if target == c.desk.actor.UserID {`}},
	{name: "a key changes nothing by ownership", pkg: directoryTests, run: "TestEscalation", edit: edit{"internal/directory/change.go",
		`	r.own = r.own && !c.desk.actor.APIKeyID.Valid`, ``}},
	{name: "nobody grants what they do not hold", pkg: directoryTests, run: "TestEscalation", edit: edit{"internal/directory/grants.go",
		`} else if !holds {`, `} else if false && !holds {`}},
	{name: "roles that cannot be granted", pkg: directoryTests, run: "TestRolesThatCannotBeGranted", edit: edit{"internal/directory/grants.go",
		`if !role.IsAssignable || `, `if `}},
	{name: "an expired grant gives nothing", pkg: directoryTests, run: "TestEscalation", edit: edit{"internal/store/access.go",
		`WHERE g.user_id = $1 AND (g.expires_at IS NULL OR g.expires_at > $2)` + "` + ofKey", `WHERE g.user_id = $1 AND $2 IS NOT NULL` + "` + ofKey"}},
	{name: "every change has its event", pkg: directoryTests, run: "TestCreateUser|TestMoveUser", edit: edit{"internal/directory/change.go",
		`	if len(c.event.ChangedRows) > 0 || c.told {`, `	if c.told {`}},
	{name: "a change that cannot be recorded is not made", pkg: directoryTests, run: "TestUnrecordedChangeIsNotMade", edit: edit{"internal/directory/change.go",
		`			return fmt.Errorf("append the audit event: %w", err)`, `			return nil`}},
	{name: "a refused attempt is recorded", pkg: directoryTests, run: "TestDefaultDeny", edit: edit{"internal/directory/change.go",
		`errors.Is(err, cardinal.ErrForbidden) && k.actor.Known()`, `false && errors.Is(err, cardinal.ErrForbidden)`}},
	{name: "made-up ids stay out of the log", pkg: directoryTests, run: "TestDefaultDeny", edit: edit{"internal/directory/change.go",
		`			e.SubjectID = cardinal.SystemID // an id that was made up stays out of the log`, ``}},
	{name: "version of what is changed", pkg: directoryTests, run: "TestMoveUser|TestSettings|TestSetPassword", edit: edit{"internal/directory/change.go",
		`	if have != want {`, `	if false && have != want {`}},
	{name: "version of a user, in the statement", pkg: storeTests, run: "TestSQLite", edit: edit{"internal/store/users.go",
		`WHERE users.id = $1 AND users.version = $2 AND`, `WHERE users.id = $1 AND $2 > 0 AND`}},
}

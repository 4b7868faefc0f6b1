package main

// requests are the checks of incoming HTTP requests.
var requests = []mutant{
	{name: "cross-site requests are refused", pkg: serverTests, run: "TestCrossSiteRequests",
		edit: edit{"internal/server/request.go",
			`	case s.origin.Check(r) != nil:`, `	case false:`}},
	{name: "a body with a large Content-Length is refused", pkg: serverTests, run: "TestBodyLimit",
		edit: edit{"internal/server/bodies.go",
			`	if r.ContentLength > s.limits.body {`, `	if false {`}},
	{name: "a body without Content-Length is limited", pkg: serverTests, run: "TestBodyLimit",
		edit: edit{"internal/server/bodies.go",
			`		case int64(len(buffer)) > s.limits.body:`, `		case false:`}},
	{name: "bodies of the API are limited", pkg: apiTests, run: "TestRefusals", edit: edit{"internal/api/prepare.go",
		`http.MaxBytesReader(w, r.Body, maxBody)`, `http.MaxBytesReader(w, r.Body, 4*maxBody)`}},
	{name: "requests in flight are limited", pkg: serverTests, run: "TestInFlightLimit",
		edit: edit{"internal/server/request.go",
			`		if s.inFlight.Add(1) > s.limits.inFlight {`, `		if s.inFlight.Add(1) < 0 {`}},
	{name: "slow request headers time out", pkg: serverTests, run: "TestSlowHeader",
		edit: edit{"internal/server/server.go",
			`		ReadHeaderTimeout: s.limits.readHeader,
`, ``}},
	{name: "forwarded addresses count only from trusted proxies", pkg: serverTests, run: "TestClientAddress",
		edit: edit{"internal/server/origin.go",
			`			if !isTrusted(client, trusted) {`, `			if len(trusted) == 0 {`}},
	{name: "profiles are served on loopback addresses only", pkg: commandTests, run: "TestScripts/sqlite/serve",
		edit: edit{"cmd/cardinal/pprof.go",
			`	if !isLoopback(a.pprof) {`, `	if false {`}},
	{name: "profiles are served under loopback names only", pkg: commandTests,
		run: "TestProfilesOnlyUnderLoopbackNames",
		edit: edit{"cmd/cardinal/pprof.go",
			`		if !isLoopback(r.Host) {`, `		if false {`}},
	{name: "duplicate JSON names are refused", pkg: apiTests, run: "TestRefusals|FuzzCheckJSON",
		edit: edit{"internal/api/strictjson.go",
			`			if open[top].names[name] {`, `			if false {`}},
	{name: "unpaired surrogates are refused", pkg: apiTests, run: "FuzzCheckJSON",
		edit: edit{"internal/api/strictjson.go",
			`		case unit >= 0xdc00 && unit <= 0xdfff:`, `		case false:`}},
	{name: "If-Match is required", pkg: apiTests, run: "TestRefusals", edit: edit{"internal/api/input.go",
		`	if value == "" {
		fieldError :=`, `	if value == "" {
		return 1, nil
	}
	if value == "" {
		fieldError :=`}},
	{name: "a version has one spelling", pkg: apiTests, run: "FuzzIfMatch", edit: edit{"internal/api/input.go",
		` || etag(version) != value {`, ` {`}},
	{name: "unknown query parameters are refused", pkg: apiTests, run: "TestRefusals",
		edit: edit{"internal/api/validate.go",
			`		case !slices.Contains(known, name):`, `		case false:`}},
	{name: "protected routes need authentication", pkg: apiTests, run: "TestRefusals",
		edit: edit{"internal/api/prepare.go",
			`	if o.Metadata[public] == true {`, `	if o.Metadata[public] == true || bearer(r) == "" {`}},
	{name: "internal errors disclose no details", pkg: apiTests, run: "TestErrorKinds",
		edit: edit{"internal/api/problem.go",
			`"error", err, "request_id", requestOf(ctx).id)
	}
	return NewProblem("internal")`, `"error", err, "request_id", requestOf(ctx).id)
	}
	problem := NewProblem("internal")
	problem.Detail = err.Error()
	return problem`}},
	{name: "the time to read a body does not shorten the time to respond", pkg: apiTests, run: "TestSlowResponse",
		edit: edit{"internal/api/api.go",
			`BodyReadTimeout: -1,`, `BodyReadTimeout: 0,`}},
	{name: "an error of the database is not a shorter list", pkg: apiTests, run: "TestServiceErrors",
		edit: edit{"internal/api/validate.go",
			`		if err != nil {
			return err
		}
		for _, m := range more {`, `		if err != nil {
			more = nil
		}
		for _, m := range more {`}},
	{name: "no text of a parser in an error", pkg: apiTests, run: "TestMessages", edit: edit{"internal/api/huma.go",
		`"a URI%.0s"`, `"a URI%v"`}},
}

package main

// requests are the checks of incoming HTTP requests.
var requests = []mutant{
	{name: "cross-site requests are refused", pkg: serverTests, run: "TestCrossSiteRequestsAreRefused",
		edit: edit{"internal/server/request.go",
			`	case s.origin.Check(r) != nil:`, `	case false:`}},
	{name: "a body with a large Content-Length is refused", pkg: serverTests, run: "TestBodyIsLimited",
		edit: edit{"internal/server/request.go",
			`	if r.ContentLength > s.limits.body && !upload {`, `	if false {`}},
	{name: "a body without Content-Length is limited", pkg: serverTests, run: "TestBodyIsLimited",
		edit: edit{"internal/server/request.go",
			`	if r.Body != nil && r.Body != http.NoBody && !upload {`, `	if false {`}},
	{name: "bodies of the API are limited", pkg: apiTests, run: "TestRefusals", edit: edit{"internal/api/admit.go",
		`http.MaxBytesReader(w, r.Body, maxBody)`, `http.MaxBytesReader(w, r.Body, 4*maxBody)`}},
	{name: "requests in flight are limited", pkg: serverTests, run: "TestRequestsInFlightAreLimited",
		edit: edit{"internal/server/request.go",
			`	if s.inFlight.Add(1) > s.limits.inFlight {`, `	if s.inFlight.Add(1) < 0 {`}},
	{name: "slow request headers time out", pkg: serverTests, run: "TestSlowHeaderIsCut",
		edit: edit{"internal/server/server.go",
			`ReadHeaderTimeout: s.limits.readHeader, `, ``}},
	{name: "forwarded addresses count only from trusted proxies", pkg: serverTests, run: "TestClientAddress",
		edit: edit{"internal/server/origin.go",
			`			if !isTrusted(client, trusted) {`, `			if len(trusted) == 0 {`}},
	{name: "metrics are served to the loopback address only", pkg: serverTests, run: "TestMetricsAreForThisMachine",
		edit: edit{"internal/server/own.go",
			`	if !s.options.MetricsPublic && !(ok && from.IsLoopback() && direct) {`,
			`	if false && !s.options.MetricsPublic && !(ok && from.IsLoopback() && direct) {`}},
	{name: "duplicate JSON names are refused", pkg: apiTests, run: "TestRefusals|FuzzCheckJSON",
		edit: edit{"internal/api/strictjson.go",
			`			if open[top].names[name] {`, `			if false {`}},
	{name: "unpaired surrogates are refused", pkg: apiTests, run: "FuzzCheckJSON",
		edit: edit{"internal/api/strictjson.go",
			`		case unit >= 0xdc00 && unit <= 0xdfff:`, `		case false:`}},
	{name: "If-Match is required", pkg: apiTests, run: "TestRefusals", edit: edit{"internal/api/input.go",
		`	if given == "" {`, `	if given == "" {
		v.version = 1
		return nil
	}
	if given == "" {`}},
	{name: "a version has one spelling", pkg: apiTests, run: "FuzzIfMatch", edit: edit{"internal/api/input.go",
		` || etag(version) != given {`, ` {`}},
	{name: "unknown query parameters are refused", pkg: apiTests, run: "TestRefusals",
		edit: edit{"internal/api/input.go",
			`		case !slices.Contains(known, name):`, `		case false:`}},
	{name: "protected routes need authentication", pkg: apiTests, run: "TestRefusals",
		edit: edit{"internal/api/admit.go",
			`	if o.Metadata[public] == true {`, `	if o.Metadata[public] == true || bearer(r) == "" {`}},
	{name: "internal errors disclose no details", pkg: apiTests, run: "TestKindsOfError",
		edit: edit{"internal/api/problem.go",
			`"error", err, "request_id", requestOf(ctx).id)
	}
	return problem(http.StatusInternalServerError, "internal", "Try again`,
			`"error", err, "request_id", requestOf(ctx).id)
	}
	return problem(http.StatusInternalServerError, "internal", err.Error()+"Try again`}},
	{name: "the time to read a body does not shorten the time to respond", pkg: apiTests, run: "TestSlowAnswers",
		edit: edit{"internal/api/api.go",
			`BodyReadTimeout: -1}`, `BodyReadTimeout: 0}`}},
}

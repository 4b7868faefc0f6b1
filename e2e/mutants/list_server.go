package main

// server has the limits of connections and of incomplete requests, and what operators see.
var server = []mutant{
	{name: "connections are limited per source", pkg: serverTests, run: "TestConnectionsPerSource",
		edit: edit{"internal/server/conns.go",
			`t.bySource[c.source] >= t.limits.connectionsPerSource`, `false`}},
	{name: "all connections are limited", pkg: serverTests, run: "TestLargestSourceMakesRoom",
		edit: edit{"internal/server/conns.go",
			`	if ofSource || len(t.open) >= t.limits.connections {`, `	if ofSource {`}},
	{name: "trusted proxies have no limit of connections", pkg: serverTests, run: "TestConnectionsPerSource",
		edit: edit{"internal/server/conns.go",
			`	if isTrusted(from, trusted) {`, `	if false {`}},
	{name: "a connection with a request is not cut off", pkg: serverTests,
		run: "TestConnectionsPerSource", edit: edit{"internal/server/conns.go",
			`		if since == 0 || ofSource && c.source != source {`,
			`		if ofSource && c.source != source {`}},
	{name: "the source with the most connections makes room", pkg: serverTests, run: "TestLargestSourceMakesRoom",
		edit: edit{"internal/server/conns.go",
			`	return t.bySource[c.source]
}`, `	return 1
}`}},
	{name: "a fresh idle connection is closed soon", pkg: serverTests, run: "TestFreshIdleConnections",
		edit: edit{"internal/server/conns.go",
			`c.source == "" || allowed >= t.limits.idle`, `true`}},
	{name: "a request takes its slot with its whole body", pkg: serverTests, run: "TestIncompleteBodies",
		edit: edit{"internal/server/request.go",
			`		if !s.readBody(w, client) {
			return
		}
		w.counted = true
		if s.inFlight.Add(1) > s.limits.inFlight {
			s.rejectOverload(w)
			return
		}
`, `		w.counted = true
		if s.inFlight.Add(1) > s.limits.inFlight {
			s.rejectOverload(w)
			return
		}
		if !s.readBody(w, client) {
			return
		}
`}},
	{name: "incomplete bodies are limited per source", pkg: serverTests, run: "TestIncompleteBodies",
		edit: edit{"internal/server/bodies.go",
			`	if source != "" && n >= t.perSource {`, `	if false {`}},
	{name: "a slow body ends", pkg: serverTests, run: "TestIncompleteBodies",
		edit: edit{"internal/server/server.go",
			`ReadTimeout:       s.limits.read, `, ``}},
	{name: "all buffered bodies have a limit together", pkg: serverTests, run: "TestBodiesTogether",
		edit: edit{"internal/server/bodies.go",
			`	for t.buffered+n > t.bytes {`, `	for false {`}},
	{name: "buffers are freed at the end of a request", pkg: serverTests, run: "TestBodiesTogether",
		edit: edit{"internal/server/request.go",
			`		w.body.free()`, ``}},
	{name: "uploads are limited per source", pkg: serverTests, run: "TestUploadSlots",
		edit: edit{"internal/server/bodies.go",
			`	if t.taken >= t.all || source != "" && t.bySource[source] >= t.perSource {`, `	if false {`}},
	{name: "uploads take no slot of the API", pkg: serverTests, run: "TestUploadSlots",
		edit: edit{"internal/server/request.go",
			`		defer s.uploads.free(source)`, `		defer s.uploads.free(source)
		s.inFlight.Add(1)`}},
	{name: "the monitor answers no foreign host", pkg: serverTests, run: "TestMonitorHost",
		edit: edit{"internal/server/monitor.go",
			`	case !isMonitorHost(r.Host, host):`, `	case false:`}},
	{name: "the port for clients has no metrics", pkg: serverTests, run: "TestMetricsOnlyOnMonitor",
		edit: edit{"internal/server/builtin.go",
			`	case "/livez":
		return readOnly(serveLive)
	case "/readyz":
		return readOnly(s.serveReady)
	case "/version":`, `	case "/metrics":
		return readOnly(func(w *responseRecorder, r *http.Request) { s.metrics.page.ServeHTTP(w, r) })
	case "/livez":
		return readOnly(serveLive)
	case "/readyz":
		return readOnly(s.serveReady)
	case "/version":`}},
	{name: "anonymous callers learn no revision", pkg: serverTests, run: "TestBuiltinRoutes",
		edit: edit{"internal/server/builtin.go",
			`w.writeJSON(http.StatusOK, s.version.public())`, `w.writeJSON(http.StatusOK, s.version)`}},
	{name: "a version between releases is not public", pkg: serverTests, run: "TestVersionTellsNoRevision",
		edit: edit{"internal/server/builtin.go",
			`		return versionInfo{Version: release}`, `		return versionInfo{Version: v.Version}`}},
	{name: "nothing follows a request with Transfer-Encoding", pkg: serverTests,
		run: "TestNothingFollowsTransferEncoding",
		edit: edit{"internal/server/request.go",
			`	if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {`, `	if !r.ProtoAtLeast(1, 1) {`}},
	{name: "nothing follows a request of HTTP/1.0", pkg: serverTests, run: "TestNothingFollowsTransferEncoding",
		edit: edit{"internal/server/request.go",
			`	if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {`, `	if len(r.TransferEncoding) > 0 {`}},
	{name: "headers that decide are not repeated", pkg: serverTests, run: "TestRepeatedHeaders",
		edit: edit{"internal/server/request.go",
			`	case repeated != "":`, `	case false:`}},
	{name: "encoded bodies are refused", pkg: serverTests, run: "TestContentEncoding",
		edit: edit{"internal/server/request.go",
			`!strings.EqualFold(coding[0], "identity")`, `false`}},
	{name: "the next page of a list has no personal data in clear", pkg: apiTests, run: "TestSearchUsers",
		edit: edit{"internal/api/page.go",
			`			delete(u.query, name)
`, ``}},
	{name: "a cursor belongs to the body of its search", pkg: apiTests, run: "TestSearchUsers",
		edit: edit{"internal/api/page.go",
			`filters.Encode() + u.body`, `filters.Encode()`}},
	{name: "the personal filters in a cursor are encrypted", pkg: apiTests, run: "TestSearchUsers",
		edit: edit{"internal/directory/cursor.go",
			`d.keys.cursors.Seal([]byte(text), filtersPlace)`, `[]byte(text)`}},
	{name: "log times are UTC", pkg: commandTests, run: "TestLogTimesAreUTC",
		edit: edit{"cmd/cardinal/config.go",
			`slog.TimeValue(value.UTC())`, `slog.TimeValue(value)`}},
}

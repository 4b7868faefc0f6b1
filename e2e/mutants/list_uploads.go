package main

// uploads are the protections of uploaded import files.
var uploads = []mutant{
	{name: "only the uploader reads the problems of an import", pkg: importingTests, run: "TestUpload$",
		edit: edit{"internal/importing/upload.go",
			`	if record.ActorID != k.Actor().UserID {
		return nil, errNotYours`, `	if false {
		return nil, errNotYours`}},
	{name: "an import stops when its actor loses the rights", pkg: importingTests, run: "TestUploadFailures",
		edit: edit{"internal/importing/service.go",
			`		if err = d.RequireActiveActor(ctx, k.Actor()); err == nil {`,
			`		if err = nil; err == nil {`}},
	{name: "the length of an upload is limited", pkg: apiTests, run: "TestUploadLimits",
		edit: edit{"internal/api/upload.go",
			`http.MaxBytesReader(w, r.Body, a.uploads.size)`, `http.MaxBytesReader(w, r.Body, 1<<40)`}},
	{name: "slow uploads time out", pkg: apiTests, run: "TestUploadLimits", edit: edit{"internal/api/upload.go",
		`	_ = p.control.SetReadDeadline(deadline)`, `	_ = p.control.SetReadDeadline(time.Time{})`}},
	{name: "an import shows only the name of a file of the server", pkg: importingTests,
		run: "TestPathStaysOnServer/sqlite",
		edit: edit{"internal/importing/runs.go",
			`	if filepath.IsAbs(name) {`, `	if false && filepath.IsAbs(name) {`}},
}

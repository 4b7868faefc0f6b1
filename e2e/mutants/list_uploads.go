package main

// uploads are the protections of uploaded import files.
var uploads = []mutant{
	{name: "only the uploader starts an import", pkg: directoryTests, run: "TestUpload$",
		edit: edit{"internal/directory/importupload.go",
			`		case record.ActorID != k.actor.UserID:
			return record.ImportRun, errOfAnother`, `		case false:
			return record.ImportRun, errOfAnother`}},
	{name: "only the uploader reads the problems of an import", pkg: directoryTests, run: "TestUpload$",
		edit: edit{"internal/directory/importupload.go",
			`	if record.ActorID != k.actor.UserID {
		return nil, errOfAnother`, `	if false {
		return nil, errOfAnother`}},
	{name: "an import stops when its actor loses the rights", pkg: directoryTests, run: "TestUploadsThatEnd",
		edit: edit{"internal/directory/importjob.go",
			`		if err = d.stillIn(ctx, k.actor); err == nil {`, `		if err = nil; err == nil {`}},
	{name: "the length of an upload is limited", pkg: apiTests, run: "TestUploadLimits",
		edit: edit{"internal/api/upload.go",
			`http.MaxBytesReader(w, r.Body, a.uploads.size)`, `http.MaxBytesReader(w, r.Body, 1<<40)`}},
	{name: "slow uploads time out", pkg: apiTests, run: "TestUploadLimits", edit: edit{"internal/api/upload.go",
		`	_ = p.control.SetReadDeadline(deadline)`, `	_ = p.control.SetReadDeadline(time.Time{})`}},
}

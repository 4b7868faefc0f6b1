package main

// uploads are the protections of files that are uploaded to be imported.
var uploads = []mutant{
	{name: "only who uploaded a file starts it", pkg: directoryTests, run: "TestUpload$", edit: edit{"internal/directory/importupload.go",
		`		case record.ActorID != k.actor.UserID:
			return record.ImportRun, errOfAnother`, `		case false:
			return record.ImportRun, errOfAnother`}},
	{name: "only who uploaded a file reads its problems", pkg: directoryTests, run: "TestUpload$", edit: edit{"internal/directory/importupload.go",
		`	if record.ActorID != k.actor.UserID {
		return nil, errOfAnother`, `	if false {
		return nil, errOfAnother`}},
	{name: "an import ends with the rights it is made with", pkg: directoryTests, run: "TestUploadsThatEnd", edit: edit{"internal/directory/importjob.go",
		`		if err = d.stillIn(ctx, k.actor); err == nil {`, `		if err = nil; err == nil {`}},
	{name: "length of an upload", pkg: apiTests, run: "TestUploadLimits", edit: edit{"internal/api/upload.go",
		`http.MaxBytesReader(w, r.Body, a.uploads.size)`, `http.MaxBytesReader(w, r.Body, 1<<40)`}},
	{name: "pace of an upload", pkg: apiTests, run: "TestUploadLimits", edit: edit{"internal/api/upload.go",
		`	_ = p.control.SetReadDeadline(deadline)`, `	_ = p.control.SetReadDeadline(time.Time{})`}},
}

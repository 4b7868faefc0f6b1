package main

const (
	fileScript       = "TestScripts/sqlite/files$"
	refusedReadTests = "TestRefusedReadsOfPersonalDataAreRecorded"
)

// files are the protections of the files that the command line reads and writes.
var files = []mutant{
	{name: "a file of an export replaces none", pkg: commandTests, run: fileScript, edit: edit{"cmd/cardinal/export.go",
		`				if _, err := os.Lstat(path); err == nil {`,
		`				if _, err := os.Lstat(path); err == nil && false {`},
		also: []edit{{"cmd/cardinal/newfile.go", `errors.Is(err, fs.ErrExist) {
		return err`, `false {
		return err`}, {"cmd/cardinal/newfile.go", `!errors.Is(err, fs.ErrNotExist) {
		return fmt`, `false && err == nil {
		return fmt`}}},
	{name: "a file with problems replaces none", pkg: commandTests, run: fileScript,
		edit: edit{"cmd/cardinal/newfile.go", `O_CREATE|os.O_EXCL|`, `O_CREATE|os.O_TRUNC|`}},
	{name: "a drawing follows no link", pkg: commandTests, run: fileScript, edit: edit{"cmd/cardinal/newfile.go",
		`	return os.Rename(part.Name(), path)
}

// fileExistsError`, `	return os.WriteFile(path, content, mode)
}

// fileExistsError`}},
	{name: "a configuration that others can change is refused", pkg: commandTests, run: fileScript,
		edit: edit{"internal/config/load.go", `info.Mode().Perm()&0o002 != 0 {`,
			`info.Mode().Perm() == 0 {`}},
	{name: "a database that others can change is refused", pkg: commandTests, run: fileScript,
		edit: edit{"cmd/cardinal/newfile.go", `mode.Perm()&0o002 != 0 && mode&os.ModeSticky == 0 {`,
			`false && mode&os.ModeSticky == 0 {`}},
	{name: "keys that others can read are refused", pkg: sealTests, run: "TestLoadKeyring",
		edit: edit{"internal/seal/keyring.go", `perm&0o027 != 0:`, `perm&0o022 != 0:`}},
	{name: "keys that the group can change are refused", pkg: sealTests, run: "TestLoadKeyring",
		edit: edit{"internal/seal/keyring.go", `perm&0o027 != 0:`, `perm&0o007 != 0:`}},
	{name: "keys that the group can read are warned about", pkg: commandTests, run: fileScript,
		edit: edit{"cmd/cardinal/open.go", `range ring.Warnings() {`, `range ring.Warnings()[:0] {`}},
	{name: "a password in a flag is warned about", pkg: commandTests, run: fileScript,
		edit: edit{"cmd/cardinal/newfile.go", `config.Redact(text) != text {`, `config.Redact(text) == "" {`}},
	{name: "CSV for people has no formulas", pkg: commandTests, run: fileScript, edit: edit{"cmd/cardinal/print.go",
		`a.csv && !a.exact {`, `false {`}},
	{name: "refused reads of personal data are recorded", pkg: directoryTests, run: refusedReadTests,
		edit: edit{"internal/directory/authorize.go", `ok && r.Action == "" &&`, `ok && r.Action == "none" &&`}},
}

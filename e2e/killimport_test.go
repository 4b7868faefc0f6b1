package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// killedRows is how many people a file has: several batches, so that a kill finds some of them made.
const killedRows = 2500

// TestKilledImport ends imports with no warning and at random moments: those of the shell, which are resumed by hand, and the service
// while a file is uploaded, checked and imported, which goes on by itself. At the end everybody of the file is there once and whole.
func TestKilledImport(t *testing.T) {
	for _, engine := range engines {
		most := max(2, *kills/10)
		if engine == "postgres" {
			most = max(1, *kills/20)
		}
		t.Run(engine+"/shell", func(t *testing.T) {
			newImportCrashTest(t, engine).killUntil(most, (*importCrashTest).importByCLI)
		})
		t.Run(engine+"/service", func(t *testing.T) {
			newImportCrashTest(t, engine).killUntil(most, (*importCrashTest).importByService)
		})
	}
}

// importCrashTest is a service, and the files that are imported into it under fire.
type importCrashTest struct {
	*crashTest
	engine      string
	files       int
	kills       int
	duration    time.Duration // how long the last import took that nobody disturbed
	foundStates map[string]int
}

func newImportCrashTest(t *testing.T, engine string) *importCrashTest {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := &importCrashTest{crashTest: &crashTest{run: &run{service: start(t, engine)}, random: rand.New(rand.NewPCG(seed, 1))}, engine: engine, foundStates: map[string]int{}}
	k.setUp()
	return k
}

// killUntil imports one file after the other, the first undisturbed, until there were enough kills.
func (k *importCrashTest) killUntil(most int, do func(k *importCrashTest, file string, kills int) (run string)) {
	for left := 0; k.kills < most || k.files == 0; left = min(5, most-k.kills) {
		file, began := k.writeFile(), time.Now()
		run := do(k, file, left)
		if k.duration == 0 {
			k.duration = time.Since(began)
		}
		k.verify(file, run)
	}
	k.integrity(k.engine)
	k.t.Logf("%d kills, %d files of %d people, found %v", k.kills, k.files, killedRows, k.foundStates)
}

// writeFile writes a file of people whom nothing has yet.
func (k *importCrashTest) writeFile() string {
	k.t.Helper()
	k.files++
	var text strings.Builder
	bcrypt := func(n int) string { // of no password
		const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		out := make([]byte, n)
		for i := range out {
			out[i] = alphabet[k.random.IntN(len(alphabet))]
		}
		return string(out) + "."
	}
	for i := range killedRows {
		fmt.Fprintf(&text, `{"email":"p%d@file%d.example.com","username":"u%d-%d","display_name":"Person %d","password_hash":"$2a$05$%s%s"}`+"\n", i, k.files, k.files, i, i, bcrypt(21), bcrypt(30))
	}
	path := filepath.Join(k.folder, fmt.Sprintf("file%d.ndjson", k.files))
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		k.t.Fatal(err)
	}
	return path
}

// randomDelay is a random one of an import.
func (k *importCrashTest) randomDelay() time.Duration {
	return time.Duration(k.random.Int64N(int64(k.duration + k.duration/10)))
}

// importByCLI imports a file by the command, which is killed a few times and then left alone.
func (k *importCrashTest) importByCLI(file string, kills int) string {
	k.t.Helper()
	for {
		args := []string{"import", file, "--yes", "--json", "--db", k.db}
		if run := k.latestImport("--json"); run.State == "running" {
			k.foundStates["running"]++
			args = []string{"runs", "resume", run.ID, file, "--json", "--db", k.db}
		}
		c := exec.Command(k.path(), args...)
		c.Dir = k.folder
		var said strings.Builder
		c.Stdout, c.Stderr = &said, &said
		began := time.Now()
		if err := c.Start(); err != nil {
			k.t.Fatal(err)
		}
		if kills > 0 {
			kills--
			time.Sleep(k.randomDelay())
			c.Process.Kill()
		}
		err := c.Wait()
		if err == nil {
			k.duration = min(k.duration, time.Since(began)) // it was too fast to be killed
			return k.latestImport("--json").ID
		}
		k.kills++
		if c.ProcessState.ExitCode() != -1 {
			k.t.Fatalf("cardinal %v: %v\n%s", args, err, said.String())
		}
	}
}

// importState is what `cardinal runs list` and the API say of an import.
type importState struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	Read     int    `json:"rows_read"`
	Created  int    `json:"rows_created"`
	Skipped  int    `json:"rows_skipped"`
	Faulty   int    `json:"rows_faulty"`
	Problem  string `json:"problem"`
	Finished string `json:"finished_at"`
}

func (k *importCrashTest) latestImport(more ...string) importState {
	k.t.Helper()
	var list struct {
		Data []importState `json:"data"`
	}
	text := k.command(append([]string{"runs", "list", "--limit", "1"}, more...)...)
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		k.t.Fatalf("%v: %s", err, text)
	}
	if len(list.Data) == 0 {
		return importState{}
	}
	return list.Data[0]
}

// importByService uploads a file and waits for the service, which is killed a few times and then left alone.
func (k *importCrashTest) importByService(file string, kills int) string {
	k.t.Helper()
	run := ""
	for {
		ended := make(chan string, 1)
		go func() { ended <- k.uploadAndWait(file, run) }()
		if kills == 0 {
			if run = <-ended; run == "" {
				k.t.Fatalf("the import did not end:\n%s", k.output())
			}
			return run
		}
		kills--
		time.Sleep(k.randomDelay())
		k.kill()
		if run = <-ended; run != "" {
			k.duration = k.duration * 3 / 4 // it was too fast to be killed
			k.service.run()
			return run
		}
		k.kills++
		k.expireLease()
		k.service.run()
		run = k.recoverImport()
	}
}

// uploadAndWait uploads a file unless it is there, and waits until it is imported. It returns nothing when the service does not answer any more.
func (k *importCrashTest) uploadAndWait(file, run string) string {
	if run == "" {
		text, err := os.Open(file)
		if err != nil {
			return ""
		}
		defer text.Close()
		r, err := http.NewRequest("POST", k.base+"/v1/imports?start=true", text)
		if err != nil {
			return ""
		}
		r.Header.Set("Content-Type", "application/x-ndjson")
		r.Header.Set("Authorization", "Bearer "+k.admin)
		answer, err := k.client.Do(r)
		if err != nil {
			return ""
		}
		defer answer.Body.Close()
		var now importState
		if err := json.NewDecoder(answer.Body).Decode(&now); err != nil || answer.StatusCode != http.StatusAccepted {
			return ""
		}
		run = now.ID
	}
	for {
		got, err := k.send("GET", "/v1/imports/"+run, k.admin, nil)
		if err != nil || got.status != http.StatusOK || got.str("state") == "failed" {
			return ""
		}
		if got.str("state") == "finished" {
			return run
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// recoverImport returns the import to go on with, nothing when the file has to be uploaded again: what came of half an upload is undone
// first, and after an import that ended just before the kill nobody is made twice.
func (k *importCrashTest) recoverImport() string {
	k.t.Helper()
	list := k.must(http.StatusOK, "GET", "/v1/imports?limit=1", k.admin, nil).data()
	if len(list) == 0 {
		return ""
	}
	id, _ := list[0]["id"].(string)
	state, _ := list[0]["state"].(string)
	k.foundStates[state]++
	switch state {
	case "checking", "running":
		return id
	case "uploading":
		k.must(http.StatusAccepted, "POST", "/v1/imports/"+id+"/undo", k.admin, nil)
		for k.must(http.StatusOK, "GET", "/v1/imports/"+id, k.admin, nil).str("state") != "undone" {
			time.Sleep(5 * time.Millisecond)
		}
	}
	return ""
}

// expireLease makes the minute pass that a killed node keeps its lease.
func (k *importCrashTest) expireLease() {
	k.t.Helper()
	db := k.openDatabase(k.engine)
	defer db.Close()
	if _, err := db.Exec(`UPDATE jobs SET leased_by = NULL, leased_until = NULL WHERE kind = 'imports.run'`); err != nil {
		k.t.Fatal(err)
	}
}

// verify holds what is there against the file.
func (k *importCrashTest) verify(file, id string) {
	k.t.Helper()
	got := k.must(http.StatusOK, "GET", "/v1/imports/"+id, k.admin, nil)
	var run importState
	if err := json.Unmarshal([]byte(got.text), &run); err != nil {
		k.t.Fatal(err)
	}
	if run.State != "finished" || run.Read != killedRows || run.Created+run.Skipped != killedRows || run.Faulty != 0 {
		k.t.Errorf("%s", got.text)
	}
	// Checked once more, everybody of the file is there.
	if text, want := k.command("import", file), fmt.Sprintf("0 would be created · %d,%03d exist already (skipped) · 0 have problems", killedRows/1000, killedRows%1000); !strings.Contains(text, want) {
		k.t.Errorf("%s", text)
	}
	db := k.openDatabase(k.engine)
	defer db.Close()
	for what, query := range map[string]string{
		"events of people who were imported":  `SELECT count(*) FROM audit_logs WHERE action = 'user.import'`,
		"people of whom such an event tells":  `SELECT count(*) FROM users u WHERE EXISTS (SELECT 1 FROM audit_logs a WHERE a.subject_id = u.id AND a.action = 'user.import')`,
		"people with two claims and a hash":   `SELECT count(*) FROM credentials c WHERE c.hash LIKE '$2a$%' AND (SELECT count(*) FROM identifiers i WHERE i.user_id = c.user_id) = 2`,
		"people, but for the administrator":   `SELECT count(*) - 1 FROM users WHERE kind = 'person'`,
		"people whom runs say they have made": `SELECT sum(rows_created) FROM import_runs`,
	} {
		var n int
		if err := db.QueryRow(query).Scan(&n); err != nil || n != k.files*killedRows {
			k.t.Errorf("%s: %d, want %d (%v)", what, n, k.files*killedRows, err)
		}
	}
	if k.t.Failed() {
		k.t.FailNow()
	}
}

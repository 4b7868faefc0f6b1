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

// killedRows is the number of users in a file. They are several batches, so that some exist when the import is killed.
const killedRows = 2500

// TestKilledImport kills imports at random times: imports of the command line, which the test resumes, and the service
// while it uploads, checks and imports a file, which it must resume after the restart. At the end, each user of the
// file must exist once and completely.
func TestKilledImport(t *testing.T) {
	for _, engine := range engines {
		wantKills := max(2, *kills/10)
		if engine == "postgres" {
			wantKills = max(1, *kills/20)
		}
		t.Run(engine+"/cli", func(t *testing.T) {
			newImportCrashTest(t, engine).killUntil(wantKills, (*importCrashTest).importByCLI)
		})
		t.Run(engine+"/service", func(t *testing.T) {
			newImportCrashTest(t, engine).killUntil(wantKills, (*importCrashTest).importByService)
		})
	}
}

// importCrashTest is a service with imports that are killed.
type importCrashTest struct {
	*crashTest
	engine      string
	files       int
	kills       int
	duration    time.Duration // of an import that was not killed
	foundStates map[string]int
}

func newImportCrashTest(t *testing.T, engine string) *importCrashTest {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	v := &crashTest{harness: &harness{service: start(t, engine)}, random: rand.New(rand.NewPCG(seed, 1))}
	k := &importCrashTest{crashTest: v, engine: engine, foundStates: map[string]int{}}
	k.setUp()
	return k
}

// killUntil imports files until there were enough kills. The first import is not killed.
func (k *importCrashTest) killUntil(wantKills int, do func(k *importCrashTest, file string, kills int) (run string)) {
	for left := 0; k.kills < wantKills || k.files == 0; left = min(5, wantKills-k.kills) {
		file, began := k.writeFile(), time.Now()
		run := do(k, file, left)
		if k.duration == 0 {
			k.duration = time.Since(began)
		}
		k.verify(file, run)
	}
	k.integrity(k.engine)
	k.t.Logf("%d kills, %d files of %d users, states after restarts: %v", k.kills, k.files, killedRows, k.foundStates)
}

// writeFile writes a file of users that do not exist yet.
func (k *importCrashTest) writeFile() string {
	k.t.Helper()
	k.files++
	var text strings.Builder
	bcrypt := func(n int) string { // random characters: the hash of no known password
		const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		out := make([]byte, n)
		for i := range out {
			out[i] = alphabet[k.random.IntN(len(alphabet))]
		}
		return string(out) + "."
	}
	for i := range killedRows {
		fmt.Fprintf(&text, `{"email":"p%d@file%d.example.com","username":"u%d-%d",`, i, k.files, k.files, i)
		fmt.Fprintf(&text, `"display_name":"Person %d","password_hash":"$2a$10$%s%s"}`+"\n", i, bcrypt(21), bcrypt(30))
	}
	path := filepath.Join(k.folder, fmt.Sprintf("file%d.ndjson", k.files))
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		k.t.Fatal(err)
	}
	return path
}

// randomDelay returns a random time within the duration of an import.
func (k *importCrashTest) randomDelay() time.Duration {
	return time.Duration(k.random.Int64N(int64(k.duration + k.duration/10)))
}

// importByCLI imports a file with the command line. It kills the command a number of times and then lets it finish.
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
		var output strings.Builder
		c.Stdout, c.Stderr = &output, &output
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
			k.duration = min(k.duration, time.Since(began)) // it finished before the kill
			return k.latestImport("--json").ID
		}
		k.kills++
		if c.ProcessState.ExitCode() != -1 {
			k.t.Fatalf("cardinal %v: %v\n%s", args, err, output.String())
		}
	}
}

// importState is an import in the output of `cardinal runs list` and of the API.
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

// importByService uploads a file and waits for the import. It kills the service a number of times and then lets it
// finish.
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
			k.duration = k.duration * 3 / 4 // it finished before the kill
			k.service.startProcess()
			return run
		}
		k.kills++
		k.expireLease()
		k.service.startProcess()
		run = k.recoverImport()
	}
}

// uploadAndWait uploads a file, unless run names its import, and waits until it is imported. It returns "" if a request
// fails.
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
		response, err := k.client.Do(r)
		if err != nil {
			return ""
		}
		defer response.Body.Close()
		var now importState
		err = json.NewDecoder(response.Body).Decode(&now)
		if err != nil || response.StatusCode != http.StatusAccepted {
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

// recoverImport returns the import to continue, or "" if the file must be uploaded again. It first undoes an incomplete
// upload. After an import that finished just before the kill, the second import must not create users twice.
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

// expireLease ends the lease of the killed node, which would otherwise last for a minute.
func (k *importCrashTest) expireLease() {
	k.t.Helper()
	db := k.openDatabase(k.engine)
	defer db.Close()
	_, err := db.Exec(`UPDATE jobs SET leased_by = NULL, leased_until = NULL WHERE kind = 'imports.run'`)
	if err != nil {
		k.t.Fatal(err)
	}
}

// verify compares the data with the file.
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
	// A second check of the file must report that all users exist.
	want := fmt.Sprintf("0 would be created · %d,%03d exist already (skipped) · 0 have problems",
		killedRows/1000, killedRows%1000)
	if text := k.command("import", file); !strings.Contains(text, want) {
		k.t.Errorf("%s", text)
	}
	db := k.openDatabase(k.engine)
	defer db.Close()
	for what, query := range map[string]string{
		"events of imported users": `SELECT count(*) FROM audit_logs WHERE action = 'user.import'`,
		"users with such an event": `SELECT count(*) FROM users u
			WHERE EXISTS (SELECT 1 FROM audit_logs a WHERE a.subject_id = u.id AND a.action = 'user.import')`,
		"users with two identifiers and a hash": `SELECT count(*) FROM credentials c
			WHERE c.hash LIKE '$2a$%' AND (SELECT count(*) FROM identifiers i WHERE i.user_id = c.user_id) = 2`,
		"persons without the administrator":   `SELECT count(*) - 1 FROM users WHERE kind = 'person'`,
		"users created according to the runs": `SELECT sum(rows_created) FROM import_runs`,
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

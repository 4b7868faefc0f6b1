package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver
	"golang.org/x/crypto/argon2"
	_ "modernc.org/sqlite"
)

// measureEmptyHandler measures the lower limit of a request's cost: a net/http server in a separate process with an
// empty handler.
func (b *bench) measureEmptyHandler() (time.Duration, error) {
	c, err := b.childCommand("-child", "empty")
	if err != nil {
		return 0, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address := listener.Addr().String()
	listener.Close()
	c.Env = append(os.Environ(), "BENCH_ADDRESS="+address)
	if err := c.Start(); err != nil {
		return 0, err
	}
	defer func() { c.Process.Kill(); c.Wait() }()
	for range 500 {
		if response, err := http.Get("http://" + address); err == nil {
			response.Body.Close()
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	const token = "cs_a-token-as-long-as-a-real-one-so-that-headers-are-alike-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	cpu := func() time.Duration { return processCPU(c.Process.Pid) }
	return load(b.requests, cpu, func(client *http.Client, _ int) error {
		_, err := call(client, "GET", "http://"+address+"/", token, nil)
		return err
	})
}

func serveEmpty() {
	_ = http.ListenAndServe(os.Getenv("BENCH_ADDRESS"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

// measureRawHash measures the lower limit of a hash's cost: Argon2id of the library with the same parameters, in a
// separate process.
func (b *bench) measureRawHash(n int) (time.Duration, error) {
	c, err := b.childCommand("-child", "hash", "-sign-ins", strconv.Itoa(n))
	if err != nil {
		return 0, err
	}
	if err := c.Run(); err != nil {
		return 0, err
	}
	return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()) / time.Duration(n), nil
}

func rawHash(n int) {
	salt := make([]byte, 16)
	for range n {
		rand.Read(salt)
		argon2.IDKey([]byte(secret), salt, 2, 19456, 1, 32)
	}
}

// measureRawInsert measures the lower limit of a user's cost: the same rows of the same sizes in the same tables, with
// one transaction per user, from a process that does nothing else.
func (b *bench) measureRawInsert(db string, s *service, helpers []int) (time.Duration, error) {
	c, err := b.childCommand("-child", "insert", "-url", db, "-users", strconv.Itoa(b.users))
	if err != nil {
		return 0, err
	}
	before := time.Duration(0)
	for _, parent := range helpers {
		before += treeCPU(parent)
	}
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return 0, err
	}
	total := c.ProcessState.UserTime() + c.ProcessState.SystemTime() - before
	for _, parent := range helpers {
		total += treeCPU(parent)
	}
	return total / time.Duration(b.users), nil
}

func (b *bench) childCommand(args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	return exec.Command(path, args...), err
}

// rawInsert writes the rows of n users.
func rawInsert(url string, n int) error {
	ctx := context.Background()
	driver, lite := "pgx", false
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, lite = "sqlite", true
		url = "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)" +
			"&_pragma=journal_mode(WAL)&_txlock=immediate"
	} else if strings.Contains(url, "?") {
		url += "&search_path=cardinal"
	} else {
		url += "?search_path=cardinal"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var kek any
	if err := db.QueryRowContext(ctx, `SELECT id FROM key_encryption_keys`).Scan(&kek); err != nil {
		return err
	}
	id := func(u uuid.UUID) any {
		if lite {
			return u[:]
		}
		return u.String()
	}
	timestamp := func(t time.Time) any {
		if lite {
			return t.UnixMicro()
		}
		return t
	}
	ciphertext := func(size int) []byte {
		b := make([]byte, size)
		rand.Read(b)
		b[0] = 1
		return b
	}
	statements := []string{
		`INSERT INTO users (id, kind, status, created_at, updated_at) VALUES ($1, 'person', 'active', $2, $2)`,
		`INSERT INTO user_keys (user_id, kek_id, wrapped_key, created_at, wrapped_at) VALUES ($1, $2, $3, $4, $4)`,
		`INSERT INTO profiles (user_id, display_name_sealed, created_at, updated_at) VALUES ($1, $2, $3, $3)`,
		`INSERT INTO contacts (user_id, id, kind, value_sealed, is_primary, verified_at, created_at, updated_at)
		 VALUES ($1, $2, 'email', $3, TRUE, $4, $4, $4)`,
		`INSERT INTO identifiers (value_index, user_id, contact_id, created_at) VALUES ($1, $2, $3, $4)`,
		`INSERT INTO audit_logs (subject_id, id, actor_id, action, changed_rows, changes, request_id)
		 VALUES ($1, $2, $3, 'user.create', $4, $5, $6)`,
	}
	prepared := make([]*sql.Stmt, len(statements))
	for i, text := range statements {
		if prepared[i], err = db.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	const row = `{"table":"users","key":"01a20ae0-b385-7509-bef3-f307bd1a53e8","version":1,"columns":1,` +
		`"digest":"wXns21Qx9KrcaBC9swLwmzJinkbf1R1f3aZa3/mZRpo="}`
	rows := `[` + strings.Repeat(row+`,`, 4) + row + `]`
	const changes = `{"users.status":{"to":"active"},"users.kind":{"to":"person"},` +
		`"contacts.value_sealed":{"masked":true}}`
	for i := range n {
		now := timestamp(time.Now().UTC())
		user, contact := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
		event, request := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		for j, args := range [][]any{
			{id(user), now},
			{id(user), kek, ciphertext(61), now},
			{id(user), ciphertext(40), now},
			{id(user), id(contact), ciphertext(50), now},
			{ciphertext(32), id(user), id(contact), now},
			{id(user), id(event), id(user), rows, changes, id(request)},
		} {
			if _, err := tx.StmtContext(ctx, prepared[j]).ExecContext(ctx, args...); err != nil {
				return fmt.Errorf("user %d, statement %d: %w", i, j, err)
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

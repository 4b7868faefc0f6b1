package store_test

import (
	"database/sql"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"cardinal"
)

// fbscryptSignerKey is the public example of a signer key in Firebase's documentation.
const fbscryptSignerKey = "sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA"

// salts are hashes of every scheme that credentials accepts, with the salt of each.
var salts = []struct{ hash, salt string }{
	{"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE",
		"c2FsdHNhbHRzYWx0c2FsdA"},
	{"$argon2id$v=19$m=2097152,t=10,p=128$AAAAAAAAAA+$/+/+/+/+/+/+/+/+/+/+/+", "AAAAAAAAAA+"},
	{"$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "R9h/cIPz0gi.URNNX3kh2O"},
	{"$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "N9qo8uLOickgx2ZMRZoMye"},
	{"$2y$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", "abcdefghijklmnopqrstuu"},
	{"$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
		"aM15713r3Xsvxbi31lqr1Q"},
	{"$pbkdf2-sha256$29000$4RxjDOG8d87Z.x9DKGUsRQ$O4yGxPmnLVBgIkPwE8FKbBQVxXMOqPdwhJDwVgGCbsE",
		"4RxjDOG8d87Z.x9DKGUsRQ"},
	{"$pbkdf2-sha512$i=310000,l=64$zZGpcKr5ZLRxAVs5b2OJTg$" +
		"mLwnoKAZPkYOa9dsmXZVDeKQzTTDyVFmIwd7IqYfqPhQjQcgpMcFUJ3d8ncEnw9tMkVWBFGDJTYZRtNQwUSkOA",
		"zZGpcKr5ZLRxAVs5b2OJTg"},
	{"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "c29tZXNhbHQ"},
	{"$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHR0$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "c29tZXNhbHR0"},
	{"$pbkdf2$1212$OB8F.ZZ0vB1hyzLWHRIlQQ$KxnrPmD8YBTlwzV.gcXx.PKXXN8", "OB8F.ZZ0vB1hyzLWHRIlQQ"},
	{"$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "saltstringsaltst"},
	{"$6$rounds=5000$abcdefghijklmnop" +
		"$0aenUFHf897F9u0tURIHOeACWajSuVGa7jgJGyq.DKZm/WXl/IZFvPbneFydBjomEOgM.Sh1m0L3KsS1.H5b//",
		"abcdefghijklmnop"},
	{"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw," + fbscryptSignerKey +
		"$42xEC+ixf3L2lw$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ",
		"42xEC+ixf3L2lw"},
	{over("wrapped1") + "$1$saltsalt$22", "d3JhcHBlZDF3cmFwcGVkMQ"},
	{over("wrapped2") + "$salted-sha1$suffix$$20", "d3JhcHBlZDJ3cmFwcGVkMg"},
	{over("wrapped3") + "$2b$10$N9qo8uLOickgx2ZMRZoMye$31", "d3JhcHBlZDN3cmFwcGVkMw"},
	{over("wrapped4") + "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$64", "d3JhcHBlZDR3cmFwcGVkNA"},
	{over("wrapped5") + "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$32", "d3JhcHBlZDV3cmFwcGVkNQ"},
	{over("wrapped6") + "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw," + fbscryptSignerKey + "$42xEC+ixf3L2lw$64",
		"d3JhcHBlZDZ3cmFwcGVkNg"},
}

// over begins a hash by Argon2id over the digest of another scheme. The salt of eight letters is used twice. The
// parameters of the other scheme follow.
func over(salt string) string {
	return "$argon2id-over$v=19$m=19456,t=2,p=1$" + base64.RawStdEncoding.EncodeToString([]byte(salt+salt)) +
		"$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"
}

// saltsOf stores hashes in a table with the checks of credentials and without its foreign keys, and returns their
// salts.
func saltsOf(t *testing.T, engine string, hashes []string) []string {
	t.Helper()
	var db *sql.DB
	insert := `INSERT INTO credentials (user_id, hash, last_reset, created_at, updated_at) VALUES ($1, $2, 1, 1, 1)`
	if engine == "sqlite" {
		_, path := migratedSQLite(t)
		db = openSQL(t, "sqlite", path+"?_pragma=foreign_keys(0)")
	} else {
		db = openSQL(t, "pgx", inSchema(migratedPostgres(t)))
		run(t, db, `CREATE TABLE probe (LIKE credentials INCLUDING ALL)`)
		insert = `INSERT INTO probe (user_id, hash, last_reset, created_at, updated_at)
			VALUES ($1, $2, 'epoch', 'epoch', 'epoch') RETURNING salt`
	}
	if engine == "sqlite" {
		insert += ` RETURNING salt`
	}
	tx := must(db.Begin())(t)
	defer tx.Rollback()
	stmt := must(tx.Prepare(insert))(t)
	found := make([]string, len(hashes))
	for i, hash := range hashes {
		id := cardinal.NewID() // random: no check depends on its bits
		var key any = id[:]
		if engine == "postgres" {
			key = id.String()
		}
		if err := stmt.QueryRow(key, hash).Scan(&found[i]); err != nil {
			t.Fatalf("%s is refused: %v", hash, err)
		}
	}
	return found
}

func TestSaltOfEveryScheme(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		var hashes []string
		for _, v := range salts {
			hashes = append(hashes, v.hash)
		}
		for i, got := range saltsOf(t, engine, hashes) {
			if got != salts[i].salt {
				t.Errorf("%s: the salt of %s is %q, want %q", engine, hashes[i], got, salts[i].salt)
			}
		}
	}
}

func TestRandomArgon2idHashesAreAccepted(t *testing.T) {
	const seed = 20260314
	random := rand.New(rand.NewPCG(seed, seed))
	encoded := func(least, most int) string {
		b := make([]byte, least+random.IntN(most-least+1))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return base64.RawStdEncoding.EncodeToString(b)
	}
	var hashes, want []string
	for range 2000 {
		salt := encoded(12, 48)
		hashes = append(hashes, fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
			8+random.IntN(4<<20), 1+random.IntN(100), 1+random.IntN(255), salt, encoded(16, 64)))
		want = append(want, salt)
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		for i, got := range saltsOf(t, engine, hashes) {
			if got != want[i] {
				t.Fatalf("%s: the salt of %s is %q (seed %d)", engine, hashes[i], got, seed)
			}
		}
	}
}

func TestRandomIDsAreAccepted(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	list := make([]uuid.UUID, 3000)
	for i := range list {
		for j := range list[i] {
			list[i][j] = byte(random.Uint32())
		}
		list[i][6], list[i][8] = 0x70|list[i][6]&0x0f, 0x80|list[i][8]&0x3f
	}
	_, path := migratedSQLite(t)
	lite := openSQL(t, "sqlite", path+"?_pragma=foreign_keys(0)")
	pg := openSQL(t, "pgx", inSchema(migratedPostgres(t)))
	run(t, pg, `CREATE TABLE probe (LIKE contacts INCLUDING ALL)`)
	tx := must(lite.Begin())(t)
	defer tx.Rollback()
	sealed := append([]byte{1}, make([]byte, 29)...)
	texts := make([]string, len(list))
	for i, id := range list {
		texts[i] = id.String()
		if _, err := tx.Exec(`
			INSERT INTO contacts (user_id, id, kind, value_sealed, created_at, updated_at)
			VALUES ($1, $1, 'email', $2, 1, 1)`, id[:], sealed); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if _, err := tx.Exec(`
			INSERT INTO users (id, kind, status, created_at, updated_at)
			VALUES ($1, 'person', 'active', 1, 1)`, id[:]); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	run(t, pg, `
		INSERT INTO probe (user_id, id, kind, value_sealed, created_at, updated_at)
		SELECT i::uuid, i::uuid, 'email', $2, 'epoch', 'epoch' FROM unnest($1::text[]) i`, texts, sealed)
}

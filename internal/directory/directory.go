// Package directory holds identities and the rules: who is allowed to change what, and what is recorded about it. It
// contains no HTTP and no SQL.
//
// There are no anonymous changes: every rule is a method of a Desk, and a desk belongs to an actor:
// directory.As(actor). No change goes unrecorded: each one passes the function Change, which checks the permission,
// performs the change and appends the audit event in one transaction.
//
// The packages access, signin and importing build on Change, Rule, Tx and Read. Which status can sign in, and which
// kind of user has what, are columns of the tables user_statuses and user_kinds: no rule names a status.
package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/password"
	"cardinal/internal/seal"
	"cardinal/internal/store"
	"cardinal/internal/store/schema"
	"cardinal/internal/throttle"
)

// Directory is the rules over one open database. It is safe for use by many goroutines.
type Directory struct {
	store         *store.Store
	keys          *Keys
	hasher        *password.Hasher
	throttle      *throttle.Throttle
	refusals      *throttle.Refusals
	signIns       throttle.Outcomes
	ownChanges    throttle.OwnChanges
	log           *slog.Logger
	clock         func() time.Time
	lastSeen      *lastSeenBuffer
	olderTokens   olderTokens
	searchForms   formsCache
	schemes       schemeCache
	rowFormat     rowFormat
	unreadable    unreadableValues
	lastHeartbeat atomic.Int64 // of this process as a node, in microseconds since 1970; 0 while it is no node

	// Lookup tables. They change only by migration, so they are read once.
	kinds        map[string]store.UserKind
	statuses     map[string]store.UserStatus
	contactKinds []string

	// builtInPermissions caches whether a built-in actor has a permission, by builtInPermission. It is safe because the
	// roles of built-in actors change only by migration, too.
	builtInPermissions sync.Map
}

type builtInPermission struct {
	actor      uuid.UUID
	permission string
}

// Options is what a directory needs in addition to the database.
type Options struct {
	// LoadKeys reads the key-encryption keys that this process was given. It is called again when another node created
	// one first.
	LoadKeys func() (*seal.Keyring, error)
	// CreateKEK creates and keeps a new key-encryption key. It is called only for a database that names none. It
	// returns the key and where it is kept: file or environment.
	CreateKEK func(id uuid.UUID) (seal.KEK, string, error)
	Hasher    *password.Hasher
	Clock     func() time.Time // time.Now when nil
	Logger    *slog.Logger     // nil logs nothing
}

// Open returns the rules over a database whose schema is ready. On an empty one it registers the first key-encryption
// key. A kind of contact that has no normal form is an error: its values could not be compared.
func Open(ctx context.Context, s *store.Store, o Options) (*Directory, error) {
	d := &Directory{
		store: s, hasher: o.Hasher, log: o.Logger, clock: o.Clock, lastSeen: newLastSeenBuffer(),
		refusals: throttle.NewRefusals(),
		kinds:    map[string]store.UserKind{}, statuses: map[string]store.UserStatus{},
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.clock == nil {
		d.clock = time.Now
	}
	r := s.Read(ctx)
	kinds, err := r.UserKinds(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the kinds of users: %w", err)
	}
	for _, k := range kinds {
		d.kinds[k.Code] = k
	}
	statuses, err := r.UserStatuses(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the statuses: %w", err)
	}
	for _, st := range statuses {
		d.statuses[st.Code] = st
	}
	if d.contactKinds, err = r.ContactKinds(ctx); err != nil {
		return nil, fmt.Errorf("read the kinds of contacts: %w", err)
	}
	for _, kind := range d.contactKinds {
		if _, ok := contactNormalizers[kind]; !ok {
			return nil, fmt.Errorf(
				"the kind of contact %q has no normal form in this program; use the version that added it", kind)
		}
	}
	if d.keys, err = openKeys(ctx, s, o, d.Now()); err != nil {
		return nil, err
	}
	d.throttle = throttle.New(s, d.keys.throttles, d.Now)
	return d, nil
}

// Now is the time, in UTC, to the microsecond that both databases keep.
func (d *Directory) Now() time.Time { return d.clock().UTC().Truncate(time.Microsecond) }

// As returns the desk of an actor.
func (d *Directory) As(a cardinal.Actor) Desk { return Desk{d: d, actor: a} }

// AsUser returns the desk of an actor whose data key was read already, so that an event needs no statement for it.
func (d *Directory) AsUser(a cardinal.Actor, key seal.Key) Desk {
	return Desk{d: d, actor: a, actorKey: key}
}

// AsReader returns the desk of an actor who was found to have a permission when they were authenticated. Only reads
// rely on it, for this request; a change checks the permission again.
func (d *Directory) AsReader(a cardinal.Actor, permission string) Desk {
	return Desk{d: d, actor: a, readPermission: permission}
}

// Store returns the database.
func (d *Directory) Store() *store.Store { return d.store }

// Keys returns the keys of the service.
func (d *Directory) Keys() *Keys { return d.keys }

// Hasher returns the password hasher.
func (d *Directory) Hasher() *password.Hasher { return d.hasher }

// Throttle returns the limits of attempts.
func (d *Directory) Throttle() *throttle.Throttle { return d.throttle }

// Status returns a status of users by its code; the zero Status for an unknown one.
func (d *Directory) Status(code string) cardinal.Status { return d.statuses[code].Status }

// AwaitsVerification reports whether a verified contact activates users with a status.
func (d *Directory) AwaitsVerification(code string) bool { return d.statuses[code].AwaitsVerification }

// Kind returns a kind of user by its code.
func (d *Directory) Kind(code string) (store.UserKind, bool) {
	kind, ok := d.kinds[code]
	return kind, ok
}

// ContactKinds lists the kinds of contact.
func (d *Directory) ContactKinds() []string { return d.contactKinds }

// ConnStats is the use of a pool of connections.
type ConnStats = store.ConnStats

// Stats is the load of the service, for its metrics.
type Stats struct {
	HashesRunning, HashesWaiting int
	HashesRejected               uint64            // because the queue was full
	SignIns                      map[string]uint64 // attempts, by outcome
	Pool                         store.PoolStats
	Jobs                         map[string]int    // by state; nil when they could not be read
	Unreadable                   map[string]uint64 // encrypted values that could not be decrypted, by table and column
}

// Stats returns the load of the service now.
func (d *Directory) Stats(ctx context.Context) Stats {
	s := Stats{Pool: d.store.Pool(), SignIns: d.signIns.Counts(), Unreadable: d.Unreadable()}
	s.HashesRunning, s.HashesWaiting, s.HashesRejected = d.hasher.Stats()
	jobs, err := d.JobStatuses(ctx, d.store.Read(ctx))
	if err != nil {
		return s
	}
	s.Jobs = map[string]int{cardinal.JobWaiting: 0, cardinal.JobDue: 0, cardinal.JobRunning: 0, cardinal.JobFailed: 0}
	for _, job := range jobs {
		s.Jobs[job.State]++
	}
	return s
}

// Ready returns why the service cannot work now; nothing when it can.
func (d *Directory) Ready(ctx context.Context) []string {
	if since := d.sinceHeartbeat(); since > store.NodeTimeout/2 {
		return []string{fmt.Sprintf("no heartbeat could be written for %s", since.Round(time.Second))}
	}
	if _, err := d.store.Ready(ctx); err != nil {
		if errors.Is(err, schema.ErrUnusable) {
			return []string{err.Error()}
		}
		return []string{"the database does not answer"}
	}
	ahead, err := d.store.Read(ctx).AuditMonthsAhead(ctx, d.Now())
	switch {
	case err != nil:
		return []string{"the audit log cannot be read"}
	case ahead < 2:
		return []string{fmt.Sprintf(
			"the audit log has partitions for %d month(s) ahead, fewer than two: check the job audit.months", ahead)}
	}
	return nil
}

// Desk is where an actor asks for reads and changes. Every method checks what the actor is allowed to do. A desk never
// changes its actor.
type Desk struct {
	d       *Directory
	actor   cardinal.Actor
	request *IdempotentRequest // nil without an Idempotency-Key

	rate *Rate // where the rate of own changes is reported; nil for nowhere

	actorKey seal.Key // the actor's data key when it was read already
	// readPermission is a permission that the actor was found to have when they were authenticated; "" for none. It is
	// safe because a desk lives for one request, and because only reads rely on it: a change checks again.
	readPermission string
}

// Actor returns the actor.
func (k Desk) Actor() cardinal.Actor { return k.actor }

// Directory returns the directory of the desk.
func (k Desk) Directory() *Directory { return k.d }

// WithoutReply returns the desk without the Idempotency-Key of the request: its result is a secret that is never stored
// for a repeated request, or it consists of several changes.
func (k Desk) WithoutReply() Desk {
	k.request = nil
	return k
}

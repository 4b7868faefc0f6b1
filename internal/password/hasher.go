// Package password hashes and verifies passwords, and checks their length and whether they are too common. It has no
// concept of users: its input is a password in its normal form, and hashes are PHC strings.
//
// Hashing is expensive on purpose. A Hasher therefore limits how many hashes run at once and how many callers wait:
// under a flood of sign-ins callers get ErrBusy, and the memory of the machine stays free.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// Params are the costs of Argon2id (RFC 9106 section 3.1).
type Params struct {
	MemoryKiB   uint32
	Iterations  uint32
	Parallelism uint8
}

// Default is the first choice of the OWASP Password Storage Cheat Sheet for one lane: 19 MiB, two passes.
var Default = Params{MemoryKiB: 19456, Iterations: 2, Parallelism: 1}

const (
	saltBytes = 16
	tagBytes  = 32
)

// Limits bound the work of a Hasher.
type Limits struct {
	// Concurrent is how many hashes run at once, at least 1. They use this many times Params.MemoryKiB of memory.
	Concurrent int
	// Queue is how many callers can wait for a slot. With 0 no caller waits. When it is full, a caller takes the place
	// of one whose address or account has more.
	Queue int
	// Wait is the longest time that one caller waits.
	Wait time.Duration
}

// DefaultLimits leaves one core to all other work: cores - 1 hashes at once (at least one), 32 waiters for each of
// them, five seconds.
func DefaultLimits() Limits {
	n := max(1, runtime.GOMAXPROCS(0)-1)
	return Limits{Concurrent: n, Queue: 32 * n, Wait: 5 * time.Second}
}

// Hasher hashes and verifies passwords under its Limits. It is safe for concurrent use.
type Hasher struct {
	params Params
	queue  *queue
	pace   pace
	// dummy is a hash of the current costs that no password matches.
	dummy string
	// argon2id is argon2.IDKey. Tests replace it to observe or block the work.
	argon2id func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte
}

// New returns a Hasher. It panics when params or limits make hashing impossible: they come from the program, not from a
// user.
func New(params Params, limits Limits) *Hasher {
	if err := params.check(); err != nil {
		panic(fmt.Sprintf("password: params: %v", err))
	}
	if limits.Concurrent < 1 || limits.Queue < 0 || limits.Wait < 0 {
		panic(fmt.Sprintf("password: limits %+v", limits))
	}
	own := argon2idHash{params: params}.sample().String()
	return &Hasher{
		params: params,
		queue:  newQueue(limits),
		pace:   pace{own: own, alone: map[string]time.Duration{}},
		// A random tag needs no hash computation, and finding its password is a preimage search.
		dummy:    argon2idHash{params, randomBytes(saltBytes), randomBytes(tagBytes)}.String(),
		argon2id: argon2.IDKey,
	}
}

// Hash returns the PHC string of a password with a new random salt. It returns a *cardinal.FieldError when the password
// is longer than 1,024 bytes, ErrBusy when there is no slot, and the error of ctx when ctx ends during the wait.
func (h *Hasher) Hash(ctx context.Context, c Caller, password string) (string, error) {
	if len(password) > maxBytes {
		return "", errTooLong()
	}
	at, err := h.queue.enter(ctx, c, 1)
	if err != nil {
		return "", err
	}
	defer h.queue.leave(at)
	salt := randomBytes(saltBytes)
	return argon2idHash{h.params, salt, h.tag(h.params, []byte(password), salt, tagBytes)}.String(), nil
}

// Verify reports whether a password matches a stored hash. If it matches, rehash reports whether the hash must be
// replaced because its scheme or its costs are below the current ones. Verify accepts what Hash, Wrap and PHC return.
// It takes as long as the most expensive of the schemes in use (SetSchemes), whatever the scheme of this hash.
// It returns ErrUnusable for other texts and for unreasonable costs, before it spends them; other errors as Hash.
func (h *Hasher) Verify(ctx context.Context, c Caller, password, phc string) (match, rehash bool, err error) {
	if len(password) > maxBytes {
		return false, false, errTooLong()
	}
	stored, err := parse(phc)
	if err != nil {
		return false, false, err
	}
	if err := h.measure(ctx); err != nil {
		return false, false, err
	}
	match, start, err := h.compareInTurn(ctx, c, stored, password)
	if err != nil {
		return false, false, err
	}
	h.pace.wait(ctx, start)
	current, isCurrentScheme := stored.(argon2idHash)
	return match, match && (!isCurrentScheme || current.weakerThan(h.params)), nil
}

// compareInTurn waits in the queue and compares. It returns when the comparison started.
func (h *Hasher) compareInTurn(
	ctx context.Context, c Caller, stored storedHash, password string,
) (match bool, start time.Time, err error) {
	at, err := h.queue.enter(ctx, c, h.turns(stored))
	if err != nil {
		return false, start, err
	}
	defer h.queue.leave(at)
	start = time.Now()
	match, err = h.compare(stored, password)
	h.pace.observe(stored, start)
	return match, start, err
}

func (h *Hasher) compare(stored storedHash, password string) (match bool, err error) {
	switch stored := stored.(type) {
	case legacyHash:
		return stored.verify(password)
	case wrappedHash:
		return h.verifyWrapped(stored, password)
	}
	current := stored.(argon2idHash)
	// #nosec G115 -- a digest is at most maxTag bytes
	tag := h.tag(current.params, []byte(password), current.salt, uint32(len(current.tag)))
	return subtle.ConstantTimeCompare(tag, current.tag) == 1, nil
}

// Prefix returns the text with which every hash of the current costs starts.
func (h *Hasher) Prefix() string {
	return strings.TrimSuffix(argon2idHash{params: h.params}.String(), "$") // it has no salt and no tag
}

// VerifyDummy does the work of Verify against a dummy hash of the current costs, including the queue, and never
// matches. It is for unknown identifiers, so that the response time does not disclose whether an account exists. A nil
// error means "wrong password".
func (h *Hasher) VerifyDummy(ctx context.Context, c Caller, password string) error {
	_, _, err := h.Verify(ctx, c, password, h.dummy)
	return err
}

// CheckCapacity returns ErrBusy when there is no slot and no room in the queue for this caller. Callers ask before they
// do other work for a request that will need a hash, so that a flood of requests does not cost that work either.
func (h *Hasher) CheckCapacity(c Caller) error { return h.queue.checkCapacity(c) }

// Stats returns how many hashes run and how many callers wait now, and how many callers got ErrBusy since the start.
func (h *Hasher) Stats() (running, waiting int, refused uint64) { return h.queue.stats() }

func (h *Hasher) tag(p Params, password, salt []byte, length uint32) []byte {
	return h.argon2id(password, salt, p.Iterations, p.MemoryKiB, p.Parallelism, length)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails (Go 1.24)
	return b
}

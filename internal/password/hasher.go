// Package password hashes passwords and verifies them, and says which ones are too short or too common. It knows nothing of
// users: it takes a password in its normal form and gives or takes a PHC string.
//
// Hashing is meant to be expensive, so a Hasher lets only so many run at once and only so many wait: a flood of sign-ins costs
// its senders answers, not the machine its memory.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"runtime"
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
	// Concurrent is how many hashes run at once, at least 1; the memory they take is this times Params.MemoryKiB.
	Concurrent int
	// Queue is how many callers may wait for a turn; 0 lets nobody wait.
	Queue int
	// Wait is the longest that one caller waits.
	Wait time.Duration
}

// DefaultLimits leaves one core to everything else: cores − 1 hashes at once (at least one), 32 waiters for each, five seconds.
func DefaultLimits() Limits {
	n := max(1, runtime.GOMAXPROCS(0)-1)
	return Limits{Concurrent: n, Queue: 32 * n, Wait: 5 * time.Second}
}

// Hasher hashes and verifies under its Limits. Several goroutines may use it.
type Hasher struct {
	params Params
	queue  *queue
	// nobody is a hash of the current cost that no password has.
	nobody string
	// argon2id is argon2.IDKey, but for tests that watch or hold the work.
	argon2id func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte
}

// New returns a Hasher. It panics when the params or limits could never hash: they are the program's, not a user's.
func New(params Params, limits Limits) *Hasher {
	if err := params.check(); err != nil {
		panic(fmt.Sprintf("password: params: %v", err))
	}
	if limits.Concurrent < 1 || limits.Queue < 0 || limits.Wait < 0 {
		panic(fmt.Sprintf("password: limits %+v", limits))
	}
	return &Hasher{
		params: params,
		queue:  newQueue(limits),
		// A random tag costs no hash to make, and finding its password is a preimage search.
		nobody:   argon2idHash{params, randomBytes(saltBytes), randomBytes(tagBytes)}.String(),
		argon2id: argon2.IDKey,
	}
}

// Hash returns the PHC string of a password under a fresh salt. It returns a *cardinal.Fault when the password is over MaxBytes,
// ErrBusy when there is no turn to be had, and ctx's error when ctx ends in the queue.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if len(password) > MaxBytes {
		return "", errTooLong()
	}
	if err := h.queue.enter(ctx); err != nil {
		return "", err
	}
	defer h.queue.leave()
	salt := randomBytes(saltBytes)
	return argon2idHash{h.params, salt, h.tag(h.params, []byte(password), salt, tagBytes)}.String(), nil
}

// Verify reports whether a password is the one that was hashed, and, if it is, whether to hash it again because the scheme or
// its costs are below the current ones. It takes what Hash, Wrap and Given.PHC return; it returns ErrUnusable for any other text and
// for costs that no honest hash has, before it spends them. Errors otherwise as Hash.
func (h *Hasher) Verify(ctx context.Context, password, phc string) (match, rehash bool, err error) {
	if len(password) > MaxBytes {
		return false, false, errTooLong()
	}
	stored, err := parse(phc)
	if err != nil {
		return false, false, err
	}
	if err := h.queue.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.queue.leave()
	var current argon2idHash
	switch stored := stored.(type) {
	case legacyHash:
		match, err = stored.verify(password)
		return match, match, err
	case wrappedHash:
		match, err = h.verifyWrapped(stored, password)
		return match, match, err
	case argon2idHash:
		current = stored
	}
	tag := h.tag(current.params, []byte(password), current.salt, uint32(len(current.tag)))
	match = subtle.ConstantTimeCompare(tag, current.tag) == 1
	return match, match && current.below(h.params), nil
}

// VerifyNobody spends what Verify spends on a current hash, queue included, and matches nothing: for identifiers that are not
// known, so that time does not tell them from wrong passwords. A nil error means "wrong password".
func (h *Hasher) VerifyNobody(ctx context.Context, password string) error {
	_, _, err := h.Verify(ctx, password, h.nobody)
	return err
}

// Room returns ErrBusy, as Verify would, when there is no turn to be had: asked before other work is done for who will need one, so
// that a flood costs that work neither.
func (h *Hasher) Room() error { return h.queue.room() }

// Stats returns how many hashes run and wait now, and how many callers were refused with ErrBusy since the start.
func (h *Hasher) Stats() (running, waiting int, refused uint64) { return h.queue.stats() }

func (h *Hasher) tag(p Params, password, salt []byte, length uint32) []byte {
	return h.argon2id(password, salt, p.Iterations, p.MemoryKiB, p.Parallelism, length)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails (Go 1.24)
	return b
}

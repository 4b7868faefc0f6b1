package password

import (
	"fmt"
	"time"
)

// ErrTooExpensive is an ErrUnusable: the hash takes more memory or time than any user should be able to make the
// service spend by an attempt to sign in.
var ErrTooExpensive = fmt.Errorf("%w: too expensive", ErrUnusable)

func tooExpensive(reason string) error { return fmt.Errorf("%w: %s", ErrTooExpensive, reason) }

// cost is what a verification of a hash takes.
type cost struct {
	kib  int
	time time.Duration // on the machine of docs/benchmarks.md
}

// ownTime is the time of a hash with the Default parameters, on the machine of docs/benchmarks.md and under its load.
// The times of the other schemes were measured there, too.
const ownTime = 35 * time.Millisecond

// The limits of a hash that is imported. A hash that is in the database already has those of phc.go: its user would be
// locked out.
const (
	maxImportedKiB  = 256 << 10
	maxImportedTime = 10 * ownTime
)

// check refuses a hash above the limits.
func (c cost) check() error {
	switch {
	case c.kib > maxImportedKiB:
		return tooExpensive(fmt.Sprintf("it takes %d MiB of memory, and the limit is %d MiB",
			(c.kib+1023)>>10, maxImportedKiB>>10))
	case c.time > maxImportedTime:
		return tooExpensive(fmt.Sprintf("it takes %d times as long as the hashes of this service, and the limit is %d "+
			"times", (c.time+ownTime-1)/ownTime, maxImportedTime/ownTime))
	}
	return nil
}

// Hashes with lower costs are wrapped: an attacker with a dump could guess them much faster than those of this service.
// The rounds of PBKDF2, the cost of bcrypt and the memory and passes of Argon2 are the lowest ones of OWASP's Password
// Storage Cheat Sheet. 5,000 rounds are the default of SHA-crypt, and 16 MiB of scrypt those that its author proposes
// for interactive use.
const (
	minPBKDF2SHA1      = 1_300_000
	minPBKDF2SHA256    = 600_000
	minPBKDF2SHA512    = 210_000
	minBcryptCost      = 10
	minSHACryptRounds  = 5000
	minScryptKiB       = 16 << 10
	minArgon2KiB       = 7 << 10
	minArgon2KiBPasses = 5 * minArgon2KiB
)

func (p Params) isWeak() bool {
	return p.MemoryKiB < minArgon2KiB || p.MemoryKiB*p.Iterations < minArgon2KiBPasses
}

func (p Params) cost() cost {
	own := Default.MemoryKiB * Default.Iterations
	return cost{int(p.MemoryKiB), ownTime * time.Duration(p.MemoryKiB*p.Iterations) / time.Duration(own)}
}

func scryptCost(kib, lanes int) cost {
	return cost{kib, time.Duration(kib*lanes) * 2 * time.Microsecond}
}

func bcryptCost(logRounds int) cost { return cost{0, 58 * time.Microsecond << logRounds} }

// digestCost is the cost of a scheme that repeats a digest and needs no memory.
func digestCost(rounds int, perRound time.Duration) cost {
	return cost{0, time.Duration(rounds) * perRound}
}

// turns returns how many turns of the queue a hash costs: one for each part of its memory that a hash of the Hasher's
// own parameters would use.
func (h *Hasher) turns(stored storedHash) int {
	own := int(h.params.MemoryKiB)
	return max(1, (stored.cost().kib+own-1)/own)
}

package throttle

import "sync/atomic"

// The outcomes of attempts to sign in, which metrics count.
const (
	SignedIn         = "signed_in"
	WrongCredentials = "wrong_credentials" // #nosec G101 -- the name of an outcome
	NotAllowed       = "not_allowed"       // the status of the account does not allow it
	Throttled        = "throttled"
	Busy             = "busy" // no room in the hashing queue
	Failed           = "error"
)

// Outcomes counts attempts to sign in by their outcome, since the start of the process.
type Outcomes struct {
	signedIn, wrongCredentials, notAllowed, throttled, busy, failed atomic.Uint64
}

func (o *Outcomes) counters() map[string]*atomic.Uint64 {
	return map[string]*atomic.Uint64{
		SignedIn: &o.signedIn, WrongCredentials: &o.wrongCredentials, NotAllowed: &o.notAllowed,
		Throttled: &o.throttled, Busy: &o.busy, Failed: &o.failed,
	}
}

// Add counts an attempt.
func (o *Outcomes) Add(outcome string) { o.counters()[outcome].Add(1) }

// Counts returns the number of attempts by outcome.
func (o *Outcomes) Counts() map[string]uint64 {
	counts := map[string]uint64{}
	for outcome, n := range o.counters() {
		counts[outcome] = n.Load()
	}
	return counts
}

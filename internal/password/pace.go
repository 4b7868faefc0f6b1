package password

import (
	"context"
	"slices"
	"sync"
	"time"
)

// pace lets every verification take the time of the most expensive scheme in use, so that an answer does not disclose
// whether an account exists, or which system its hash came from. It measures each setting once, alone, and watches how
// much longer hashes take under the load of the moment: each answer waits for the longest of the measured times, as
// much longer as one of the slowest recent hashes was.
//
// With the scheme of this service alone nothing waits: the hash of an unknown account takes the same work.
type pace struct {
	own string // the sample of this service's parameters

	measuring sync.Mutex // held while settings are measured

	mu     sync.Mutex
	inUse  []SchemeInUse
	alone  map[string]time.Duration // by sample
	recent [64]slowdown             // a ring
	next   int
}

// slowdown is how many times as long as alone a hash took.
type slowdown struct {
	at    time.Time
	times float64
}

const (
	// maxMeasured is how many settings are measured: the most expensive ones by the table of costs.
	maxMeasured = 4
	// recentTime is how long a slow hash slows the answers after it.
	recentTime = 30 * time.Second
	// The slowest recent hash is ignored, and these bound the others: a pause of the machine is not load.
	minSlowdown, maxSlowdown = 1.25, 8
)

// SetSchemes sets the schemes of the hashes in the database. Own hashes need not be among them.
func (h *Hasher) SetSchemes(schemes []SchemeInUse) {
	schemes = slices.Clone(schemes)
	slices.SortFunc(schemes, func(a, b SchemeInUse) int { return int(b.Cost - a.Cost) })
	schemes = slices.DeleteFunc(schemes, func(s SchemeInUse) bool { return s.Sample == h.pace.own })
	h.pace.mu.Lock()
	defer h.pace.mu.Unlock()
	h.pace.inUse = schemes[:min(len(schemes), maxMeasured)]
}

// measure measures the settings that were not measured yet. One caller does it, the others do not wait.
func (h *Hasher) measure(ctx context.Context) error {
	p := &h.pace
	p.mu.Lock()
	var missing []string
	for _, s := range p.inUse {
		for _, sample := range []string{s.Sample, p.own} {
			if _, ok := p.alone[sample]; !ok && !slices.Contains(missing, sample) {
				missing = append(missing, sample)
			}
		}
	}
	p.mu.Unlock()
	if len(missing) == 0 || !p.measuring.TryLock() {
		return nil
	}
	defer p.measuring.Unlock()
	for _, sample := range missing {
		shortest, err := h.measureSample(ctx, sample)
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.alone[sample] = shortest
		p.mu.Unlock()
	}
	return nil
}

// measureSample returns the shortest of three times. A sample that this program cannot parse takes no time: it cannot
// verify such hashes either.
func (h *Hasher) measureSample(ctx context.Context, sample string) (shortest time.Duration, err error) {
	stored, err := parse(sample)
	if err != nil {
		return 0, nil
	}
	for range 3 {
		_, start, err := h.compareInTurn(ctx, Caller{}, stored, "a password of usual length")
		if err != nil {
			return 0, err
		}
		if took := time.Since(start); shortest == 0 || took < shortest {
			shortest = took
		}
	}
	return shortest, nil
}

// observe notes how long a verification took.
func (p *pace) observe(stored storedHash, start time.Time) {
	took := time.Since(start)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.inUse) == 0 {
		return
	}
	s := inUse(stored)
	if alone := p.alone[s.Sample]; alone > 0 {
		p.recent[p.next] = slowdown{time.Now(), float64(took) / float64(alone)}
		p.next = (p.next + 1) % len(p.recent)
	}
}

// duration returns the time that every verification takes now.
func (p *pace) duration() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.inUse) == 0 {
		return 0
	}
	longest := p.alone[p.own]
	for _, s := range p.inUse {
		longest = max(longest, p.alone[s.Sample])
	}
	var first, second float64
	for _, s := range p.recent {
		if time.Since(s.at) > recentTime {
			continue
		}
		if s.times > first {
			first, second = s.times, first
		} else {
			second = max(second, s.times)
		}
	}
	return time.Duration(float64(longest) * min(max(second, minSlowdown), maxSlowdown))
}

// wait waits until a verification has taken its time. The end of ctx ends it early and is no error: the
// caller has the result, and must count a wrong password.
func (p *pace) wait(ctx context.Context, start time.Time) {
	left := time.Until(start.Add(p.duration()))
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

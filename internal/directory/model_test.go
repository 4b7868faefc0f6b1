package directory_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

var (
	seeds = flag.Int("seeds", 24, "how many random sequences TestModel tries on each database")
	seed  = flag.Uint64("seed", 0, "the one sequence that TestModel tries; 0 for as many as -seeds says")
)

const sequenceLength = 50

// TestModel runs random sequences of operations against a directory and against a model of it, one after another. After
// each operation both must have said the same and the log must tell exactly what the model tells; at the end of a
// sequence everything that can be read must be as the model has it. A failure names its seed: go test -run TestModel
// ./internal/directory -seed N.
func TestModel(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		w.SetSetting(t, "sign_up.mode", "open")
		w.SetSetting(t, "sign_in.failures_per_identifier", 1000)
		first, last := *seed, *seed
		if *seed == 0 {
			first, last = 1, uint64(*seeds)
		}
		anchor, _ := w.NewPerson(t, "administrator")
		done := map[string]int{}
		for n := first; n <= last; n++ {
			p := newPlay(t, w, n, anchor)
			anchor = p.anchor
			for range sequenceLength {
				p.step()
				if t.Failed() {
					t.Fatalf("seed %d on %s:\n%s", n, w.Engine, strings.Join(p.said, "\n"))
				}
			}
			if p.compare(); t.Failed() {
				t.Fatalf("seed %d on %s:\n%s", n, w.Engine, strings.Join(p.said, "\n"))
			}
			for what, times := range p.done {
				done[what] += times
			}
		}
		t.Logf("%d sequences of %d operations: %v", last-first+1, sequenceLength, done)
	})
}

// play is one sequence.
type play struct {
	*world
	t      *testing.T
	random *rand.Rand
	number uint64
	model  *model
	anchor cardinal.User // the first administrator, so that there is one
	said   []string      // what was done, for whoever has to find a fault
	done   map[string]int
	last   *repeatable
}

func newPlay(t *testing.T, w *world, number uint64, before cardinal.User) *play {
	p := &play{
		world: w, t: t, number: number, random: rand.New(rand.NewPCG(number, 1)),
		model: &model{claims: map[string]*modelClaim{}}, done: map[string]int{},
	}
	p.anchor = value(w.Operator().CreateUser(t.Context(), cardinal.NewUser{}))(t)
	w.Grant(t, p.anchor, "administrator", nil)
	role := w.Role(t, "administrator")
	for _, u := range value(signin.Administrators(t.Context(), w.Operator()))(t) {
		if u.ID != p.anchor.ID {
			noError(t, w.Operator().RevokeGrant(t.Context(), u.ID, role.ID))
		}
	}
	p.model.people = append(p.model.people, &modelPerson{
		id: p.anchor.ID, status: "active", version: 1, profile: 1, grants: map[string]*time.Time{"administrator": nil},
	})
	w.ResetEvents(t)
	return p
}

func (p *play) pick(names ...string) string { return names[p.random.IntN(len(names))] }

// address is one of a few, so that people meet.
func (p *play) address() string { return fmt.Sprintf("s%d-%d@example.com", p.number, p.random.IntN(6)) }

func (p *play) username() string {
	return fmt.Sprintf("s%dname%d", p.number, p.random.IntN(4))
}

func (p *play) person() *modelPerson { return p.model.people[p.random.IntN(len(p.model.people))] }

// personWith is one of those who have something; nil when nobody has.
func (p *play) personWith(has func(*modelPerson) bool) *modelPerson {
	some := slices.DeleteFunc(slices.Clone(p.model.people), func(m *modelPerson) bool { return !has(m) })
	if len(some) == 0 {
		return nil
	}
	return some[p.random.IntN(len(some))]
}

// actor is the operator, or somebody who may or may not do what is tried.
func (p *play) actor() (directory.Desk, uuid.UUID, *modelPerson) {
	if p.random.IntN(3) > 0 {
		return p.Operator(), cardinal.OperatorID, nil
	}
	who := p.person()
	return p.As(cardinal.Actor{UserID: who.id, Assurance: 1}), who.id, who
}

// step does one operation, and holds the answer and the log against the model's.
func (p *play) step() {
	p.t.Helper()
	p.model.now, p.model.told = p.Clock.Now(), nil
	what, got, want := p.operation()
	p.said = append(p.said, fmt.Sprintf("%s: %q", what, got))
	name, _, _ := strings.Cut(what, " ")
	if p.done[name]++; got != want {
		p.t.Errorf("%s said %q, the model %q", what, got, want)
	}
	var told []modelEvent
	for _, e := range p.Events(p.t) {
		told = append(told, modelEvent{e.Action, e.ActorID, e.SubjectID, e.IsRefused})
	}
	if diff := cmp.Diff(p.model.told, told); diff != "" {
		p.t.Errorf("%s is told otherwise (-model +log)\n%s", what, diff)
	}
}

// seenPerson is all that can be read of a person.
type seenPerson struct {
	Status                     string
	Version, Profile, Password int64
	Username                   string
	Contacts                   []string
	Sessions                   []bool
	Grants                     []string
}

// compare holds everything that can be read against the model.
func (p *play) compare() {
	p.t.Helper()
	ctx, desk := p.t.Context(), p.Operator()
	now := p.Clock.Now()
	for i, m := range p.model.people {
		want := seenPerson{
			Status: m.status, Version: m.version, Profile: m.profile, Password: m.password, Username: m.username,
		}
		u := value(desk.User(ctx, m.id, true))(p.t)
		got := seenPerson{
			Status: u.Status, Version: u.Version, Profile: u.Profile.Version,
			Password: value(desk.PasswordState(ctx, m.id))(p.t).Version, Username: u.Profile.Username,
		}
		for _, c := range m.contacts {
			want.Contacts = append(want.Contacts, fmt.Sprintf("%s primary %t verified %t version %d", c.address,
				c.primary, c.verified, c.version))
		}
		for _, c := range value(desk.Contacts(ctx, m.id))(p.t) {
			got.Contacts = append(got.Contacts, fmt.Sprintf("%s primary %t verified %t version %d", c.Value,
				c.IsPrimary, c.VerifiedAt != nil, c.Version))
		}
		for _, s := range m.sessions {
			want.Sessions = append(want.Sessions, s.alive(m, now))
			got.Sessions = append(got.Sessions, p.SessionActive(p.t, s.in))
		}
		for role := range m.grants {
			want.Grants = append(want.Grants, role)
		}
		for _, g := range value(desk.Grants(ctx, m.id, cardinal.Page{Limit: 10}))(p.t).Data {
			got.Grants = append(got.Grants, g.RoleName)
		}
		slices.Sort(want.Grants)
		slices.Sort(got.Grants)
		if diff := cmp.Diff(want, got); diff != "" {
			p.t.Errorf("person %d is not as in the model (-model +directory)\n%s", i, diff)
		}
	}
	for name, claim := range p.model.claims {
		if !strings.Contains(name, "@") {
			continue
		}
		found := value(desk.Users(ctx, cardinal.UserFilter{Email: name, Page: cardinal.Page{Limit: 2}},
			false))(p.t).Data
		if len(found) != 1 || found[0].ID != claim.holder.id {
			p.t.Errorf("%s is claimed by %v, in the model by %s", name, found, claim.holder.id)
		}
	}
}

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
	"cardinal/internal/access"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
)

var (
	seeds = flag.Int("seeds", 24, "how many random sequences TestModel runs on each database")
	seed  = flag.Uint64("seed", 0, "the only sequence that TestModel runs; 0 for the number of -seeds")
)

const sequenceLength = 50

// TestModel runs random sequences of operations against a directory and against a model of it, one after another. After
// each operation, both must have the same result, and the audit log must have exactly the events of the model. At the
// end of a sequence, everything that can be read must be as in the model. A failure reports its seed, to repeat it:
// go test -run TestModel ./internal/directory -seed N.
func TestModel(t *testing.T) {
	directorytest.Run(t, func(t *testing.T, w *world) {
		w.SetSetting(t, "sign_up.mode", "open")
		w.SetSetting(t, "sign_in.failures_per_identifier", 1000)
		first, last := *seed, *seed
		if *seed == 0 {
			first, last = 1, uint64(*seeds)
		}
		counts := map[string]int{}
		for n := first; n <= last; n++ {
			seq := newSequence(t, w, n)
			for range sequenceLength {
				seq.step()
				if t.Failed() {
					t.Fatalf("seed %d on %s:\n%s", n, w.Engine, strings.Join(seq.history, "\n"))
				}
			}
			if seq.compare(); t.Failed() {
				t.Fatalf("seed %d on %s:\n%s", n, w.Engine, strings.Join(seq.history, "\n"))
			}
			for operation, n := range seq.counts {
				counts[operation] += n
			}
		}
		t.Logf("%d sequences of %d operations: %v", last-first+1, sequenceLength, counts)
	})
}

// sequence is one random sequence of operations.
type sequence struct {
	*world
	t           *testing.T
	random      *rand.Rand
	number      uint64
	model       *model
	history     []string       // the operations with their results, for the report of a failure
	counts      map[string]int // how often each operation ran
	lastRequest *createRequest // with an Idempotency-Key; nil when there is none to repeat
}

// newSequence creates an administrator who is in the model, and revokes the role of all others.
func newSequence(t *testing.T, w *world, number uint64) *sequence {
	seq := &sequence{
		world: w, t: t, number: number, random: rand.New(rand.NewPCG(number, 1)),
		model: &model{claims: map[string]*modelClaim{}}, counts: map[string]int{},
	}
	administrator := value(w.Operator().CreateUser(t.Context(), cardinal.NewUser{}))(t)
	w.Grant(t, administrator, "administrator", nil)
	role := w.Role(t, "administrator")
	for _, u := range value(access.Administrators(t.Context(), w.Operator()))(t) {
		if u.ID != administrator.ID {
			noError(t, access.RevokeGrant(t.Context(), w.Operator(), u.ID, role.ID))
		}
	}
	seq.model.users = append(seq.model.users, &modelUser{
		id: administrator.ID, status: "active", version: 1, profile: 1,
		grants: map[string]*time.Time{"administrator": nil},
	})
	w.ResetEvents(t)
	return seq
}

func (seq *sequence) randomOf(names ...string) string { return names[seq.random.IntN(len(names))] }

// randomEmail returns one of a few addresses, so that users compete for them.
func (seq *sequence) randomEmail() string {
	return fmt.Sprintf("s%d-%d@example.com", seq.number, seq.random.IntN(6))
}

func (seq *sequence) randomUsername() string {
	return fmt.Sprintf("s%dname%d", seq.number, seq.random.IntN(4))
}

func (seq *sequence) randomUser() *modelUser {
	return seq.model.users[seq.random.IntN(len(seq.model.users))]
}

// randomUserWith returns one of the users for which has is true; nil when there is none.
func (seq *sequence) randomUserWith(has func(*modelUser) bool) *modelUser {
	some := slices.DeleteFunc(slices.Clone(seq.model.users), func(m *modelUser) bool { return !has(m) })
	if len(some) == 0 {
		return nil
	}
	return some[seq.random.IntN(len(some))]
}

// randomActor returns the operator, or a user with or without the permission for the operation.
func (seq *sequence) randomActor() (directory.Desk, uuid.UUID, *modelUser) {
	if seq.random.IntN(3) > 0 {
		return seq.Operator(), cardinal.OperatorID, nil
	}
	m := seq.randomUser()
	return seq.As(cardinal.Actor{UserID: m.id, Assurance: 1}), m.id, m
}

// step runs one operation and compares its result and the audit events with the model.
func (seq *sequence) step() {
	seq.t.Helper()
	seq.model.now, seq.model.events = seq.Clock.Now(), nil
	operation, got, want := seq.randomOperation()
	seq.history = append(seq.history, fmt.Sprintf("%s: %q", operation, got))
	name, _, _ := strings.Cut(operation, " ")
	if seq.counts[name]++; got != want {
		seq.t.Errorf("%s: the result is %q, in the model %q", operation, got, want)
	}
	var events []modelEvent
	for _, e := range seq.Events(seq.t) {
		events = append(events, modelEvent{e.Action, e.ActorID, e.SubjectID, e.IsRefused})
	}
	if diff := cmp.Diff(seq.model.events, events); diff != "" {
		seq.t.Errorf("%s: the events differ (-model +log)\n%s", operation, diff)
	}
}

// userState is everything that can be read of a user.
type userState struct {
	Status                     string
	Version, Profile, Password int64
	Username                   string
	Contacts                   []string
	Sessions                   []bool
	Grants                     []string
}

func contactState(address string, primary, verified bool, version int64) string {
	return fmt.Sprintf("%s primary %t verified %t version %d", address, primary, verified, version)
}

// compare compares everything that can be read with the model.
func (seq *sequence) compare() {
	seq.t.Helper()
	ctx, desk := seq.t.Context(), seq.Operator()
	now, typed := seq.Clock.Now(), map[string]int{}
	for i, m := range seq.model.users {
		want := userState{
			Status: m.status, Version: m.version, Profile: m.profile, Password: m.password, Username: m.username,
		}
		u := value(desk.User(ctx, m.id, true))(seq.t)
		got := userState{
			Status: u.Status, Version: u.Version, Profile: u.Profile.Version,
			Password: value(desk.PasswordState(ctx, m.id))(seq.t).Version, Username: u.Profile.Username,
		}
		for _, c := range m.contacts {
			want.Contacts = append(want.Contacts, contactState(c.address, c.primary, c.verified, c.version))
			if !c.reserves() && seq.model.claims[c.address] == nil {
				typed[c.address]++
			}
		}
		for _, c := range value(desk.Contacts(ctx, m.id))(seq.t) {
			got.Contacts = append(got.Contacts, contactState(c.Value, c.IsPrimary, c.VerifiedAt != nil, c.Version))
		}
		for _, s := range m.sessions {
			want.Sessions = append(want.Sessions, s.isActive(m, now))
			got.Sessions = append(got.Sessions, seq.SessionActive(seq.t, s.in))
		}
		for role := range m.grants {
			want.Grants = append(want.Grants, role)
		}
		for _, g := range value(access.Grants(ctx, desk, m.id, cardinal.Page{Limit: 10}))(seq.t).Data {
			got.Grants = append(got.Grants, g.RoleName)
		}
		slices.Sort(want.Grants)
		slices.Sort(got.Grants)
		if diff := cmp.Diff(want, got); diff != "" {
			seq.t.Errorf("user %d differs (-model +directory)\n%s", i, diff)
		}
	}
	for name, claim := range seq.model.claims {
		if !strings.Contains(name, "@") {
			continue
		}
		filter := cardinal.UserFilter{Email: name, Page: cardinal.Page{Limit: 2}}
		found := value(desk.Users(ctx, filter, false))(seq.t).Data
		if len(found) != 1 || found[0].ID != claim.owner.id || *found[0].EmailVerified != claim.contact.verified {
			seq.t.Errorf("%s belongs to %v, in the model to %s", name, found, claim.owner.id)
		}
	}
	for name, n := range typed {
		filter := cardinal.UserFilter{Email: name, Page: cardinal.Page{Limit: 200}}
		found := value(desk.Users(ctx, filter, false))(seq.t).Data
		if len(found) != n || *found[0].EmailVerified {
			seq.t.Errorf("%d users typed %s, in the model %d", len(found), name, n)
		}
	}
}

package directory_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
	"cardinal/internal/signin"
)

// sessionCall is a call about one person: a sign-in, a check or an end of the session that a client opened, a
// suspension or its end.
type sessionCall struct {
	what    string // sign in, check, end, suspend or reactivate
	session int    // its number; sign-ins give them out
}

// sessionState is which of the person's sessions are in force, a bit each.
type sessionState struct {
	suspended bool
	alive     uint64
}

var sessionsOfOne = porcupine.Model{
	Init: func() any { return sessionState{} },
	Step: func(state, input, output any) (bool, any) {
		s, call, yes := state.(sessionState), input.(sessionCall), output.(bool)
		bit := uint64(1) << call.session
		switch call.what {
		case "sign in":
			if !yes {
				return s.suspended, s
			}
			return !s.suspended, sessionState{alive: s.alive | bit}
		case "check":
			return yes == (s.alive&bit != 0), s
		case "end": // false when it had ended
			return yes == (s.alive&bit != 0), sessionState{s.suspended, s.alive &^ bit}
		case "suspend":
			return !s.suspended, sessionState{suspended: true}
		default:
			return s.suspended, sessionState{alive: s.alive}
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %v", input, output) },
}

// TestLinearizableSessions: a session that was ended, by itself or with its account, is refused by every check that
// begins afterwards, on another node too, and nobody signs in to an account that was stopped before.
func TestLinearizableSessions(t *testing.T) {
	const rounds, clients, calls = 8, 5, 10
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.SetSetting(t, "sign_in.failures_per_identifier", 1000)
		nodes := []*directory.Directory{w.Directory, w.OpenNode(t, directorytest.CheapHash)}
		for range rounds {
			user, email := w.NewPerson(t)
			id, version := user.ID, user.Version
			h := newHistory()
			h.clients(clients, func(i int, random *rand.Rand) {
				node, suspended, number := nodes[i%2], false, 0
				var in cardinal.SignedIn
				for n := range calls {
					call := sessionCall{session: number}
					switch choice := random.IntN(4); {
					case i == 0 && suspended:
						call.what = "reactivate"
					case i == 0:
						call.what = "suspend"
					case in.Token == "" || choice == 0:
						call = sessionCall{"sign in", i*calls + n}
					case choice == 1:
						call.what = "end"
					default:
						call.what = "check"
					}
					h.call(i, call, func() any {
						var err error
						switch call.what {
						case "suspend":
							var after cardinal.User
							after, err = node.As(cardinal.Operator()).SuspendUser(ctx, id, version)
							suspended, version = true, after.Version // only the first client gets here
						case "reactivate":
							var after cardinal.User
							after, err = node.As(cardinal.Operator()).ReactivateUser(ctx, id, version)
							suspended, version = false, after.Version
						case "sign in":
							var got cardinal.SignedIn
							got, err = signin.WithPassword(ctx, directorytest.Anonymous(node, ""), cardinal.SignIn{
								Identifier: email, Password: goodPassword,
							})
							switch errorCode(err) {
							case "":
								in, number = got, call.session
								return true
							case "account_suspended", "invalid_credentials": // the second when it was stopped while the password was verified
								return false
							}
						case "end":
							err = node.As(cardinal.Operator()).EndSession(ctx, id, in.Session.ID)
							if errorCode(err) == "not_found" {
								return false
							}
						case "check":
							_, err = signin.CheckSession(ctx, node, in.Token.Reveal())
							if errorCode(err) == "not_signed_in" {
								return false
							}
						}
						if err != nil {
							t.Errorf("%s: %v", call.what, err)
						}
						return true
					})
				}
			})
			if h.isLinearizable(t, sessionsOfOne); t.Failed() {
				return
			}
		}
	})
}

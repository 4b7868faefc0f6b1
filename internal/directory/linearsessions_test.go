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

// sessionCall is a call about one user: a sign-in, a check or the end of the session of a client, a suspension or a
// reactivation.
type sessionCall struct {
	action  string // sign in, check, end, suspend or reactivate
	session int    // its number, which the sign-in gives
}

// sessionState has one bit per active session of the user.
type sessionState struct {
	suspended bool
	active    uint64
}

// sessionModel is the sequential behaviour. The output is whether the call succeeded.
var sessionModel = porcupine.Model{
	Init: func() any { return sessionState{} },
	Step: func(state, input, output any) (bool, any) {
		s, call, succeeded := state.(sessionState), input.(sessionCall), output.(bool)
		bit := uint64(1) << call.session
		switch call.action {
		case "sign in":
			if !succeeded {
				return s.suspended, s
			}
			return !s.suspended, sessionState{active: s.active | bit}
		case "check":
			return succeeded == (s.active&bit != 0), s
		case "end": // false when it had already ended
			return succeeded == (s.active&bit != 0), sessionState{s.suspended, s.active &^ bit}
		case "suspend":
			return !s.suspended, sessionState{suspended: true}
		default:
			return s.suspended, sessionState{active: s.active}
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %v", input, output) },
}

// TestLinearizableSessions: every check that starts after the end of a session refuses it, also on another node,
// whether the session was ended or the user suspended. No sign-in succeeds that starts after a suspension.
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
			h.runClients(clients, func(i int, random *rand.Rand) {
				node, suspended, number := nodes[i%2], false, 0
				var in cardinal.SignedIn
				for n := range calls {
					call := sessionCall{session: number}
					switch choice := random.IntN(4); {
					case i == 0 && suspended:
						call.action = "reactivate"
					case i == 0:
						call.action = "suspend"
					case in.Token == "" || choice == 0:
						call = sessionCall{"sign in", i*calls + n}
					case choice == 1:
						call.action = "end"
					default:
						call.action = "check"
					}
					h.call(i, call, func() any {
						var err error
						switch call.action {
						case "suspend":
							var after cardinal.User
							after, err = node.As(cardinal.Operator()).SuspendUser(ctx, id, version)
							suspended, version = true, after.Version // only the first client does this
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
							case "account_suspended", "invalid_credentials":
								// The second one when the user was suspended while the password was verified.
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
							t.Errorf("%s: %v", call.action, err)
						}
						return true
					})
				}
			})
			if h.expectLinearizable(t, sessionModel); t.Failed() {
				return
			}
		}
	})
}

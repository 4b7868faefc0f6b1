package directory_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/directory/directorytest"
)

// claimCall is a call about one e-mail address: who has it, or one of its wooers takes it or gives it up.
type claimCall struct {
	what string // take, release or ask
	user uuid.UUID
}

// claimAnswer is who has the address, and whether it was refused.
type claimAnswer struct {
	holder  uuid.UUID
	refused bool
}

// claims says what may be answered, the state being who has the address.
var claims = porcupine.Model{
	Init: func() any { return uuid.Nil },
	Step: func(state, input, output any) (bool, any) {
		holder, call, answer := state.(uuid.UUID), input.(claimCall), output.(claimAnswer)
		switch call.what {
		case "take":
			if answer.refused {
				return holder != uuid.Nil, holder
			}
			return holder == uuid.Nil, call.user
		case "release":
			return holder == call.user, uuid.Nil
		default:
			return holder == answer.holder, holder
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

// TestLinearizableIdentifiers: several people take one address, give it up and ask who has it, through two nodes.
func TestLinearizableIdentifiers(t *testing.T) {
	const rounds, clients, calls = 12, 5, 8
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		desks := twoNodes(t, w)
		for range rounds {
			email, h := newEmail(), newHistory()
			var people [clients]cardinal.User
			for i := range people {
				people[i] = value(w.Operator().CreateUser(ctx, cardinal.NewUser{}))(t)
			}
			h.clients(clients, func(i int, random *rand.Rand) {
				desk, me := desks[i%2], people[i].ID
				var mine *cardinal.Contact
				for range calls {
					switch {
					case random.IntN(3) == 0:
						h.call(i, claimCall{"ask", uuid.Nil}, func() any {
							page, err := desk.Users(ctx, cardinal.UserFilter{
								Email: email, Page: cardinal.Page{Limit: 2},
							}, false)
							if err != nil || len(page.Data) > 1 {
								t.Errorf("ask: %d holders, %v", len(page.Data), err)
							}
							if len(page.Data) == 0 {
								return claimAnswer{}
							}
							return claimAnswer{holder: page.Data[0].ID}
						})
					case mine == nil:
						h.call(i, claimCall{"take", me}, func() any {
							got, err := desk.AddContact(ctx, me, cardinal.NewContact{
								Kind: "email", Value: email, Verified: true,
							})
							if err == nil {
								mine = &got
							} else if errorCode(err) != "identifier_taken" {
								t.Errorf("take: %v", err)
							}
							return claimAnswer{refused: err != nil}
						})
					default:
						h.call(i, claimCall{"release", me}, func() any {
							if err := desk.RemoveContact(ctx, me, mine.ID, mine.Version); err != nil {
								t.Errorf("release: %v", err)
							}
							mine = nil
							return claimAnswer{}
						})
					}
				}
			})
			if h.isLinearizable(t, claims); t.Failed() {
				return
			}
		}
	})
}

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

// claimCall adds an email address to a user, removes it, or looks up its owner.
type claimCall struct {
	action string // add, remove or look up
	user   uuid.UUID
}

// claimOutput is the owner of the address, and whether the call was refused.
type claimOutput struct {
	owner   uuid.UUID
	refused bool
}

// claimModel is the sequential behaviour. The state is the owner of the address.
var claimModel = porcupine.Model{
	Init: func() any { return uuid.Nil },
	Step: func(state, input, output any) (bool, any) {
		owner, call, got := state.(uuid.UUID), input.(claimCall), output.(claimOutput)
		switch call.action {
		case "add":
			if got.refused {
				return owner != uuid.Nil, owner
			}
			return owner == uuid.Nil, call.user
		case "remove":
			return owner == call.user, uuid.Nil
		default:
			return owner == got.owner, owner
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

// TestLinearizableIdentifiers: several users add one address, remove it and look up its owner, on two nodes.
func TestLinearizableIdentifiers(t *testing.T) {
	const rounds, clients, calls = 12, 5, 8
	directorytest.Run(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		desks := twoNodes(t, w)
		for range rounds {
			email, h := newEmail(), newHistory()
			var users [clients]cardinal.User
			for i := range users {
				users[i] = value(w.Operator().CreateUser(ctx, cardinal.NewUser{}))(t)
			}
			h.runClients(clients, func(i int, random *rand.Rand) {
				desk, userID := desks[i%2], users[i].ID
				var contact *cardinal.Contact
				for range calls {
					switch {
					case random.IntN(3) == 0:
						h.call(i, claimCall{"look up", uuid.Nil}, func() any {
							page, err := desk.Users(ctx, cardinal.UserFilter{
								Email: email, Page: cardinal.Page{Limit: 2},
							}, false)
							if err != nil || len(page.Data) > 1 {
								t.Errorf("look up: %d owners, %v", len(page.Data), err)
							}
							if len(page.Data) == 0 {
								return claimOutput{}
							}
							return claimOutput{owner: page.Data[0].ID}
						})
					case contact == nil:
						h.call(i, claimCall{"add", userID}, func() any {
							got, err := desk.AddContact(ctx, userID, cardinal.NewContact{
								Kind: "email", Value: email, Verified: true,
							})
							if err == nil {
								contact = &got
							} else if errorCode(err) != "identifier_taken" {
								t.Errorf("add: %v", err)
							}
							return claimOutput{refused: err != nil}
						})
					default:
						h.call(i, claimCall{"remove", userID}, func() any {
							if err := desk.RemoveContact(ctx, userID, contact.ID, contact.Version); err != nil {
								t.Errorf("remove: %v", err)
							}
							contact = nil
							return claimOutput{}
						})
					}
				}
			})
			if h.expectLinearizable(t, claimModel); t.Failed() {
				return
			}
		}
	})
}

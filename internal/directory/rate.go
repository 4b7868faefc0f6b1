package directory

import (
	"slices"

	"cardinal/internal/throttle"
)

// Rate is how much of the limit on changes of the own account is left.
type Rate = throttle.Rate

// ReportRate returns the desk that writes the rate to into when the actor changes the own account.
func (k Desk) ReportRate(into *Rate) Desk {
	k.rate = into
	return k
}

// unlimitedActions are the own changes that are always possible: they end what an attacker could use.
var unlimitedActions = []string{"session.end", "session.end_all"}

// limitOwnChange counts a change that a signed-in user makes to the own account, because it needs no permission, and
// refuses it above the limit. Changes of others need a permission, and API keys change nothing of their own: both are
// not limited.
func (k Desk) limitOwnChange(r Rule) error {
	isOwn := r.Own && r.Subject == k.actor.UserID && k.actor.SessionID.Valid
	if !isOwn || slices.Contains(unlimitedActions, r.Action) {
		return nil
	}
	rate, err := k.d.ownChanges.Count(k.d.Now(), k.actor.UserID)
	if k.rate != nil {
		*k.rate = rate
	}
	return err
}

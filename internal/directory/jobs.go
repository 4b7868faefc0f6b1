package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// BatchSize bounds what one transaction of scheduled work touches.
const BatchSize = 500

// ClaimJob leases the most overdue piece of scheduled work to a node; cardinal.ErrNotFound when nothing is due.
func (d *Directory) ClaimJob(ctx context.Context, node uuid.UUID, lease time.Duration) (cardinal.Job, error) {
	return d.claim(ctx, node, lease, slices.Collect(maps.Keys(work))...)
}

// ClaimImport leases an import that the service is to go on with to a node. It takes long, so a node does it beside the other work.
func (d *Directory) ClaimImport(ctx context.Context, node uuid.UUID, lease time.Duration) (cardinal.Job, error) {
	return d.claim(ctx, node, lease, importJob)
}

func (d *Directory) claim(ctx context.Context, node uuid.UUID, lease time.Duration, kinds ...string) (cardinal.Job, error) {
	var job cardinal.Job
	err := d.store.Write(ctx, func(tx store.Tx) (err error) {
		job, err = tx.ClaimJob(ctx, node, d.Now(), lease, kinds...)
		return err
	})
	return job, err
}

// RenewJob prolongs the lease of a piece of scheduled work that goes on; cardinal.ErrNotFound when the node has lost it.
func (d *Directory) RenewJob(ctx context.Context, job cardinal.Job, node uuid.UUID, lease time.Duration) error {
	return d.store.Write(ctx, func(tx store.Tx) error { return tx.RenewJob(ctx, job.ID, node, d.Now().Add(lease)) })
}

// EndJob notes how a piece of scheduled work ended: done, or failed and to be tried again.
func (d *Directory) EndJob(ctx context.Context, job cardinal.Job, node uuid.UUID, failed error) error {
	return d.store.Write(ctx, func(tx store.Tx) error {
		now := d.Now()
		if failed == nil {
			return tx.FinishJob(ctx, job.ID, node, now)
		}
		wait := min(time.Minute<<min(job.Attempts, 6), time.Hour)
		if errors.Is(failed, context.Canceled) {
			wait = 0 // the node stops; another may go on at once
		}
		return tx.FailJob(ctx, job.ID, node, now, now.Add(wait), errorKind(failed))
	})
}

// errorKind names an error without the values its text may hold.
func errorKind(err error) string {
	for _, kind := range []error{cardinal.ErrBusy, cardinal.ErrConflict, cardinal.ErrForbidden, cardinal.ErrNotFound, cardinal.ErrStale, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return "internal"
}

// RunJob does a piece of scheduled work by its kind.
func (k Desk) RunJob(ctx context.Context, job cardinal.Job) error {
	if _, err := k.Read(ctx, Rule{Permission: "jobs.run"}); err != nil {
		return err
	}
	if job.Kind == importJob {
		return k.d.goOnWithImport(ctx, job.ID)
	}
	do, ok := work[job.Kind]
	if !ok {
		return fmt.Errorf("%w: no job is called %q", cardinal.ErrNotFound, job.Kind)
	}
	return do(k, ctx)
}

// work is what each kind of scheduled work does.
var work = map[string]func(Desk, context.Context) error{
	"audit.months":       Desk.createAuditMonths,
	"audit.attempts":     Desk.recordRefusedAttempts,
	"grants.expire":      Desk.expireGrants,
	"claims.expire":      Desk.expireUnverifiedContacts,
	"sessions.purge":     purge(store.Tx.DeleteDeadSessions, 30*24*time.Hour),
	"replies.purge":      purge(store.Tx.DeleteExpiredReplies, 0),
	"throttles.purge":    purge(store.Tx.DeleteExpiredThrottles, 0),
	"imports.purge":      Desk.purgeImports,
	"schema.backfill":    Desk.backfill,
	"search.build":       Desk.buildSearchIndex,
	"statistics.refresh": Desk.RefreshStatistics,
}

func (k Desk) createAuditMonths(ctx context.Context) error {
	return k.d.store.Write(ctx, func(tx store.Tx) error {
		_, err := tx.EnsureAuditMonths(ctx, k.d.Now())
		return err
	})
}

func (k Desk) RefreshStatistics(ctx context.Context) error {
	return k.d.store.Write(ctx, func(tx store.Tx) error { return tx.RefreshStatistics(ctx) })
}

// recordRefusedAttempts writes strangers' refused attempts of the minutes that are over to the audit log, one event a minute and
// account, so that nobody can fill it.
func (k Desk) recordRefusedAttempts(ctx context.Context) error {
	for {
		n := 0
		err := k.d.store.Write(ctx, func(tx store.Tx) error {
			taken, err := tx.TakeRefusals(ctx, k.d.Now().Truncate(time.Minute), BatchSize)
			if err != nil {
				return err
			}
			n = len(taken)
			for _, t := range taken {
				e := k.NewEvent(Rule{Action: t.Action, Subject: t.SubjectID})
				e.ActorID, e.IsRefused, e.Attempts = cardinal.StrangerID, true, t.Attempts
				e.Changes = map[string]cardinal.ColumnChange{"refused_attempts.minute": {To: t.Minute}}
				if err := tx.AppendEvent(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || n < BatchSize {
			return err
		}
	}
}

// expireGrants ends grants whose time is over. They gave nothing since then: the check goes by the time, this by the record.
func (k Desk) expireGrants(ctx context.Context) error {
	due, err := k.d.store.Read(ctx).ExpiredGrants(ctx, k.d.Now(), BatchSize)
	if err != nil {
		return err
	}
	for _, grant := range due {
		r := Rule{Action: "role.expire", Permission: "jobs.run", Subject: grant.UserID}
		if _, err := Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
			if err := tx.LockRole(ctx, grant.RoleID); err != nil {
				return struct{}{}, err
			}
			now, err := tx.Grant(ctx, grant.UserID, grant.RoleID)
			if isNotFound(err) || err == nil && (now.ExpiresAt == nil || now.ExpiresAt.After(tx.Now)) {
				return struct{}{}, nil // revoked or prolonged meanwhile
			}
			if err != nil {
				return struct{}{}, err
			}
			return struct{}{}, tx.endGrant(ctx, now, "expired")
		}); err != nil {
			return err
		}
	}
	return nil
}

// expireUnverifiedContacts frees addresses that nobody proved in time. An account in use keeps its last way in, proved or not.
func (k Desk) expireUnverifiedContacts(ctx context.Context) error {
	due, err := k.d.store.Read(ctx).LapsedIdentifiers(ctx, k.d.Now(), BatchSize)
	if err != nil {
		return err
	}
	for _, lapsed := range due {
		r := Rule{Action: "contact.expire", Permission: "jobs.run", Subject: lapsed.UserID}
		_, err := Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
			user, err := tx.UserForChange(ctx, lapsed.UserID)
			if err != nil {
				return struct{}{}, err
			}
			now, err := tx.Identifier(ctx, lapsed.ValueIndex)
			if isNotFound(err) || err == nil && (now.ExpiresAt == nil || now.ExpiresAt.After(tx.Now) || now.UserID != lapsed.UserID) {
				return struct{}{}, nil
			}
			if err != nil {
				return struct{}{}, err
			}
			if last, err := tx.isLastIdentifier(ctx, user); err != nil {
				return struct{}{}, err
			} else if last {
				return struct{}{}, tx.extendClaim(ctx, now)
			}
			return struct{}{}, tx.removeUnverified(ctx, now)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// extendClaim gives a claim another life: it is the only way into an account in use, and still yields to proof.
func (tx *Tx) extendClaim(ctx context.Context, held store.IdentifierRecord) error {
	s, err := tx.Desk.d.CurrentSettings(ctx, tx.Reader)
	if err != nil {
		return err
	}
	after, err := tx.ProlongIdentifier(ctx, held.ValueIndex, tx.Now.Add(s.UnverifiedLifetime))
	tx.RecordRows(store.StampIdentifier(after))
	return err
}

// purge returns work that deletes what is over for at least keep, a batch at a time.
func purge(del func(store.Tx, context.Context, time.Time, int) (int64, error), keep time.Duration) func(Desk, context.Context) error {
	return func(k Desk, ctx context.Context) error {
		for {
			var n int64
			err := k.d.store.Write(ctx, func(tx store.Tx) (err error) {
				n, err = del(tx, ctx, k.d.Now().Add(-keep), BatchSize)
				return err
			})
			if err != nil || n < BatchSize {
				return err
			}
		}
	}
}

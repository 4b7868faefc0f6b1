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

// batch bounds what one transaction of scheduled work touches.
const batch = 500

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
		job, err = tx.ClaimJob(ctx, node, d.now(), lease, kinds...)
		return err
	})
	return job, err
}

// RenewJob prolongs the lease of a piece of scheduled work that goes on; cardinal.ErrNotFound when the node has lost it.
func (d *Directory) RenewJob(ctx context.Context, job cardinal.Job, node uuid.UUID, lease time.Duration) error {
	return d.store.Write(ctx, func(tx store.Tx) error { return tx.RenewJob(ctx, job.ID, node, d.now().Add(lease)) })
}

// EndJob notes how a piece of scheduled work ended: done, or failed and to be tried again.
func (d *Directory) EndJob(ctx context.Context, job cardinal.Job, node uuid.UUID, failed error) error {
	return d.store.Write(ctx, func(tx store.Tx) error {
		now := d.now()
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
	if _, err := k.read(ctx, rule{permission: "jobs.run"}); err != nil {
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
	"audit.months":               Desk.makeAuditMonths,
	"audit.attempts":             Desk.recordAttempts,
	"grants.expire":              Desk.expireGrants,
	"unverified_contacts.expire": Desk.expireClaims,
	"sessions.purge":             purge(store.Tx.DeleteDeadSessions, 30*24*time.Hour),
	"idempotency_keys.purge":     purge(store.Tx.DeleteExpiredReplies, 0),
	"throttles.purge":            purge(store.Tx.DeleteExpiredThrottles, 0),
	"imports.purge":              Desk.purgeImports,
	"schema.backfill":            Desk.backfill,
	"search.build":               Desk.buildSearch,
	"statistics.refresh":         Desk.refreshStatistics,
}

func (k Desk) makeAuditMonths(ctx context.Context) error {
	return k.d.store.Write(ctx, func(tx store.Tx) error {
		_, err := tx.EnsureAuditMonths(ctx, k.d.now())
		return err
	})
}

func (k Desk) refreshStatistics(ctx context.Context) error {
	return k.d.store.Write(ctx, func(tx store.Tx) error { return tx.RefreshStatistics(ctx) })
}

// recordAttempts writes strangers' refused attempts of the minutes that are over to the audit log, one event a minute and
// account, so that nobody can fill it.
func (k Desk) recordAttempts(ctx context.Context) error {
	for {
		n := 0
		err := k.d.store.Write(ctx, func(tx store.Tx) error {
			taken, err := tx.TakeRefusals(ctx, k.d.now().Truncate(time.Minute), batch)
			if err != nil {
				return err
			}
			n = len(taken)
			for _, t := range taken {
				e := k.event(rule{action: t.Action, subject: t.SubjectID})
				e.ActorID, e.IsRefused, e.Attempts = cardinal.AnonymousID, true, t.Attempts
				e.Changes = map[string]cardinal.ColumnChange{"refused_attempts.minute": {To: t.Minute}}
				if err := tx.AppendEvent(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || n < batch {
			return err
		}
	}
}

// expireGrants ends grants whose time is over. They gave nothing since then: the check goes by the time, this by the record.
func (k Desk) expireGrants(ctx context.Context) error {
	due, err := k.d.store.Read(ctx).ExpiredGrants(ctx, k.d.now(), batch)
	if err != nil {
		return err
	}
	for _, grant := range due {
		r := rule{action: "role.expire", permission: "jobs.run", subject: grant.UserID}
		if _, err := change(ctx, k, r, func(c *changing) (struct{}, error) {
			if err := c.LockRole(ctx, grant.RoleID); err != nil {
				return struct{}{}, err
			}
			now, err := c.Grant(ctx, grant.UserID, grant.RoleID)
			if isNotFound(err) || err == nil && (now.ExpiresAt == nil || now.ExpiresAt.After(c.now)) {
				return struct{}{}, nil // revoked or prolonged meanwhile
			}
			if err != nil {
				return struct{}{}, err
			}
			return struct{}{}, c.endGrant(ctx, now, "expired")
		}); err != nil {
			return err
		}
	}
	return nil
}

// expireClaims frees addresses that nobody proved in time. An account in use keeps its last way in, proved or not.
func (k Desk) expireClaims(ctx context.Context) error {
	due, err := k.d.store.Read(ctx).LapsedIdentifiers(ctx, k.d.now(), batch)
	if err != nil {
		return err
	}
	for _, lapsed := range due {
		r := rule{action: "contact.expire", permission: "jobs.run", subject: lapsed.UserID}
		_, err := change(ctx, k, r, func(c *changing) (struct{}, error) {
			user, err := c.UserForChange(ctx, lapsed.UserID)
			if err != nil {
				return struct{}{}, err
			}
			now, err := c.Identifier(ctx, lapsed.ValueIndex)
			if isNotFound(err) || err == nil && (now.ExpiresAt == nil || now.ExpiresAt.After(c.now) || now.UserID != lapsed.UserID) {
				return struct{}{}, nil
			}
			if err != nil {
				return struct{}{}, err
			}
			if last, err := c.lastWayIn(ctx, user); err != nil {
				return struct{}{}, err
			} else if last {
				return struct{}{}, c.prolongClaim(ctx, now)
			}
			return struct{}{}, c.dropUnproved(ctx, now)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// prolongClaim gives a claim another life: it is the only way into an account in use, and still yields to proof.
func (c *changing) prolongClaim(ctx context.Context, held store.IdentifierRecord) error {
	s, err := c.desk.d.settings(ctx, c.Reader)
	if err != nil {
		return err
	}
	after, err := c.ProlongIdentifier(ctx, held.ValueIndex, c.now.Add(s.claimLifetime))
	c.wrote(store.StampIdentifier(after))
	return err
}

// purge returns work that deletes what is over for at least keep, a batch at a time.
func purge(del func(store.Tx, context.Context, time.Time, int) (int64, error), keep time.Duration) func(Desk, context.Context) error {
	return func(k Desk, ctx context.Context) error {
		for {
			var n int64
			err := k.d.store.Write(ctx, func(tx store.Tx) (err error) {
				n, err = del(tx, ctx, k.d.now().Add(-keep), batch)
				return err
			})
			if err != nil || n < batch {
				return err
			}
		}
	}
}

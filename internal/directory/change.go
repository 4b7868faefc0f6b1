package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// rule is what a change is called and who may make it.
type rule struct {
	action     string    // of the audit event: noun, dot, verb
	permission string    // that the actor needs
	subject    uuid.UUID // whom it is about; uuid.Nil when it is about the service itself
	own        bool      // a person may do it to themself without the permission
	// beforePasswordChange allows it to somebody who must change their password first.
	beforePasswordChange bool
}

// changing is one change under way: the transaction, the moment, and the event that will tell of it.
type changing struct {
	store.Tx
	desk  Desk
	now   time.Time
	event cardinal.AuditEvent
	more  []cardinal.AuditEvent // about others whom the change touches; they come first
	told  bool                  // the event is written although no row is named
	reply uuid.UUID             // place of the reply that is kept for a repeated request

	unfound map[uuid.UUID]bool // those whose names or addresses it touches: what they are found by is made anew at the end
}

// wrote notes a row as the change left it.
func (c *changing) wrote(rows ...cardinal.RowStamp) {
	c.event.ChangedRows = append(c.event.ChangedRows, rows...)
}

// changed notes a column whose values may be read in the log.
func (c *changing) changed(column string, from, to any) {
	if c.event.Changes == nil {
		c.event.Changes = map[string]cardinal.ColumnChange{}
	}
	c.event.Changes[column] = cardinal.ColumnChange{From: from, To: to}
}

// masked notes a column that changed, without its values.
func (c *changing) masked(columns ...string) {
	for _, column := range columns {
		if c.event.Changes == nil {
			c.event.Changes = map[string]cardinal.ColumnChange{}
		}
		c.event.Changes[column] = cardinal.ColumnChange{Masked: true}
	}
}

// about sets whom the event is about, once it is known.
func (c *changing) about(user uuid.UUID) { c.event.SubjectID = user }

// change checks the permission, makes the change and appends its event, in one transaction; or returns what an earlier
// request with the same Idempotency-Key got. A change that touched no row leaves no event. A known actor's refused attempt is
// recorded in a transaction of its own.
func change[T any](ctx context.Context, k Desk, r rule, fn func(*changing) (T, error)) (T, error) {
	var out T
	if !k.actor.Known() {
		// The month's key may have to be made, in a transaction of its own: before this one.
		if _, err := k.d.keys.month(ctx, k.d.store, k.d.now()); err != nil {
			return out, err
		}
	}
	err := k.d.store.Write(ctx, func(tx store.Tx) error {
		var none T
		out = none
		c := &changing{Tx: tx, desk: k, now: k.d.now(), event: k.event(r), unfound: map[uuid.UUID]bool{}}
		if err := c.permit(ctx, r); err != nil {
			return err
		}
		replayed, err := c.replay(ctx, &out)
		if err != nil || replayed {
			return err
		}
		if out, err = fn(c); err != nil {
			return err
		}
		if err := c.remakeTokens(ctx); err != nil {
			return err
		}
		if err := c.record(ctx); err != nil {
			return err
		}
		return c.keepReply(ctx, out)
	})
	if err != nil {
		var none T
		if errors.Is(err, cardinal.ErrForbidden) && k.actor.Known() {
			if told := k.recordRefusal(ctx, r); told != nil {
				return none, errors.Join(err, fmt.Errorf("record the refusal: %w", told))
			}
		}
		return none, explain(err)
	}
	return out, nil
}

// event is the event of a change before anything is known of what it changes.
func (k Desk) event(r rule) cardinal.AuditEvent {
	e := cardinal.AuditEvent{
		ID: cardinal.NewID(), ActorID: k.actor.UserID, SubjectID: r.subject, Action: r.action, Attempts: 1, SchemaVersion: 1,
	}
	if e.SubjectID == uuid.Nil {
		e.SubjectID = cardinal.SystemID
	}
	e.SessionID, e.APIKeyID, e.RequestID = pointer(k.actor.SessionID), pointer(k.actor.APIKeyID), pointer(k.actor.RequestID)
	return e
}

func pointer(id uuid.NullUUID) *uuid.UUID {
	if !id.Valid {
		return nil
	}
	return &id.UUID
}

// record appends the events of a change that touched something.
func (c *changing) record(ctx context.Context) error {
	events := c.more
	if len(c.event.ChangedRows) > 0 || c.told {
		events = append(events, c.event)
	}
	if len(events) == 0 {
		return nil
	}
	from, err := c.desk.sealClient(ctx, c.Reader)
	if err != nil {
		return err
	}
	for _, e := range events {
		e.AddressSealed, e.UserAgentSealed = from.address, from.userAgent
		if err := c.AppendEvent(ctx, e); err != nil {
			return fmt.Errorf("append the audit event: %w", err)
		}
	}
	return nil
}

// recordRefusal tells that somebody known tried what they may not.
func (k Desk) recordRefusal(ctx context.Context, r rule) error {
	from, err := k.sealClient(ctx, k.d.store.Read(ctx))
	if err != nil {
		return err
	}
	e := k.event(r)
	e.AddressSealed, e.UserAgentSealed = from.address, from.userAgent
	e.IsRefused = true
	return k.d.store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		if _, err := tx.User(ctx, e.SubjectID); errors.Is(err, cardinal.ErrNotFound) {
			e.SubjectID = cardinal.SystemID // an id that was made up stays out of the log
		} else if err != nil {
			return err
		}
		return tx.AppendEvent(ctx, e)
	})
}

// permit returns nil when the actor may do what the rule says. An API key changes nothing, its service included, without a
// role that lets it.
func (c *changing) permit(ctx context.Context, r rule) error {
	r.own = r.own && !c.desk.actor.APIKeyID.Valid
	return c.desk.permit(ctx, c.Reader, r)
}

// permit decides: the default is no. Beyond the permission, nobody acts on somebody who may do what they may not, or a
// helper with the right to set passwords could become an administrator.
func (k *Desk) permit(ctx context.Context, r store.Reader, what rule) error {
	if k.actor.Assurance == 0 && !what.beforePasswordChange {
		return errPasswordChange
	}
	if what.own && what.subject == k.actor.UserID && k.actor.Known() {
		return nil
	}
	may, err := k.may(ctx, r, what.permission)
	if err != nil {
		return fmt.Errorf("check the permission %s: %w", what.permission, err)
	}
	if !may {
		return cardinal.Refuse("permission_missing", what.permission)
	}
	return nil
}

var errPasswordChange = cardinal.Refuse("password_change_required")

// known returns nil for anyone who is known: what they may read needs no permission.
func (k Desk) known() error {
	switch {
	case !k.actor.Known():
		return errNotSignedIn
	case k.actor.Assurance == 0:
		return errPasswordChange
	}
	return nil
}

// may reports whether the actor holds a permission of Cardinal's own.
func (k *Desk) may(ctx context.Context, r store.Reader, permission string) (bool, error) {
	right := builtInRight{k.actor.UserID, permission}
	if known, ok := k.d.builtIn.Load(right); ok {
		return known.(bool), nil
	}
	if cardinal.IsBuiltIn(k.actor.UserID) {
		may, err := r.May(ctx, k.caller(), permission, k.d.now())
		if err == nil {
			k.d.builtIn.Store(right, may)
		}
		return may, err
	}
	if !k.sealsClient() {
		return r.May(ctx, k.caller(), permission, k.d.now())
	}
	// The event of a change needs the actor's key: it comes with the answer.
	may, wrapped, err := r.MayWithKey(ctx, k.caller(), permission, k.d.now())
	if err != nil || !may {
		if isNotFound(err) {
			return false, nil // whose key was destroyed may nothing
		}
		return false, err
	}
	k.actorKey, err = k.d.keys.unwrap(wrapped)
	return true, err
}

// mayTouch returns nil when the actor holds every permission that the target holds.
func (c *changing) mayTouch(ctx context.Context, target uuid.UUID) error {
	if target == c.desk.actor.UserID && !c.desk.actor.APIKeyID.Valid { // a key may hold less than its service
		return nil
	}
	above, err := c.Outranks(ctx, c.desk.caller(), target, c.now)
	if err != nil {
		return fmt.Errorf("compare permissions: %w", err)
	}
	if !above {
		return cardinal.Refuse("target_has_more_permissions")
	}
	return nil
}

func (k Desk) caller() store.Caller {
	return store.Caller{UserID: k.actor.UserID, APIKeyID: k.actor.APIKeyID}
}

// read checks that the actor may see something; reads leave no event.
func (k Desk) read(ctx context.Context, r rule) (store.Reader, error) {
	reader := k.d.store.Read(ctx)
	if k.mayRead != "" && k.mayRead == r.permission && k.actor.Assurance > 0 {
		return reader, nil
	}
	k.actor.ClientFrom = cardinal.Client{} // which would be sealed in an event
	return reader, k.permit(ctx, reader, r)
}

// fresh returns a Stale when what was read is not what is there now.
func fresh(have, want int64) error {
	if have != want {
		return &cardinal.Stale{Version: have}
	}
	return nil
}

// explain says in words what a rule of the database refused: the database enforces, the code explains. What has no words
// here is a fault of Cardinal's own, and stays one.
func explain(err error) error {
	for _, e := range explanations {
		if store.Violates(err, e.constraint) {
			return cardinal.Refuse(e.code)
		}
	}
	return err
}

var explanations = []struct{ constraint, code string }{
	{"roles_min_holders", "last_user_with_role"},
	{"identifiers_pk", "identifier_taken"},
	{"identifiers_one_username", "username_exists"},
	{"roles_name_uq", "role_name_taken"},
	{"permissions_name_uq", "permission_name_taken"},
	{"attribute_definitions_name_uq", "attribute_name_taken"},
	{"roles_built_in", "built_in"},
	{"permissions_built_in", "built_in"},
	{"users_built_in_fixed", "built_in"},
	{"users_erased_final", "user_erased"},
	{"users_status_transition", "status_not_allowed"},
	{"credentials_salt_uq", "temporary_conflict"},
	{"import_work_open_uq", "import_unfinished"},
}

func isNotFound(err error) bool { return errors.Is(err, cardinal.ErrNotFound) }

package directory

import (
	"context"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// DecryptSession returns the session of a record.
func (d *Directory) DecryptSession(r store.SessionRecord, key seal.Key) cardinal.Session {
	s := cardinal.Session{
		UserID: r.UserID, ID: r.ID, Method: r.Method, Assurance: int(r.Assurance),
		CreatedAt: r.CreatedAt, LastSeenAt: r.LastSeenAt, AuthenticatedAt: r.AuthenticatedAt(),
		IdleEndsAt: r.IdleEndsAt(), ExpiresAt: r.ExpiresAt, RevokedAt: r.RevokedAt,
	}
	if r.EndReason != nil {
		s.EndReason = *r.EndReason
	}
	values := d.RowReader(key, "sessions", r.UserID, r.ID)
	s.Address = values.Text("address_sealed", "address", r.AddressSealed)
	s.UserAgent = values.Text("user_agent_sealed", "user_agent", r.UserAgentSealed)
	s.Unreadable = values.Unreadable
	return s
}

// Sessions returns a page of the sessions of a user, including ended ones.
func (k Desk) Sessions(
	ctx context.Context, userID uuid.UUID, p cardinal.Page,
) (cardinal.List[cardinal.Session], error) {
	r, err := k.Read(ctx, Rule{Permission: "sessions.read", Subject: userID, Own: true})
	if err != nil {
		return cardinal.List[cardinal.Session]{}, err
	}
	if _, err := r.User(ctx, userID); err != nil {
		return cardinal.List[cardinal.Session]{}, err
	}
	records, err := r.Sessions(ctx, userID, p)
	if err != nil || len(records) == 0 {
		return cardinal.List[cardinal.Session]{Data: []cardinal.Session{}}, err
	}
	key, err := k.d.readingKey(ctx, r, userID)
	if err != nil {
		return cardinal.List[cardinal.Session]{}, err
	}
	page := cardinal.PageOf(records, p.Limit)
	out := cardinal.List[cardinal.Session]{Data: make([]cardinal.Session, len(page.Data)), HasMore: page.HasMore}
	for i, record := range page.Data {
		out.Data[i] = k.d.DecryptSession(record, key)
	}
	return out, nil
}

// SignOut ends the session that the actor uses.
func (k Desk) SignOut(ctx context.Context) error {
	if !k.actor.SessionID.Valid {
		return cardinal.Refuse("no_session")
	}
	r := Rule{
		Action: "session.end", Permission: "sessions.revoke",
		Subject: k.actor.UserID, Own: true, BeforePasswordChange: true,
	}
	return k.endSession(ctx, r, k.actor.UserID, k.actor.SessionID.UUID, "signed_out")
}

// EndSession ends one session of a user.
func (k Desk) EndSession(ctx context.Context, userID, id uuid.UUID) error {
	r := Rule{Action: "session.end", Permission: "sessions.revoke", Subject: userID, Own: true}
	return k.endSession(ctx, r, userID, id, k.endReason(userID))
}

// endReason returns the end reason of a session that the actor ends without signing out.
func (k Desk) endReason(userID uuid.UUID) string {
	if k.actor.UserID == userID {
		return "ended_by_person"
	}
	return "ended_by_other"
}

func (k Desk) endSession(ctx context.Context, r Rule, userID, id uuid.UUID, reason string) error {
	_, err := Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return struct{}{}, err
		}
		ended, err := tx.RevokeSession(ctx, userID, id, reason, tx.Now)
		if err != nil {
			return struct{}{}, err
		}
		tx.RecordRows(store.DigestSession(ended))
		tx.RecordChange("sessions.ended", nil, 1)
		return struct{}{}, nil
	})
	return err
}

// EndSessions ends all sessions of a user. When users end their own sessions, the one that they use is kept, unless
// everywhere is set.
func (k Desk) EndSessions(ctx context.Context, userID uuid.UUID, everywhere bool) error {
	r := Rule{Action: "session.end_all", Permission: "sessions.revoke", Subject: userID, Own: true}
	_, err := Change(ctx, k, r, func(tx *Tx) (struct{}, error) {
		if _, err := tx.User(ctx, userID); err != nil {
			return struct{}{}, err
		}
		if err := tx.RequireAllPermissionsOf(ctx, userID); err != nil {
			return struct{}{}, err
		}
		spare := uuid.Nil
		if userID == k.actor.UserID && !everywhere {
			spare = k.actor.SessionID.UUID
		}
		return struct{}{}, tx.EndSessions(ctx, userID, spare, k.endReason(userID))
	})
	return err
}

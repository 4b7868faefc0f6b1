package directory

import (
	"context"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// openSessionRecord opens a stored session.
func openSessionRecord(r store.SessionRecord, key seal.Key) (cardinal.Session, error) {
	s := cardinal.Session{UserID: r.UserID, ID: r.ID, Method: r.Method, Assurance: int(r.Assurance), CreatedAt: r.CreatedAt, LastSeenAt: r.LastSeenAt,
		IdleEndsAt: r.IdleEndsAt(), ExpiresAt: r.ExpiresAt, RevokedAt: r.RevokedAt}
	if r.EndReason != nil {
		s.EndReason = *r.EndReason
	}
	var err error
	if s.Address, err = openText(key, "sessions", "address_sealed", r.UserID, r.AddressSealed); err != nil {
		return s, err
	}
	s.UserAgent, err = openText(key, "sessions", "user_agent_sealed", r.UserID, r.UserAgentSealed)
	return s, err
}

// Sessions returns a page of a user's sessions, ended ones too.
func (k Desk) Sessions(ctx context.Context, userID uuid.UUID, p cardinal.Page) (cardinal.List[cardinal.Session], error) {
	r, err := k.read(ctx, rule{permission: "sessions.read", subject: userID, own: true})
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
	key, err := k.d.userKey(ctx, r, userID)
	if err != nil {
		return cardinal.List[cardinal.Session]{}, err
	}
	page := cardinal.PageOf(records, p.Limit)
	out := cardinal.List[cardinal.Session]{Data: make([]cardinal.Session, len(page.Data)), HasMore: page.HasMore}
	for i, record := range page.Data {
		if out.Data[i], err = openSessionRecord(record, key); err != nil {
			return out, err
		}
	}
	return out, nil
}

// SignOut ends the session that the actor came in with.
func (k Desk) SignOut(ctx context.Context) error {
	if !k.actor.SessionID.Valid {
		return cardinal.Refuse("no_session")
	}
	r := rule{action: "session.end", subject: k.actor.UserID, own: true, beforePasswordChange: true, permission: "sessions.revoke"}
	return k.endSession(ctx, r, k.actor.UserID, k.actor.SessionID.UUID, "signed_out")
}

// EndSession ends one session of a user.
func (k Desk) EndSession(ctx context.Context, userID, id uuid.UUID) error {
	return k.endSession(ctx, rule{action: "session.end", permission: "sessions.revoke", subject: userID, own: true}, userID, id, k.whoEnds(userID))
}

// whoEnds is the reason of a session that somebody ends from elsewhere.
func (k Desk) whoEnds(userID uuid.UUID) string {
	if k.actor.UserID == userID {
		return "ended_by_person"
	}
	return "ended_by_other"
}

func (k Desk) endSession(ctx context.Context, r rule, userID, id uuid.UUID, reason string) error {
	_, err := change(ctx, k, r, func(c *changing) (struct{}, error) {
		if err := c.mayTouch(ctx, userID); err != nil {
			return struct{}{}, err
		}
		ended, err := c.RevokeSession(ctx, userID, id, reason, c.now)
		if err != nil {
			return struct{}{}, err
		}
		c.wrote(store.StampSession(ended))
		c.changed("sessions.ended", nil, 1)
		return struct{}{}, nil
	})
	return err
}

// EndSessions ends all sessions of a user; a person's own but the one they ask from, unless everywhere is meant.
func (k Desk) EndSessions(ctx context.Context, userID uuid.UUID, everywhere bool) error {
	r := rule{action: "session.end_all", permission: "sessions.revoke", subject: userID, own: true}
	_, err := change(ctx, k, r, func(c *changing) (struct{}, error) {
		if _, err := c.User(ctx, userID); err != nil {
			return struct{}{}, err
		}
		if err := c.mayTouch(ctx, userID); err != nil {
			return struct{}{}, err
		}
		spare := uuid.Nil
		if userID == k.actor.UserID && !everywhere {
			spare = k.actor.SessionID.UUID
		}
		return struct{}{}, c.endSessions(ctx, userID, spare, k.whoEnds(userID))
	})
	return err
}

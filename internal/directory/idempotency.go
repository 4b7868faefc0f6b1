package directory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
)

// IdempotentRequest is a request that must have one effect however often it is sent: the Idempotency-Key header, and what it was sent with.
type IdempotentRequest struct {
	Key   string // the header; only its hash is stored
	Route string // method and route pattern: the key's scope, beside the caller
	Path  string // the path itself, part of the fingerprint
	Body  []byte

	Replayed bool // set when the result is that of an earlier request
}

// How long a result is kept, and how long a duplicate waits for one that is under way.
const (
	replyLifetime   = 24 * time.Hour
	duplicateWait   = time.Second
	defaultLockWait = 5 * time.Second
)

// Idempotent returns the desk for a request that must have one effect.
func (k Desk) Idempotent(o *IdempotentRequest) Desk {
	k.request = o
	return k
}

func (k Desk) fingerprint() [32]byte {
	return k.d.keys.idempotency.MAC("fingerprint", []byte(k.request.Path), k.request.Body)
}

func (k Desk) replyKey() seal.Key {
	return k.d.keys.idempotency.Derive("reply", []byte(k.request.Key))
}

func replyPlace(r store.ReplyRecord) seal.Place {
	return seal.Place{Table: "idempotency_keys", Column: "reply_sealed", UserID: r.CallerID, SchemaVersion: 1}
}

func (k Desk) replyRecord(now time.Time) store.ReplyRecord {
	hash, mark := sha256.Sum256([]byte(k.request.Key)), k.fingerprint()
	return store.ReplyRecord{CallerID: k.actor.UserID, Route: k.request.Route, KeyHash: hash[:], Fingerprint: mark[:], CreatedAt: now, ExpiresAt: now.Add(replyLifetime)}
}

// replayReply claims the request's key, or fills out with the result of the earlier request that had it. A duplicate of a request
// under way waits a second for it.
func (tx *Tx) replayReply(ctx context.Context, out any) (bool, error) {
	if tx.Desk.request == nil {
		return false, nil
	}
	claim := tx.Desk.replyRecord(tx.Now)
	claim.ID = cardinal.NewID()
	claim.ReplySealed = tx.Desk.replyKey().Seal([]byte(`{}`), replyPlace(claim)) // replaced before the commit
	if err := tx.WaitAtMost(ctx, duplicateWait); err != nil {
		return false, err
	}
	claimed, err := tx.ClaimReply(ctx, claim)
	if errors.Is(err, store.ErrLocked) {
		return false, cardinal.Refuse("idempotency_in_flight")
	}
	if err != nil {
		return false, err
	}
	if err := tx.WaitAtMost(ctx, defaultLockWait); err != nil {
		return false, err
	}
	tx.replyID = claim.ID
	if claimed {
		return false, nil
	}
	kept, err := tx.Reply(ctx, claim.CallerID, claim.Route, claim.KeyHash)
	if err != nil {
		return false, err
	}
	if !tx.Now.Before(kept.ExpiresAt) {
		// Its day is over and nobody has swept it yet: the place is taken over.
		tx.replyID = kept.ID
		if err := tx.RenewReply(ctx, kept.ID, claim); isNotFound(err) {
			return false, cardinal.Refuse("idempotency_in_flight")
		} else if err != nil {
			return false, err
		}
		return false, nil
	}
	if !hmac.Equal(kept.Fingerprint, claim.Fingerprint) {
		return false, cardinal.Refuse("idempotency_mismatch")
	}
	plain, err := tx.Desk.replyKey().Open(kept.ReplySealed, replyPlace(kept))
	if err != nil {
		return false, fmt.Errorf("open the kept reply: %w", err)
	}
	tx.Desk.request.Replayed = true
	return true, json.Unmarshal(plain, out)
}

// storeReply stores the result under the request's key, with the change it belongs to.
func (tx *Tx) storeReply(ctx context.Context, out any) error {
	if tx.Desk.request == nil {
		return nil
	}
	plain, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("keep the reply: %w", err)
	}
	return tx.CompleteReply(ctx, tx.replyID, tx.Desk.replyKey().Seal(plain, replyPlace(tx.Desk.replyRecord(tx.Now))))
}

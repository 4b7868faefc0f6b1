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
	"cardinal/internal/store/dberror"
)

// IdempotentRequest is a request that has one effect, also when it is sent several times: its Idempotency-Key header,
// and what identifies the request. The first request inserts a row for its key in its own transaction and stores the
// encrypted reply there; a repeated request gets this reply.
type IdempotentRequest struct {
	Key   string // the header; only its hash is stored
	Route string // method and route pattern; a key is unique per caller and route
	Path  string // the URL path, a part of the fingerprint
	Body  []byte

	Replayed bool // set when the result is that of an earlier request
}

const (
	replyLifetime   = 24 * time.Hour  // how long a reply is kept
	duplicateWait   = time.Second     // how long a duplicate waits for a request that is running
	defaultLockWait = 5 * time.Second // how long other statements wait for a lock
)

// Idempotent returns the desk with the Idempotency-Key of a request.
func (k Desk) Idempotent(o *IdempotentRequest) Desk {
	k.request = o
	return k
}

// fingerprint returns a keyed hash of the request. A repeated request must have the same one.
func (k Desk) fingerprint() [32]byte {
	return k.d.keys.idempotency.MAC("fingerprint", []byte(k.request.Path), k.request.Body)
}

// replyKey returns the key that encrypts the reply. It is derived from the Idempotency-Key, which is not stored: only a
// repeated request can decrypt the reply.
func (k Desk) replyKey() seal.Key {
	return k.d.keys.idempotency.Derive("reply", []byte(k.request.Key))
}

func replyPlace(r store.IdempotencyRecord) seal.Place {
	return seal.Place{Table: "idempotency_keys", Column: "reply_sealed", UserID: r.CallerID, SchemaVersion: 1}
}

func (k Desk) replyRecord(now time.Time) store.IdempotencyRecord {
	hash, fingerprint := sha256.Sum256([]byte(k.request.Key)), k.fingerprint()
	record := store.IdempotencyRecord{
		CallerID: k.actor.UserID, Route: k.request.Route, KeyHash: hash[:], Fingerprint: fingerprint[:],
		CreatedAt: now, ExpiresAt: now.Add(replyLifetime),
	}
	if k.actor.APIKeyID.Valid { // the keys of a service do not share replies
		record.APIKeyID = &k.actor.APIKeyID.UUID
	}
	return record
}

// replayReply inserts the row of the request's key. When an earlier request had the same key, it reads the result of
// that request into out and returns true. A duplicate of a request that is still running waits for it, one second at
// most.
func (tx *Tx) replayReply(ctx context.Context, out any) (bool, error) {
	if tx.Desk.request == nil {
		return false, nil
	}
	record := tx.Desk.replyRecord(tx.Now)
	record.ID = cardinal.NewID()
	record.ReplySealed = tx.Desk.replyKey().Seal([]byte(`{}`), replyPlace(record)) // storeReply replaces it
	if record.APIKeyID != nil {
		// A reply that the first version stored does not have the API key, but must not be repeated either.
		kept, err := tx.IdempotencyKey(ctx, record.CallerID, nil, record.Route, record.KeyHash)
		if err != nil && !isNotFound(err) {
			return false, err
		}
		if err == nil && tx.Now.Before(kept.ExpiresAt) {
			return true, tx.openReply(kept, record, out)
		}
	}
	if err := tx.SetLockTimeout(ctx, duplicateWait); err != nil {
		return false, err
	}
	inserted, err := tx.ClaimIdempotencyKey(ctx, record)
	if errors.Is(err, dberror.ErrLocked) {
		return false, cardinal.Refuse("idempotency_in_flight")
	}
	if err != nil {
		return false, err
	}
	if err := tx.SetLockTimeout(ctx, defaultLockWait); err != nil {
		return false, err
	}
	tx.replyID = record.ID
	if inserted {
		return false, nil
	}
	kept, err := tx.IdempotencyKey(ctx, record.CallerID, record.APIKeyID, record.Route, record.KeyHash)
	if isNotFound(err) { // another API key has used the key, and the contraction of migration 32 was not applied
		return false, cardinal.Refuse("idempotency_mismatch")
	}
	if err != nil {
		return false, err
	}
	if !tx.Now.Before(kept.ExpiresAt) {
		// The reply has expired and is not deleted yet: this request replaces it.
		tx.replyID = kept.ID
		if err := tx.ReuseIdempotencyKey(ctx, kept.ID, record); isNotFound(err) {
			return false, cardinal.Refuse("idempotency_in_flight")
		} else if err != nil {
			return false, err
		}
		return false, nil
	}
	return true, tx.openReply(kept, record, out)
}

// openReply reads a stored reply into out, if its request was the same.
func (tx *Tx) openReply(kept, record store.IdempotencyRecord, out any) error {
	if !hmac.Equal(kept.Fingerprint, record.Fingerprint) {
		return cardinal.Refuse("idempotency_mismatch")
	}
	plain, err := tx.Desk.replyKey().Open(kept.ReplySealed, replyPlace(kept))
	if err != nil {
		return fmt.Errorf("decrypt the stored reply: %w", err)
	}
	tx.Desk.request.Replayed = true
	return json.Unmarshal(plain, out)
}

// storeReply stores the result under the request's key, in the transaction of the change.
func (tx *Tx) storeReply(ctx context.Context, out any) error {
	if tx.Desk.request == nil {
		return nil
	}
	plain, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode the reply: %w", err)
	}
	encrypted := tx.Desk.replyKey().Seal(plain, replyPlace(tx.Desk.replyRecord(tx.Now)))
	return tx.StoreReply(ctx, tx.replyID, encrypted)
}

package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/seal"
	"cardinal/internal/store"
	"cardinal/internal/store/dberror"
)

// Keys are the keys of the service. Key-encryption keys (KEKs) come from outside the database. They wrap the service
// keys, for example that of the blind index, and the data key of each user, which encrypts the user's values.
type Keys struct {
	byID     map[uuid.UUID]seal.KEK // by the id in the database
	activeID uuid.UUID              // of the KEK that wraps new keys

	identifiers seal.Key // blind index
	cursors     seal.Key
	idempotency seal.Key
	throttles   seal.Key
	search      seal.Key
	tokens      seal.Key

	mu        sync.Mutex
	monthKeys map[string]seal.Key // for the addresses of anonymous callers in the audit log, by name
}

// openKeys compares the registered KEKs of the database with those that this process was given, and reads the service
// keys. A missing KEK is an error: without it personal data cannot be decrypted, and a new key would only hide that.
func openKeys(ctx context.Context, s *store.Store, o Options, now time.Time) (*Keys, error) {
	k := &Keys{byID: map[uuid.UUID]seal.KEK{}, monthKeys: map[string]seal.Key{}}
	registered, err := s.Read(ctx).KEKs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the registered keys: %w", err)
	}
	if len(registered) == 0 {
		if registered, err = registerFirstKEK(ctx, s, o, now); err != nil {
			return nil, err
		}
	}
	ring, err := o.LoadKeys()
	if err != nil {
		return nil, fmt.Errorf("load the key-encryption keys: %w", err)
	}
	for _, r := range registered {
		if r.DestroyedAt != nil {
			continue
		}
		kek, ok := ring.ByCheckValue([32]byte(r.CheckValue))
		if !ok {
			return nil, fmt.Errorf("%w: the key-encryption key %s (%s) is missing: "+
				"restore its file %s.key in the keys folder, or set CARDINAL_KEK; "+
				"without it personal data cannot be decrypted", ErrKeyMissing, r.ID, r.Location, r.ID)
		}
		k.byID[r.ID] = kek
		if r.RetiredAt == nil {
			k.activeID = r.ID
		}
	}
	if k.activeID == uuid.Nil {
		return nil, fmt.Errorf("%w: the database says that every key-encryption key is retired or destroyed. "+
			"If that is not true, correct key_encryption_keys as the owner of the database", ErrKeyMissing)
	}
	for name, key := range map[string]*seal.Key{
		"identifiers": &k.identifiers, "cursors": &k.cursors, "replies": &k.idempotency,
		"throttles": &k.throttles, "search": &k.search, "tokens": &k.tokens,
	} {
		if *key, err = k.serviceKey(ctx, s, name, now); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// ErrKeyMissing means that the database names a key-encryption key that this process was not given.
var ErrKeyMissing = errors.New("key missing")

// registerFirstKEK creates and registers the first key-encryption key. When two nodes start at the same time, both try,
// and a constraint of the database lets one succeed. The key is stored before it is registered, so the other node finds
// it in the place of its own key.
func registerFirstKEK(ctx context.Context, s *store.Store, o Options, now time.Time) ([]store.KEKRecord, error) {
	id := cardinal.NewID()
	kek, location, err := o.CreateKEK(id)
	if err != nil {
		return nil, fmt.Errorf("create the key-encryption key: %w", err)
	}
	check := kek.CheckValue()
	err = s.Write(ctx, func(tx store.Tx) error {
		return tx.InsertKEK(ctx, store.KEKRecord{ID: id, Location: location, CheckValue: check[:], CreatedAt: now})
	})
	if err != nil && !dberror.Violates(err, "key_encryption_keys_") {
		return nil, fmt.Errorf("register the key-encryption key: %w", err)
	}
	return s.Read(ctx).KEKs(ctx)
}

// serviceKey returns a service key by its name. It creates the key on first use.
func (k *Keys) serviceKey(ctx context.Context, s *store.Store, name string, now time.Time) (seal.Key, error) {
	r, err := s.Read(ctx).ServiceKey(ctx, name)
	if errors.Is(err, cardinal.ErrNotFound) {
		record := store.ServiceKeyRecord{ID: cardinal.NewID(), Name: name, KEKID: k.activeID, CreatedAt: now}
		record.WrappedKey = k.byID[k.activeID].WrapService(name, seal.NewKey())
		err = s.Write(ctx, func(tx store.Tx) (err error) {
			r, err = tx.EnsureServiceKey(ctx, record)
			return err
		})
	}
	return k.unwrapServiceKey(name, r, err)
}

// readServiceKey returns a service key that exists.
func (k *Keys) readServiceKey(ctx context.Context, r store.Reader, name string) (seal.Key, error) {
	record, err := r.ServiceKey(ctx, name)
	return k.unwrapServiceKey(name, record, err)
}

func (k *Keys) unwrapServiceKey(name string, r store.ServiceKeyRecord, err error) (seal.Key, error) {
	if err != nil {
		return seal.Key{}, fmt.Errorf("read the service key %s: %w", name, err)
	}
	key, err := k.byID[r.KEKID].UnwrapService(name, r.WrappedKey)
	if err != nil {
		return seal.Key{}, fmt.Errorf("unwrap the service key %s: %w", name, err)
	}
	return key, nil
}

// monthKeyName returns the name of the month key of a time.
func monthKeyName(at time.Time) string { return "audit-" + at.UTC().Format("2006-01") }

// monthKey returns the key that encrypts the addresses of anonymous callers in the audit log of a month. It is
// destroyed when the month is deleted.
func (k *Keys) monthKey(ctx context.Context, s *store.Store, at time.Time) (seal.Key, error) {
	name := monthKeyName(at)
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.monthKeys[name]; ok {
		return key, nil
	}
	key, err := k.serviceKey(ctx, s, name, at)
	if err == nil {
		k.monthKeys[name] = key
	}
	return key, err
}

// Wrap wraps a named key with the active key-encryption key, and returns the id of the latter.
func (k *Keys) Wrap(name string, key seal.Key) (kekID uuid.UUID, wrapped []byte) {
	return k.activeID, k.byID[k.activeID].WrapService(name, key)
}

// UnwrapNamed unwraps a key that Wrap wrapped.
func (k *Keys) UnwrapNamed(name string, kekID uuid.UUID, wrapped []byte) (seal.Key, error) {
	kek, ok := k.byID[kekID]
	if !ok {
		return seal.Key{}, fmt.Errorf("%w: key-encryption key %s", ErrKeyMissing, kekID)
	}
	return kek.UnwrapService(name, wrapped)
}

// ContentMAC returns a keyed hash that identifies a file together with the options that it is read with.
func (k *Keys) ContentMAC(parts ...[]byte) []byte {
	mac := k.idempotency.MAC("content of an import", parts...)
	return mac[:]
}

// NewUserKey creates the data key of a user, and returns it with its row: the key in wrapped form.
func (k *Keys) NewUserKey(userID uuid.UUID, now time.Time) (seal.Key, store.UserKeyRecord) {
	key := seal.NewKey()
	return key, store.UserKeyRecord{
		UserID: userID, KEKID: uuid.NullUUID{UUID: k.activeID, Valid: true},
		WrappedKey: k.byID[k.activeID].Wrap(userID, key), CreatedAt: now, WrappedAt: now,
	}
}

// Unwrap unwraps the data key of a user.
func (k *Keys) Unwrap(r store.UserKeyRecord) (seal.Key, error) {
	kek, ok := k.byID[r.KEKID.UUID]
	if !ok {
		return seal.Key{}, fmt.Errorf("%w: key-encryption key %s", ErrKeyMissing, r.KEKID.UUID)
	}
	key, err := kek.Unwrap(r.UserID, r.WrappedKey)
	if err != nil {
		return seal.Key{}, fmt.Errorf("unwrap the key of user %s: %w", r.UserID, err)
	}
	return key, nil
}

// UserKey reads and unwraps the data key of a user.
func (d *Directory) UserKey(ctx context.Context, r store.Reader, userID uuid.UUID) (seal.Key, error) {
	record, err := r.UserKey(ctx, userID)
	if err != nil {
		return seal.Key{}, fmt.Errorf("read the key of user %s: %w", userID, err)
	}
	return d.keys.Unwrap(record)
}

// BlindIndex returns the blind index of an identifier in its normal form: a keyed hash that finds the identifier and
// does not disclose it.
func (k *Keys) BlindIndex(kind, normal string) []byte { return k.identifiers.Index(kind, normal) }

// EncryptedClient is the address and the user agent of a request, encrypted with the key of the actor; for an anonymous
// caller with the month key.
type EncryptedClient struct{ Address, UserAgent []byte }

// encryptsClient reports whether the request has an address or a user agent, and the actor a key to encrypt them with.
func (k Desk) encryptsClient() bool {
	return k.actor.ClientFrom != (cardinal.Client{}) && (!cardinal.IsBuiltIn(k.actor.UserID) || !k.actor.Known())
}

// EncryptClient encrypts the address and the user agent of the request.
func (k Desk) EncryptClient(ctx context.Context, r store.Reader) (EncryptedClient, error) {
	if !k.encryptsClient() {
		return EncryptedClient{}, nil
	}
	from := k.actor.ClientFrom
	var key seal.Key
	var err error
	switch {
	case !k.actorKey.IsZero():
		key = k.actorKey
	case k.actor.Known():
		key, err = k.d.UserKey(ctx, r, k.actor.UserID)
	default:
		key, err = k.d.keys.monthKey(ctx, k.d.store, k.d.Now())
	}
	if err != nil {
		return EncryptedClient{}, err
	}
	return EncryptedClient{
		Address:   EncryptText(key, "audit_logs", "address_sealed", k.actor.UserID, uuid.Nil, from.Address),
		UserAgent: EncryptText(key, "audit_logs", "user_agent_sealed", k.actor.UserID, uuid.Nil, from.UserAgent),
	}, nil
}

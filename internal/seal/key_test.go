package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestIndex(t *testing.T) {
	key := vectorKey(t)
	t.Run("KeepsItsFormat", func(t *testing.T) {
		if diff := cmp.Diff(vectorIndex, hex.EncodeToString(key.Index("email", "ann@example.com"))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("SeparatesKinds", func(t *testing.T) {
		a, b := key.Index("email", "ann"), key.Index("emai", "lann")
		if bytes.Equal(a, b) || bytes.Equal(a, key.Index("username", "ann")) {
			t.Error("two kinds share an index")
		}
	})
	t.Run("DependsOnTheKey", func(t *testing.T) {
		if bytes.Equal(key.Index("email", "ann"), NewKey().Index("email", "ann")) {
			t.Error("two keys share an index")
		}
	})
}

func TestMAC(t *testing.T) {
	key := vectorKey(t)
	t.Run("KeepsItsFormat", func(t *testing.T) {
		mac := key.MAC("cursor", []byte("one"), nil)
		if diff := cmp.Diff(vectorMAC, hex.EncodeToString(mac[:])); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("SeparatesPurposesAndParts", func(t *testing.T) {
		seen := map[[32]byte]int{}
		for i, mac := range [][32]byte{
			key.MAC("a"), key.MAC("a", nil), key.MAC("a", nil, nil), key.MAC("b"), key.MAC("a", []byte("bc")), key.MAC("a", []byte("b"), []byte("c")),
			key.MAC("ab", []byte("c")), key.MAC("a", []byte("bc"), nil), [32]byte(key.Index("a", "")), [32]byte(key.Index("a", "bc")),
		} {
			if j, ok := seen[mac]; ok {
				t.Errorf("inputs %d and %d share a MAC", i, j)
			}
			seen[mac] = i
		}
	})
}

func TestDerive(t *testing.T) {
	key := vectorKey(t)
	t.Run("KeepsItsFormat", func(t *testing.T) {
		if diff := cmp.Diff(vectorDerived, hex.EncodeToString(key.Derive("reply", []byte("header")).raw())); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("SeparatesPurposeAndMaterial", func(t *testing.T) {
		if key.Derive("a", []byte("bc")).Equal(key.Derive("ab", []byte("c"))) || key.Derive("a", nil).Equal(key) {
			t.Error("two derivations share a key")
		}
	})
}

func TestKeyFromBytes(t *testing.T) {
	t.Run("CopiesItsBytes", func(t *testing.T) {
		b := counting(0)
		key, err := KeyFromBytes(b)
		if err != nil {
			t.Fatal(err)
		}
		clear(b)
		if !key.Equal(vectorKey(t)) {
			t.Error("the key changed with the caller's bytes")
		}
	})
	t.Run("RefusesOtherLengths", func(t *testing.T) {
		for _, n := range []int{0, 16, 31, 33, 64} {
			if _, err := KeyFromBytes(make([]byte, n)); err == nil {
				t.Errorf("took %d bytes", n)
			}
			if _, err := KEKFromBytes(bytes.Repeat([]byte{1}, n)); err == nil {
				t.Errorf("took %d bytes as a KEK", n)
			}
		}
	})
	t.Run("RefusesZerosAsKEK", func(t *testing.T) {
		if _, err := KEKFromBytes(make([]byte, keyBytes)); err == nil {
			t.Error("took 32 zeros")
		}
	})
	t.Run("UnsetKeysEqualEachOther", func(t *testing.T) {
		if !(Key{}).Equal(Key{}) || (Key{}).Equal(NewKey()) || NewKey().Equal(Key{}) || NewKey().Equal(NewKey()) {
			t.Error("Equal is wrong")
		}
		if !(Key{}).IsZero() || NewKey().IsZero() {
			t.Error("IsZero is wrong")
		}
	})
}

func TestWrap(t *testing.T) {
	kek, key, user := vectorKEK(t), vectorKey(t), uuid.MustParse(vectorUser)
	other := uuid.MustParse("0199f0a0-8b4c-7def-8123-456789abcdee")
	t.Run("UnwrapsAsWrapped", func(t *testing.T) {
		wrapped, service := kek.Wrap(user, key), kek.WrapService("index", key)
		if len(wrapped) != WrappedBytes || len(service) != WrappedBytes || WrappedBytes != 61 {
			t.Errorf("wrapped keys of %d and %d bytes", len(wrapped), len(service))
		}
		if got, err := kek.Unwrap(user, wrapped); err != nil || !got.Equal(key) {
			t.Errorf("user key: %v", err)
		}
		if got, err := kek.UnwrapService("index", service); err != nil || !got.Equal(key) {
			t.Errorf("service key: %v", err)
		}
	})
	t.Run("KeepsItsFormat", func(t *testing.T) {
		if got, err := kek.Unwrap(user, fromHex(t, vectorWrapped)); err != nil || !got.Equal(key) {
			t.Errorf("user key: %v", err)
		}
		if got, err := kek.UnwrapService("index", fromHex(t, vectorService)); err != nil || !got.Equal(key) {
			t.Errorf("service key: %v", err)
		}
		check := kek.CheckValue()
		if diff := cmp.Diff(vectorCheck, hex.EncodeToString(check[:])); diff != "" {
			t.Errorf("check value: %s", diff)
		}
	})
	t.Run("RefusesEveryChangedByteAndLength", func(t *testing.T) {
		wrapped := kek.Wrap(user, key)
		for i := range wrapped {
			changed := bytes.Clone(wrapped)
			changed[i] ^= 0x40
			if got, err := kek.Unwrap(user, changed); !errors.Is(err, ErrBroken) || !got.IsZero() {
				t.Errorf("byte %d: %v", i, err)
			}
			if _, err := kek.Unwrap(user, wrapped[:i]); !errors.Is(err, ErrBroken) {
				t.Errorf("cut to %d: %v", i, err)
			}
		}
	})
	t.Run("RefusesAuthenticBytesThatAreNoKey", func(t *testing.T) {
		info := labelUserKey + string(user[:])
		longer := sealGCM(derive(kek.secret, info).raw(), make([]byte, keyBytes+1), []byte(info))
		if _, err := kek.Unwrap(user, longer); !errors.Is(err, ErrBroken) {
			t.Error(err)
		}
	})
	t.Run("RefusesAnotherOwnerOrKEK", func(t *testing.T) {
		wrapped, service := kek.Wrap(user, key), kek.WrapService("index", key)
		for name, open := range map[string]func() (Key, error){
			"another user":       func() (Key, error) { return kek.Unwrap(other, wrapped) },
			"another KEK":        func() (Key, error) { return NewKEK().Unwrap(user, wrapped) },
			"another name":       func() (Key, error) { return kek.UnwrapService("cursor", service) },
			"user as service":    func() (Key, error) { return kek.UnwrapService(string(user[:]), wrapped) },
			"service as user":    func() (Key, error) { return kek.Unwrap(user, kek.WrapService(string(user[:]), key)) },
			"service, other KEK": func() (Key, error) { return NewKEK().UnwrapService("index", service) },
		} {
			if _, err := open(); !errors.Is(err, ErrBroken) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

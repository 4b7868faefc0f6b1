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
	t.Run("FormatUnchanged", func(t *testing.T) {
		if diff := cmp.Diff(vectorIndex, hex.EncodeToString(key.Index("email", "ann@example.com"))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("DependsOnKind", func(t *testing.T) {
		a, b := key.Index("email", "ann"), key.Index("emai", "lann")
		if bytes.Equal(a, b) || bytes.Equal(a, key.Index("username", "ann")) {
			t.Error("two kinds share an index")
		}
	})
	t.Run("DependsOnKey", func(t *testing.T) {
		if bytes.Equal(key.Index("email", "ann"), NewKey().Index("email", "ann")) {
			t.Error("two keys share an index")
		}
	})
}

func TestMAC(t *testing.T) {
	key := vectorKey(t)
	t.Run("FormatUnchanged", func(t *testing.T) {
		mac := key.MAC("cursor", []byte("one"), nil)
		if diff := cmp.Diff(vectorMAC, hex.EncodeToString(mac[:])); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("DependsOnPurposeAndParts", func(t *testing.T) {
		seen := map[[32]byte]int{}
		for i, mac := range [][32]byte{
			key.MAC("a"), key.MAC("a", nil), key.MAC("a", nil, nil), key.MAC("b"), key.MAC("a", []byte("bc")),
			key.MAC("a", []byte("b"), []byte("c")),
			key.MAC("ab", []byte("c")), key.MAC("a", []byte("bc"), nil), [32]byte(key.Index("a", "")),
			[32]byte(key.Index("a", "bc")),
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
	t.Run("FormatUnchanged", func(t *testing.T) {
		if diff := cmp.Diff(vectorDerived, hex.EncodeToString(key.Derive("reply",
			[]byte("header")).raw())); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("DependsOnPurposeAndMaterial", func(t *testing.T) {
		if key.Derive("a", []byte("bc")).Equal(key.Derive("ab", []byte("c"))) || key.Derive("a", nil).Equal(key) {
			t.Error("two derivations share a key")
		}
	})
}

func TestKeyBytes(t *testing.T) {
	t.Run("KEKCopiesBytes", func(t *testing.T) {
		b := counting(32)
		kek, err := parseKEK(b)
		if err != nil {
			t.Fatal(err)
		}
		clear(b)
		if kek.CheckValue() != vectorKEK(t).CheckValue() {
			t.Error("the key changed with the caller's bytes")
		}
	})
	t.Run("OtherLengthsRefused", func(t *testing.T) {
		for _, n := range []int{0, 16, 31, 33, 64} {
			if _, err := parseKEK(bytes.Repeat([]byte{1}, n)); err == nil {
				t.Errorf("accepted %d bytes", n)
			}
		}
	})
	t.Run("ZeroKEKRefused", func(t *testing.T) {
		if _, err := parseKEK(make([]byte, keyBytes)); err == nil {
			t.Error("accepted 32 zeros")
		}
	})
	t.Run("RandomKeysDiffer", func(t *testing.T) {
		first, second := randomKEK(), randomKEK()
		if NewKey().Equal(NewKey()) || first.CheckValue() == second.CheckValue() {
			t.Error("two random keys are equal")
		}
	})
	t.Run("UnsetKeysEqualEachOther", func(t *testing.T) {
		if !(Key{}).Equal(Key{}) || (Key{}).Equal(NewKey()) || NewKey().Equal(Key{}) {
			t.Error("Equal is wrong")
		}
	})
	t.Run("IsZero", func(t *testing.T) {
		if !(Key{}).IsZero() || NewKey().IsZero() {
			t.Error("IsZero is wrong")
		}
	})
}

func TestWrap(t *testing.T) {
	kek, key, user := vectorKEK(t), vectorKey(t), uuid.MustParse(vectorUser)
	other := uuid.MustParse("0199f0a0-8b4c-7def-8123-456789abcdee")
	t.Run("UnwrapReturnsKey", func(t *testing.T) {
		wrapped, service := kek.Wrap(user, key), kek.WrapService("index", key)
		if len(wrapped) != wrappedBytes || len(service) != wrappedBytes || wrappedBytes != 61 {
			t.Errorf("wrapped keys of %d and %d bytes", len(wrapped), len(service))
		}
		if got, err := kek.Unwrap(user, wrapped); err != nil || !got.Equal(key) {
			t.Errorf("user key: %v", err)
		}
		if got, err := kek.UnwrapService("index", service); err != nil || !got.Equal(key) {
			t.Errorf("service key: %v", err)
		}
	})
	t.Run("FormatUnchanged", func(t *testing.T) {
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
	t.Run("ChangedBytesAndLengthsRefused", func(t *testing.T) {
		wrapped := kek.Wrap(user, key)
		for i := range wrapped {
			changed := bytes.Clone(wrapped)
			changed[i] ^= 0x40
			if got, err := kek.Unwrap(user, changed); !errors.Is(err, ErrDecrypt) || !got.IsZero() {
				t.Errorf("byte %d: %v", i, err)
			}
			if _, err := kek.Unwrap(user, wrapped[:i]); !errors.Is(err, ErrDecrypt) {
				t.Errorf("cut to %d: %v", i, err)
			}
		}
	})
	t.Run("AuthenticBytesOfWrongLengthRefused", func(t *testing.T) {
		info := labelUserKey + string(user[:])
		longer := encryptGCM(derive(kek.secret, info).raw(), make([]byte, keyBytes+1), []byte(info))
		if _, err := kek.Unwrap(user, longer); !errors.Is(err, ErrDecrypt) {
			t.Error(err)
		}
	})
	t.Run("OtherOwnerOrKEKRefused", func(t *testing.T) {
		wrapped, service := kek.Wrap(user, key), kek.WrapService("index", key)
		for name, unwrap := range map[string]func() (Key, error){
			"another user":    func() (Key, error) { return kek.Unwrap(other, wrapped) },
			"another KEK":     func() (Key, error) { return randomKEK().Unwrap(user, wrapped) },
			"another name":    func() (Key, error) { return kek.UnwrapService("cursor", service) },
			"user as service": func() (Key, error) { return kek.UnwrapService(string(user[:]), wrapped) },
			"service as user": func() (Key, error) {
				return kek.Unwrap(user,
					kek.WrapService(string(user[:]), key))
			},
			"service, other KEK": func() (Key, error) { return randomKEK().UnwrapService("index", service) },
		} {
			if _, err := unwrap(); !errors.Is(err, ErrDecrypt) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

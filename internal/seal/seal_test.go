package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// The vectors were computed apart from this package (Python's hmac and cryptography). They are the stored format: a change that
// breaks one makes existing databases unreadable.
const (
	vectorUser    = "0199f0a0-8b4c-7def-8123-456789abcdef"
	vectorPlace   = "0000000870726f66696c65730000000c646973706c61795f6e616d650199f0a08b4c7def8123456789abcdef00000001"
	vectorSealed  = "01a0a1a2a3a4a5a6a7a8a9aaaba776120d0808bed30e00f509e804b93edeae94fe25abecd3da0574"
	vectorWrapped = "01a0a1a2a3a4a5a6a7a8a9aaab08c24b0bafa65a8625540a5d8dc8096bcbde4c32df202366a6c2faa06171ef1e6deb61a96b38b0341a4fe730bcdb3365"
	vectorService = "01a0a1a2a3a4a5a6a7a8a9aaab0d5177aa92f04ad5720a6513cfaf95ce08765a7f43b4faa8754c4dee610c0ddbdcb772bc7f6c7ce08183712c604325a8"
	vectorIndex   = "93cb530cab1563468ed4b86f9e05eb902051a7ef568280a0965cedf86170ff1a"
	vectorMAC     = "c647c3197850b5b972ddcdfeb29c31b19cc295834614db36ec86db471a8d5b41"
	vectorDerived = "4a6607ebf4992c6e216413c196d0572c1376579a5beb16d9a2b4d0d7dc2313ce"
	vectorCheck   = "92ece3d45444afb2753edb580fbe27f5a0f023db291c741a2da96ca7d0a8bbfd"
)

var vectorNonce = [nonceBytes]byte{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab}

// counting returns the 32 bytes from first on.
func counting(first byte) []byte {
	b := make([]byte, keyBytes)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func vectorKey(t *testing.T) Key {
	t.Helper()
	key, err := KeyFromBytes(counting(0))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func vectorKEK(t *testing.T) KEK {
	t.Helper()
	kek, err := KEKFromBytes(counting(32))
	if err != nil {
		t.Fatal(err)
	}
	return kek
}

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func place() Place {
	return Place{Table: "profiles", Column: "display_name", UserID: uuid.MustParse(vectorUser), SchemaVersion: 1}
}

func TestSeal(t *testing.T) {
	key, plain := NewKey(), []byte("Ann Müller")
	t.Run("OpensAsSealed", func(t *testing.T) {
		for _, plain := range [][]byte{{}, {0}, plain, bytes.Repeat([]byte("x"), 70_000)} {
			sealed := key.Seal(plain, place())
			if len(sealed) != len(plain)+Overhead {
				t.Errorf("%d bytes of plain text become %d", len(plain), len(sealed))
			}
			got, err := key.Open(sealed, place())
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes do not come back: %v", len(plain), err)
			}
		}
	})
	t.Run("NeverTwiceTheSame", func(t *testing.T) {
		if bytes.Equal(key.Seal(plain, place()), key.Seal(plain, place())) {
			t.Error("equal plain texts seal to equal bytes")
		}
	})
	t.Run("RefusesEveryChangedBit", func(t *testing.T) {
		sealed := key.Seal(plain, place())
		for i := range sealed {
			for bit := range 8 {
				changed := bytes.Clone(sealed)
				changed[i] ^= 1 << bit
				if got, err := key.Open(changed, place()); !errors.Is(err, ErrBroken) || got != nil {
					t.Fatalf("byte %d, bit %d: %q, %v", i, bit, got, err)
				}
			}
		}
	})
	t.Run("RefusesEveryLength", func(t *testing.T) {
		sealed := key.Seal(plain, place())
		for n := range sealed {
			if _, err := key.Open(sealed[:n], place()); !errors.Is(err, ErrBroken) {
				t.Errorf("cut to %d bytes: %v", n, err)
			}
		}
		if _, err := key.Open(append(sealed, 0), place()); !errors.Is(err, ErrBroken) {
			t.Errorf("one byte more: %v", err)
		}
	})
	t.Run("RefusesAnotherPlace", func(t *testing.T) {
		sealed := key.Seal(plain, place())
		for name, change := range map[string]func(*Place){
			"table":          func(p *Place) { p.Table = "contacts" },
			"column":         func(p *Place) { p.Column = "user_name" },
			"user":           func(p *Place) { p.UserID = uuid.MustParse("0199f0a0-8b4c-7def-8123-456789abcdee") },
			"schema version": func(p *Place) { p.SchemaVersion = 2 },
			"moved boundary": func(p *Place) { p.Table, p.Column = "profilesd", "isplay_name" },
			"out of range":   func(p *Place) { p.SchemaVersion = -1 },
		} {
			at := place()
			change(&at)
			if _, err := key.Open(sealed, at); !errors.Is(err, ErrBroken) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("RefusesAnotherKey", func(t *testing.T) {
		if _, err := NewKey().Open(key.Seal(plain, place()), place()); !errors.Is(err, ErrBroken) {
			t.Error(err)
		}
	})
	t.Run("TellsErasedFromBroken", func(t *testing.T) {
		if _, err := key.Open(Placeholder(), place()); !errors.Is(err, ErrErased) {
			t.Errorf("placeholder: %v", err)
		}
		for _, sealed := range [][]byte{nil, {}, {1}, {0, 0}, make([]byte, Overhead)} {
			if _, err := key.Open(sealed, place()); !errors.Is(err, ErrBroken) {
				t.Errorf("%x: %v", sealed, err)
			}
		}
	})
	t.Run("PlaceholderIsTheCallersOwn", func(t *testing.T) {
		Placeholder()[0] = 1
		if diff := cmp.Diff([]byte{0}, Placeholder()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("PanicsOnVersionOutOfRange", func(t *testing.T) {
		for _, version := range []int{-1, math.MaxUint32 + 1} {
			mustPanic(t, func() { key.Seal(plain, Place{SchemaVersion: version}) })
		}
	})
	t.Run("PanicsOnKeyNeverSet", func(t *testing.T) {
		mustPanic(t, func() { Key{}.Seal(plain, place()) })
		mustPanic(t, func() { Key{}.Index("email", "") })
		mustPanic(t, func() { KEK{}.CheckValue() })
		mustPanic(t, func() { NewKEK().WrapService("index", Key{}) })
	})
}

func TestSealVector(t *testing.T) {
	key := vectorKey(t)
	associated, err := place().associated()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(vectorPlace, hex.EncodeToString(associated)); diff != "" {
		t.Errorf("associated data: %s", diff)
	}
	sealed := sealGCMWith(vectorNonce, key.raw(), []byte("Ann Müller"), associated)
	if diff := cmp.Diff(vectorSealed, hex.EncodeToString(sealed)); diff != "" {
		t.Errorf("sealed: %s", diff)
	}
	plain, err := key.Open(fromHex(t, vectorSealed), place())
	if err != nil || string(plain) != "Ann Müller" {
		t.Errorf("opened: %q, %v", plain, err)
	}
}

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("did not panic")
		}
	}()
	f()
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add(make([]byte, Overhead))
	key := NewKey()
	f.Add(NewKey().Seal([]byte("x"), place()))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := key.Open(sealed, place()); err == nil {
			t.Fatalf("%x opens as %q", sealed, plain)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	key, plain, at := NewKey(), []byte("Ann Müller, Bücherstraße"), place()
	b.ReportAllocs()
	for b.Loop() {
		key.Seal(plain, at)
	}
}

func BenchmarkOpen(b *testing.B) {
	key, at := NewKey(), place()
	sealed := key.Seal([]byte("Ann Müller, Bücherstraße"), at)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Open(sealed, at); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndex(b *testing.B) {
	key := NewKey()
	b.ReportAllocs()
	for b.Loop() {
		key.Index("email", "ann@example.com")
	}
}

func BenchmarkUnwrap(b *testing.B) {
	kek, user := NewKEK(), uuid.MustParse(vectorUser)
	wrapped := kek.Wrap(user, NewKey())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kek.Unwrap(user, wrapped); err != nil {
			b.Fatal(err)
		}
	}
}

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

// The vectors were computed with other programs (Python's hmac and cryptography). They are the stored format: after a
// change that breaks one, existing databases cannot be decrypted.
const (
	vectorUser     = "0199f0a0-8b4c-7def-8123-456789abcdef"
	vectorPlace    = "0000000870726f66696c65730000000c646973706c61795f6e616d650199f0a08b4c7def8123456789abcdef00000001"
	vectorField    = "01a0a1a2a3a4a5a6a7a8a9aaaba776120d0808bed30e00f509e804b93edeae94fe25abecd3da0574"
	vectorRow      = "0199f0a0-8b4c-7aaa-8123-456789abcdef"
	vectorRowPlace = "00000008636f6e74616374730000000c76616c75655f7365616c65640199f0a08b4c7def8123456789abcdef" +
		"0199f0a08b4c7aaa8123456789abcdef00000001"
	vectorRowField = "02a0a1a2a3a4a5a6a7a8a9aaab8776126d20b363d21209e2fd6415ad7631162df87714432ba2eb621359fa63"
	vectorWrapped  = "01a0a1a2a3a4a5a6a7a8a9aaab08c24b0bafa65a8625540a5d8dc8096bcbde4c32df202366a6c2faa06171ef1e6deb6" +
		"1a96b38b0341a4fe730bcdb3365"
	vectorService = "01a0a1a2a3a4a5a6a7a8a9aaab0d5177aa92f04ad5720a6513cfaf95ce08765a7f43b4faa8754c4dee610c0ddbdcb77" +
		"2bc7f6c7ce08183712c604325a8"
	vectorIndex   = "93cb530cab1563468ed4b86f9e05eb902051a7ef568280a0965cedf86170ff1a"
	vectorMAC     = "c647c3197850b5b972ddcdfeb29c31b19cc295834614db36ec86db471a8d5b41"
	vectorDerived = "4a6607ebf4992c6e216413c196d0572c1376579a5beb16d9a2b4d0d7dc2313ce"
	vectorCheck   = "92ece3d45444afb2753edb580fbe27f5a0f023db291c741a2da96ca7d0a8bbfd"
)

var vectorNonce = [nonceBytes]byte{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab}

// counting returns 32 consecutive bytes from first.
func counting(first byte) []byte {
	b := make([]byte, keyBytes)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func vectorKey(t *testing.T) Key {
	t.Helper()
	return Key{newSecret((*[keyBytes]byte)(counting(0)))}
}

func vectorKEK(t *testing.T) KEK {
	t.Helper()
	kek, err := parseKEK(counting(32))
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
	t.Run("OpenReturnsPlaintext", func(t *testing.T) {
		for _, plain := range [][]byte{{}, {0}, plain, bytes.Repeat([]byte("x"), 70_000)} {
			field := key.Seal(plain, place())
			if len(field) != len(plain)+overhead {
				t.Errorf("%d bytes of plaintext become %d", len(plain), len(field))
			}
			got, err := key.Open(field, place())
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("Open does not return the %d bytes: %v", len(plain), err)
			}
		}
	})
	t.Run("SameTextDiffers", func(t *testing.T) {
		if bytes.Equal(key.Seal(plain, place()), key.Seal(plain, place())) {
			t.Error("equal plaintexts have equal ciphertexts")
		}
	})
	t.Run("ChangedBitsRefused", func(t *testing.T) {
		field := key.Seal(plain, place())
		for i := range field {
			for bit := range 8 {
				changed := bytes.Clone(field)
				changed[i] ^= 1 << bit
				if got, err := key.Open(changed, place()); !errors.Is(err, ErrDecrypt) || got != nil {
					t.Fatalf("byte %d, bit %d: %q, %v", i, bit, got, err)
				}
			}
		}
	})
	t.Run("OtherLengthsRefused", func(t *testing.T) {
		field := key.Seal(plain, place())
		for n := range field {
			if _, err := key.Open(field[:n], place()); !errors.Is(err, ErrDecrypt) {
				t.Errorf("cut to %d bytes: %v", n, err)
			}
		}
		if _, err := key.Open(append(field, 0), place()); !errors.Is(err, ErrDecrypt) {
			t.Errorf("one byte more: %v", err)
		}
	})
	t.Run("OtherPlaceRefused", func(t *testing.T) {
		field := key.Seal(plain, place())
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
			if _, err := key.Open(field, at); !errors.Is(err, ErrDecrypt) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("OtherKeyRefused", func(t *testing.T) {
		if _, err := NewKey().Open(key.Seal(plain, place()), place()); !errors.Is(err, ErrDecrypt) {
			t.Error(err)
		}
	})
	t.Run("ErasedAndBrokenDiffer", func(t *testing.T) {
		if _, err := key.Open(Placeholder(), place()); !errors.Is(err, ErrErased) {
			t.Errorf("placeholder: %v", err)
		}
		for _, field := range [][]byte{nil, {}, {1}, {0, 0}, make([]byte, overhead)} {
			if _, err := key.Open(field, place()); !errors.Is(err, ErrDecrypt) {
				t.Errorf("%x: %v", field, err)
			}
		}
	})
	t.Run("PlaceholderIsCopied", func(t *testing.T) {
		Placeholder()[0] = 1
		if diff := cmp.Diff([]byte{0}, Placeholder()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("VersionOutOfRangePanics", func(t *testing.T) {
		for _, version := range []int{-1, math.MaxUint32 + 1} {
			mustPanic(t, func() { key.Seal(plain, Place{SchemaVersion: version}) })
		}
	})
	t.Run("UnsetKeyPanics", func(t *testing.T) {
		mustPanic(t, func() { Key{}.Seal(plain, place()) })
		mustPanic(t, func() { Key{}.Index("email", "") })
		mustPanic(t, func() { KEK{}.CheckValue() })
		mustPanic(t, func() { randomKEK().WrapService("index", Key{}) })
	})
}

func TestSealVector(t *testing.T) {
	key := vectorKey(t)
	associated, err := place().associated(formatGCM)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(vectorPlace, hex.EncodeToString(associated)); diff != "" {
		t.Errorf("associated data: %s", diff)
	}
	field := encryptGCMWithNonce(vectorNonce, key.raw(), []byte("Ann Müller"), associated)
	if diff := cmp.Diff(vectorField, hex.EncodeToString(field)); diff != "" {
		t.Errorf("encrypted: %s", diff)
	}
	plain, err := key.Open(fromHex(t, vectorField), place())
	if err != nil || string(plain) != "Ann Müller" {
		t.Errorf("decrypted: %q, %v", plain, err)
	}
}

// rowPlace is a place in a table where a user has several rows.
func rowPlace() Place {
	return Place{
		Table: "contacts", Column: "value_sealed", UserID: uuid.MustParse(vectorUser), RowID: uuid.MustParse(vectorRow),
		SchemaVersion: 1,
	}
}

func TestRowFormatVector(t *testing.T) {
	key := vectorKey(t)
	associated, err := rowPlace().associated(formatRow)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(vectorRowPlace, hex.EncodeToString(associated)); diff != "" {
		t.Errorf("associated data: %s", diff)
	}
	plain, err := key.Open(fromHex(t, vectorRowField), rowPlace())
	if err != nil || string(plain) != "ann@example.com" {
		t.Errorf("decrypted: %q, %v", plain, err)
	}
}

// TestRowIsAuthenticated: a field of one row cannot be decrypted in another row, and its format cannot be changed.
func TestRowIsAuthenticated(t *testing.T) {
	key, plain := NewKey(), []byte("ann@example.com")
	field := key.Seal(plain, rowPlace())
	if field[0] != formatRow || !BindsRow(field) {
		t.Fatalf("the format of a field with a row is %#x", field[0])
	}
	if got, err := key.Open(field, rowPlace()); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("in its own row: %q, %v", got, err)
	}
	otherRow, noRow := rowPlace(), rowPlace()
	otherRow.RowID, noRow.RowID = uuid.MustParse(vectorUser), uuid.Nil
	for name, at := range map[string]Place{"another row": otherRow, "a place without a row": noRow} {
		if got, err := key.Open(field, at); !errors.Is(err, ErrDecrypt) {
			t.Errorf("in %s: %q, %v", name, got, err)
		}
	}
	older := bytes.Clone(field)
	older[0] = formatGCM
	for name, at := range map[string]Place{"its row": rowPlace(), "a place without a row": noRow} {
		if got, err := key.Open(older, at); !errors.Is(err, ErrDecrypt) {
			t.Errorf("with the format byte of older fields, in %s: %q, %v", name, got, err)
		}
	}
	// A field from before rows were bound is still readable at a place with a row.
	if got, err := key.Open(key.Seal(plain, noRow), rowPlace()); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("an older field: %q, %v", got, err)
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
	f.Add(make([]byte, overhead))
	key := NewKey()
	f.Add(NewKey().Seal([]byte("x"), place()))
	f.Fuzz(func(t *testing.T, field []byte) {
		if plain, err := key.Open(field, place()); err == nil {
			t.Fatalf("%x decrypts to %q", field, plain)
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
	field := key.Seal([]byte("Ann Müller, Bücherstraße"), at)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Open(field, at); err != nil {
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
	kek, user := randomKEK(), uuid.MustParse(vectorUser)
	wrapped := kek.Wrap(user, NewKey())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kek.Unwrap(user, wrapped); err != nil {
			b.Fatal(err)
		}
	}
}

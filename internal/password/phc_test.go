package password

import (
	"errors"
	"strings"
	"testing"
)

// vectors are hashes that other programs created.
var vectors = []struct{ name, password, phc string }{
	// From test.c of the reference implementation, Argon2id version 19.
	{"Argon2id", "password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
	{"Argon2idTwoLanes", "password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$" +
		"bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
	// From wrapper.c of crypt_blowfish.
	{"Bcrypt", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"BcryptY", "U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"BcryptCutsAt72", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars " +
		"after 72 are ignored",
		"$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"},
	// RFC 7914 section 12.
	{"Scrypt", "pleaseletmein", "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$" +
		"cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw"},
	// Computed by libxcrypt with a script that also reproduces the vector of Passlib's documentation (cost 12,
	// slow under -race).
	{"BcryptSHA256", "password", "$bcrypt-sha256$v=2,t=2b,r=4$n79VH.0Q2TMWmt3Oqt9uku$sdU2s51xApBVBMVw4RZiJY.7FC1fevu"},
	// Computed by Python's hashlib.
	{"PBKDF2SHA256", "password", "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdeg$" +
		"LPrrFPJh8jcG2SFnhbVugOabJz9D.VZsGXS.3wMJQ3A"},
	{"PBKDF2SHA1", "password", "$pbkdf2$1212$OB8F.ZZ0vB1hyzLWHRIlQQ$KxnrPmD8YBTlwzV.gcXx.PKXXN8"},
	{"PBKDF2SHA512", "password", "$pbkdf2-sha512$1212$OB8F.ZZ0vB1hyzLWHRIlQQ$" +
		"OdZLgh792NtUKdxwTfC3hbKdX6CQ9ch0KMYUa5hSyR8mOPAE4bZoPfd8.C2bvInSR90w2DuVd2vZgxOnh.gWgw"},
}

func TestVerifyVectors(t *testing.T) {
	h := newSmall()
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			match, rehash, err := h.Verify(t.Context(), Caller{}, v.password, v.phc)
			if !match || err != nil {
				t.Errorf("Verify = %v, %v", match, err)
			}
			// The Argon2id vectors have a salt of eight bytes, which is below the current length.
			if !rehash {
				t.Error("does not want a rehash")
			}
			match, rehash, err = h.Verify(t.Context(), Caller{}, "x"+v.password[1:], v.phc)
			if match || rehash || err != nil {
				t.Errorf("another password: %v, %v, %v", match, rehash, err)
			}
		})
	}
}

func TestUnusableHashesRefused(t *testing.T) {
	const (
		salt, tag  = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
		bcryptTail = "$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
		pbkdf2Tail = "$0ZrzXitFSGltTQnBWOsdeg$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M"
	)
	argon := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt + "$" + tag }
	h := newSmall()
	h.argon2id = func(_, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte {
		t.Error("computed the hash")
		return nil
	}
	for rule, hashes := range map[string][]string{
		"NotAHash": {"", "$", "$$$$$", "password", "5f4dcc3b5aa765d61d8327deb882cf99", "$plaintext$password",
			"$unknown$a$b"},
		"UnknownSchemes": {"$y$j9T$abcdefgh$abcdefgh", "$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq",
			"$md5$rounds=5000$GUBv0xjJ$$mSwgIswdjlTY0YxV7HBVm0"},
		"CryptForms": {"$5$saltsalt$x", "$6$saltsalt$x", "$6$rounds=999$saltsaltsalt$" + strings.Repeat("a", 86),
			"$6$rounds=5000001$saltsaltsalt$" + strings.Repeat("a", 86),
			"$5$saltsaltsaltsalts$" + strings.Repeat("a", 43), "$5$salt=salt$" + strings.Repeat("a", 43),
			"$1$saltsalts$qjXMvbEw8oaL.CzflDtaK/", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK"},
		"LDAPForms": {"{SSHA}", "{SSHA", "{SHA}aGFzaA==", "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
			"{NTLM}8846F7EAEE8FB117AD06BDD830B7586C"},
		"Wrapped": {"$argon2id-over$v=19$m=64,t=1,p=1$" + salt + "$" + tag, "$argon2id-over$v=19$m=64,t=1,p=1$" + salt +
			"$" + tag + "$1$saltsalt$21",
			"$argon2id-over$v=19$m=64,t=1,p=1$" + salt + "$" + tag + "$1$saltsalt$022",
			"$argon2id-over$v=19$m=64,t=1,p=1$" + salt + "$" + tag + "$9$saltsalt$22"},
		"Firebase": {"$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw,sk=" + strings.Repeat("A", 86) + "$" + salt + "$" + tag,
			"$fbscrypt$v=1,n=21,r=8,p=1,ss=Bw,sk=" + strings.Repeat("A", 86) + "$" + salt + "$" +
				strings.Repeat("A", 86),
			"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw,sk=AAAA$" + salt + "$AAAA"},
		"Argon2Costs": {argon("m=1048577,t=1,p=1"), argon("m=4294967295,t=1,p=1"), argon("m=64,t=101,p=1"),
			argon("m=64,t=0,p=1"), argon("m=1048576,t=5,p=1"),
			argon("m=64,t=1,p=0"), argon("m=1024,t=1,p=17"), argon("m=7,t=1,p=1"), argon("m=99999999999,t=1,p=1"),
			argon("m=64,t=1,p=256")},
		"Argon2Form": {argon("m=256,t=2"), argon("t=2,m=256,p=1"), argon("m=+256,t=2,p=1"), argon("m=0256,t=2,p=1"),
			argon("m=256,t=2,p=1,x=1"), argon("m=256, t=2,p=1"),
			"$argon2id$v=16$m=256,t=2,p=1$" + salt + "$" + tag, "$argon2id$m=256,t=2,p=1$" + salt + "$" + tag,
			argon("m=256,t=2,p=1") + "$",
			"$argon2id$v=19$m=256,t=2,p=1$$" + tag, "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$",
			"$argon2id$v=19$m=256,t=2,p=1$" + salt + "$c29tZXNhbHQ",
			"$argon2id$v=19$m=256,t=2,p=1$" + salt + "=$" + tag, "$argon2id$v=19$m=256,t=2,p=1$" + salt + "\n$" + tag,
			"$argon2id$v=19$m=256,t=2,p=1$" + strings.Repeat("A", 88) + "$" + tag},
		"BcryptCosts": {"$2b$17" + bcryptTail, "$2b$31" + bcryptTail, "$2b$03" + bcryptTail,
			"$bcrypt-sha256$v=2,t=2b,r=31$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2"},
		"ScryptCosts": {"$scrypt$ln=21,r=8,p=1$" + salt + "$" + tag, "$scrypt$ln=58,r=8,p=1$" + salt + "$" + tag,
			"$scrypt$ln=10,r=1048576,p=1$" + salt + "$" + tag,
			"$scrypt$ln=10,r=8,p=17$" + salt + "$" + tag, "$scrypt$ln=20,r=8,p=5$" + salt + "$" + tag,
			"$scrypt$ln=0,r=8,p=1$" + salt + "$" + tag},
		"PBKDF2Costs": {"$pbkdf2-sha256$10000001" + pbkdf2Tail, "$pbkdf2-sha256$0" + pbkdf2Tail, "$pbkdf2-sha256$-1" +
			pbkdf2Tail,
			"$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdeg$" + strings.Repeat("A", 88)},
		"TooLong": {argon("m=256,t=2,p=1") + strings.Repeat("A", 600)},
	} {
		t.Run(rule, func(t *testing.T) {
			for _, phc := range hashes {
				match, rehash, err := h.Verify(t.Context(), Caller{}, "password", phc)
				if match || rehash || !errors.Is(err, ErrUnusable) {
					t.Errorf("%s: %v, %v, %v", phc, match, rehash, err)
				}
				if err != nil && len(phc) > 30 && strings.Contains(err.Error(), phc[len(phc)-12:]) {
					t.Errorf("the error repeats the hash: %v", err)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.phc)
	}
	for _, v := range importVectors {
		f.Add(v.text)
	}
	f.Fuzz(func(t *testing.T, phc string) {
		given, err := ParseImported(phc)
		if err != nil {
			if !errors.Is(err, ErrUnusable) {
				t.Fatal(err)
			}
			return
		}
		stored := given.PHC()
		again, err := ParseImported(stored)
		if err != nil {
			t.Fatalf("%q is stored as %q: %v", phc, stored, err)
		}
		if again.PHC() != stored || again.Salt() != given.Salt() {
			t.Fatalf("%q is stored as %q and then as %q", phc, stored, again.PHC())
		}
	})
}

package password

import (
	"errors"
	"strings"
	"testing"
)

// importVectors are hashes as other systems write them, and how they are stored: "" when they must be wrapped, "=" when
// they are stored unchanged.
var importVectors = []struct{ name, password, text, stored, salt string }{
	// Computed by libxcrypt, called by OpenSSL and Perl.
	{"SHA256Crypt", "Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "", "saltstring"},
	{"SHA256CryptRounds", "Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZk" +
		"ZRBAwqFMz2.opqey6IcA", "=", "saltstringsaltst"},
	{"SHA512Crypt", "Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiB" +
		"FdcbYEdFCoEOfaS35inz1", "", "saltstring"},
	{"SHA512CryptLongSalt", "password", "$6$abcdefghijklmnop$0aenUFHf897F9u0tURIHOeACWajSuVGa7jgJGyq.DKZm/WXl/IZFvPb" +
		"neFydBjomEOgM.Sh1m0L3KsS1.H5b//",
		"$6$rounds=5000$abcdefghijklmnop$0aenUFHf897F9u0tURIHOeACWajSuVGa7jgJGyq.DKZm/WXl/IZFvPbneFydBjomEO" +
			"gM.Sh1m0L3KsS1.H5b//", "abcdefghijklmnop"},
	{"MD5Crypt", "password", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "", "saltsalt"},
	// The test vector of Firebase's tool.
	{"Firebase", "user1password", "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVM" +
		"XAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==" +
		"$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
		"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0" +
			"QsEmYUSDzZvpjeJ9WmXA" +
			"$42xEC+ixf3L2lw$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ",
		"42xEC+ixf3L2lw"},
	// From test.c of the reference implementation.
	{"Argon2i", "password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "",
		"c29tZXNhbHQ"},
	{"LDAPSHA", "password", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "", ""},
	{"LDAPSSHA", "password", "{SSHA}yrht1iYXEIkejLVu42JWkadd80RzYWx0c2FsdA==", "", "c2FsdHNhbHQ"},
	{"LDAPMD5", "password", "{MD5}X03MO1qnZdYdgyfeuILPmQ==", "", ""},
	{"LDAPCrypt", "U*U", "{CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "",
		"CCCCCCCCCCCCCCCCCCCCC."},
	{"RoundsWithNames", "password", "$pbkdf2-sha512$i=1212,l=64$OB8F.ZZ0vB1hyzLWHRIlQQ$" +
		"OdZLgh792NtUKdxwTfC3hbKdX6CQ9ch0KMYUa5hSyR8mOPAE4bZoPfd8.C2bvInSR90w2DuVd2vZgxOnh.gWgw",
		"", "OB8F.ZZ0vB1hyzLWHRIlQQ"},
	{"FewRounds", "password", "$pbkdf2-sha256$1$0ZrzXitFSGltTQnBWOsdeg$" + pbkdf2OneRound, "",
		"0ZrzXitFSGltTQnBWOsdeg"},
}

// pbkdf2OneRound is Python's hashlib.pbkdf2_hmac('sha256', b'password', salt, 1).
const pbkdf2OneRound = "Bf7MXiRegv3NHDomGq3S7YF8oaUymsNGiN9fCr9OmrU"

func TestImportedHashes(t *testing.T) {
	h := newSmall()
	for _, v := range importVectors {
		t.Run(v.name, func(t *testing.T) {
			given, err := ParseImported(v.text)
			if err != nil {
				t.Fatal(err)
			}
			if given.Salt() != v.salt {
				t.Errorf("salt is %q", given.Salt())
			}
			stored, storable := given.PHC(), !h.MustWrap(given)
			want := v.stored
			if want == "=" {
				want = v.text
			}
			if storable != (want != "") || storable && stored != want {
				t.Errorf("is stored as %q, %v", stored, storable)
			}
			checkVerifies(t, h, v.password, stored)
			// Hashes of all schemes can be wrapped when their salt is already in use.
			wrapped, err := h.Wrap(t.Context(), Caller{}, given)
			if err != nil {
				t.Fatal(err)
			}
			checkVerifies(t, h, v.password, wrapped)
			if strings.Contains(wrapped, stored[strings.LastIndexByte(stored, '$')+1:]) {
				t.Error("the wrapped hash still has the digest")
			}
		})
	}
	t.Run("CurrentSchemeCanBeWrapped", func(t *testing.T) {
		phc, err := h.Hash(t.Context(), Caller{}, "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		given, err := ParseImported(phc)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := h.Wrap(t.Context(), Caller{}, given)
		if err != nil {
			t.Fatal(err)
		}
		checkVerifies(t, h, "correct horse", wrapped)
		again, err := ParseImported(wrapped)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Wrap(t.Context(), Caller{}, again); !errors.Is(err, ErrUnusable) {
			t.Errorf("wrapping twice: %v", err)
		}
	})
}

func checkVerifies(t *testing.T, h *Hasher, password, stored string) {
	t.Helper()
	if match, rehash, err := h.Verify(t.Context(), Caller{}, password, stored); !match || !rehash || err != nil {
		t.Errorf("%s: %v, %v, %v", stored, match, rehash, err)
	}
	if match, _, err := h.Verify(t.Context(), Caller{}, password+"x", stored); match || err != nil {
		t.Errorf("%s: another password: %v, %v", stored, match, err)
	}
}

package password

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"cardinal"
)

// longText is one number of many digits.
var longText = func() string {
	text := ""
	for i := 1; len(text) < 1100; i++ {
		text += strconv.Itoa(i * i * 7919)
	}
	return text
}()

func TestCheck(t *testing.T) {
	for _, row := range []struct {
		rule string
		min  int
		code string
		from []string
	}{
		{"LongEnoughAccepted", 15, "", []string{"giraffes eat tin", "kurz und bündig!", "王小明喜歡吃蘋果和香蕉還有葡萄",
			longText[:1020], "correcthorsebattery2026!", "giraffes eat tin giraffes eat tin", "4821-9034-7712-55",
			"Summer2026!Giraffe", "kxqzvbnwplrtyuo"}},
		{"EightAcceptedWithSecondFactor", 8, "", []string{"gir4ffe!tin", "🐎🔋📎🐎x🔋📎y", "u7Gk2pQx"}},
		{"TooShortRefused", 15, "password_too_short", []string{"", "giraffes eat t", "éééééééééééééé", "password"}},
		{"TooLongRefused", 15, "password_too_long", []string{longText[:1025], strings.Repeat("é", 513)}},
		{"CommonRefused", 8, "password_too_common",
			[]string{"password", "PassWord123", "P@SSW0RD", "iloveyou", "ILOVEYOU", "qwertyuiop", "contraseña",
				"CONTRASEÑA", "pa\u017f\u017fword"}},
		{"CommonOfFifteenRefused", 15, "password_too_common",
			[]string{"123456789012345", "abcdefghijklmno", "correct horse battery staple", "Qwertyuiopasdfghjkl",
				"thisismypassword"}},
		{"RepetitionRefused", 15, "password_too_common",
			[]string{strings.Repeat("a", 15), strings.Repeat("aB", 8), strings.Repeat("123", 5),
				strings.Repeat("é1", 9), "passwordPassword", "iloveyouILOVEYOU", strings.Repeat("🐎🔋", 8),
				"Xyzzyquux!Xyzzyquux!", "giraffesgiraffes1"}},
		{"SequenceRefused", 15, "password_too_common", []string{"aaaaaaaaaaaaaaab", "abcdefghijklmnopq",
			"987654321987654321", "aaabbbcccdddeee", "1234-5678-9012-34"}},
		{"WordYearAndSignRefused", 15, "password_too_common", []string{"Summer2026!Summer", "administrator123",
			"Password12345678", "letmeinletmein1", "Wint3r2025!Wint3r", "2026-Administrator!", "administrator!!!",
			"Unusualword2026", "Adm1nistrator24122026", "P@ssw0rd2026!!!!"}},
		{"WordsOfTheServiceRefused", 15, "password_too_common", []string{"Cardinal-2026-Password", "cardinalcardinal",
			"C@rdinal2026!!!!", "cardinal12345678"}},
		{"WordYearAndSignOfEightRefused", 8, "password_too_common", []string{"Summer26!", "Passw0rd!",
			"monkey123", "Qwerty123!",
			"jordan23", "admin123", "changeme", "zxcvbnm1", "1qaz2wsx", "trustno1", "michelle"}},
		{"PairOfCommonWordsRefused", 15, "password_too_common", []string{"iloveyouprincess", "Princess-Password!"}},
	} {
		t.Run(row.rule, func(t *testing.T) {
			for _, in := range row.from {
				err := Check(in, row.min)
				var refused *cardinal.FieldError
				if row.code == "" {
					if err != nil {
						t.Errorf("%q: %v", in, err)
					}
				} else if !errors.As(err, &refused) || refused.Code != row.code {
					t.Errorf("%q: %v, want %s", in, err, row.code)
				}
				if err != nil && len(in) > 8 && strings.Contains(err.Error(), in) {
					t.Errorf("the error repeats the password: %v", err)
				}
			}
		})
	}
	t.Run("MessageHasLimit", func(t *testing.T) {
		if err := Check("x", 15); err == nil || !strings.Contains(err.Error(), "15 characters") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("ValidReturnsNil", func(t *testing.T) {
		if err := Check("giraffes eat tin", 15); err != nil {
			t.Errorf("a nil *cardinal.FieldError became the error %#v", err)
		}
	})
}

// TestOwnWordsAreRefused: what is known about the user, alone or with a common word, a number and signs.
func TestOwnWordsAreRefused(t *testing.T) {
	own := []string{"root@example.com", "Ana María Giraffe", "zanzibar77"}
	for _, password := range []string{"root@example.com", "ROOT@example.com1", "rootexamplecom!",
		"anamaríagiraffe", "Giraffe-Ana-2026",
		"giraffegiraffe1", "Zanzibar77!2026", "giraffepassword", "example.com.2026",
		"example.com root root", "example.com example.com", "zanzibar77.example.com!!!", "root-example-com-root",
		"4915112349999 4915112349999"} {
		if err := Check(password, 15, own...); err == nil {
			t.Errorf("%q was accepted", password)
		}
		if err := Check("unrelated "+password, 15, own...); err != nil && password == "giraffepassword" {
			t.Errorf("%q with another word: %v", password, err)
		}
	}
	for _, password := range []string{"ana eats giraffes", "root beer and tin", "annual bananas rot"} {
		if err := Check(password, 15, own...); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
	// Without an address of its domain the address of another user is refused, too: its parts are words.
	if err := Check("root@example.com", 15, "x1@example.com"); err == nil {
		t.Error("the address of another user was accepted")
	}
}

package password

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"cardinal"
)

func TestCheck(t *testing.T) {
	for _, row := range []struct {
		rule string
		min  int
		code string
		from []string
	}{
		{"LongEnoughAccepted", 15, "", []string{"giraffes eat tin", "kurz und bündig!", "王小明喜歡吃蘋果和香蕉還有葡萄",
			strings.Repeat("ab3d5", 204), "aaaaaaaaaaaaaaab"}},
		{"EightAcceptedWithSecondFactor", 8, "", []string{"gir4ffe!", "🐎🔋📎🐎x🔋📎y"}},
		{"TooShortRefused", 15, "password_too_short", []string{"", "giraffes eat t", "éééééééééééééé", "password"}},
		{"TooLongRefused", 15, "password_too_long", []string{strings.Repeat("ab3d5", 205), strings.Repeat("é", 513)}},
		{"CommonRefused", 8, "password_too_common",
			[]string{"password", "PassWord123", "P@SSW0RD", "iloveyou", "ILOVEYOU", "qwertyuiop", "contraseña",
				"CONTRASEÑA", "pa\u017f\u017fword"}},
		{"CommonOfFifteenRefused", 15, "password_too_common",
			[]string{"123456789012345", "abcdefghijklmno", "correct horse battery staple", "Qwertyuiopasdfghjkl",
				"thisismypassword"}},
		{"RepetitionRefused", 15, "password_too_common",
			[]string{strings.Repeat("a", 15), strings.Repeat("aB", 8), strings.Repeat("123", 5),
				strings.Repeat("é1", 9), "passwordPassword", "iloveyouILOVEYOU", strings.Repeat("🐎🔋", 8)}},
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

func TestCommonList(t *testing.T) {
	t.Run("HasEnough", func(t *testing.T) {
		if len(common) < 200 {
			t.Errorf("%d passwords", len(common))
		}
	})
	t.Run("NoneShorterThanMinimum", func(t *testing.T) {
		for p := range common {
			if utf8.RuneCountInString(p) < 8 {
				t.Errorf("%s", p)
			}
		}
	})
}

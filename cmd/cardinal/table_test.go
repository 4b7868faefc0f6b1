package main

import (
	"strings"
	"testing"
)

func TestWriteTable(t *testing.T) {
	for _, test := range []struct {
		name string
		rows [][]string
		want string
	}{
		{"Empty", nil, ""},
		{"ASCII", [][]string{{"ID", "NAME"}, {"1", "Ada"}, {"200", "Bob"}}, "ID   NAME\n1    Ada\n200  Bob\n"},
		{"EmptyCells", [][]string{{"A", "B", "C"}, {"", "b", ""}, {"a", "", "c"}, {"", "", ""}},
			"A  B  C\n   b\na     c\n\n"},
		{"EastAsian", [][]string{{"NAME", "X"}, {"山田太郎", "1"}, {"김철수", "2"}, {"Ada", "3"}},
			"NAME      X\n山田太郎  1\n김철수    2\nAda       3\n"},
		{"CombiningMark", [][]string{{"Zoe\u0308", "1"}, {"Zoey", "2"}}, "Zoe\u0308   1\nZoey  2\n"},
		{"Emoji", [][]string{{"👩‍🚀", "1"}, {"ab", "2"}}, "👩‍🚀  1\nab  2\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			if err := writeTable(&b, test.rows); err != nil {
				t.Fatal(err)
			}
			if b.String() != test.want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), test.want)
			}
		})
	}
}

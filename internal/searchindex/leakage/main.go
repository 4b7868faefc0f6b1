// Command leakage measures what the search tokens of a database leak to an attacker who has a dump without keys and
// public tables of how frequent names and mail providers are. It prints the share of users whose given name and whose
// provider the attacker finds, for several forms of tokens. docs/security/search-leakage.md explains the figures.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"cardinal/internal/searchindex"
)

// variant is a form of tokens that is measured.
type variant struct {
	name    string
	form    searchindex.Form
	domains bool
	padding bool // tokens of decoys raise each frequent token to the next power of two
}

func variants() []variant {
	bucketed := func(lengths []int, prefix, pair uint32) searchindex.Form {
		dense := []int{1, 2, 3, 4, 6}[:len(lengths)]
		return searchindex.Form{Lengths: lengths, DenseLengths: dense, PrefixBuckets: prefix, PairBuckets: pair}
	}
	exact := func(lengths ...int) searchindex.Form { return bucketed(lengths, 0, 0) }
	return []variant{
		{"lengths 2, 3, 4, 6, 8, pairs, domains (before)", searchindex.Exact, true, false},
		{"the same without domains", searchindex.Exact, false, false},
		{"the same, padded", searchindex.Exact, false, true},
		{"length 2, pairs", exact(2), false, false},
		{"length 2, pairs, padded", exact(2), false, true},
		{"lengths 2 and 4 in 256 buckets, pairs in 4096", bucketed([]int{2, 4}, 256, 4096), false, false},
		{"length 2 in 1024 buckets, pairs in 16384", bucketed([]int{2}, 1024, 16384), false, false},
		{"length 2 in 256 buckets, pairs in 4096", bucketed([]int{2}, 256, 4096), false, false},
		{"length 2 in 128 buckets, pairs in 1024", bucketed([]int{2}, 128, 1024), false, false},
		{"length 2 in 64 buckets, pairs in 1024 (now)", searchindex.Bucketed, false, false},
		{"length 2 in 256 buckets, pairs in 4096, padded", bucketed([]int{2}, 256, 4096), false, true},
	}
}

func main() {
	people := flag.Int("people", 20_000, "number of users in the dump")
	only := flag.String("only", "", "measure the forms whose name contains this text")
	flag.Parse()
	target, public := newPopulation(1, *people), newPopulation(2, *people)
	out := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	defer out.Flush()
	byProvider, byGiven := func(u user) string { return u.provider }, func(u user) string { return u.given }
	fmt.Fprintln(out, "form of tokens\tper user\tprovider\tby rank\tby co-occurrence\twith 24 tokens known")
	fmt.Fprintf(out, "no tokens\t0\t%s\t%[2]s\t%[2]s\t%[2]s\n",
		percent(target.mostFrequent(byProvider)), percent(target.mostFrequent(byGiven)))
	for _, v := range variants() {
		if !strings.Contains(v.name, *only) {
			continue
		}
		dump, table := v.dump(target), v.table(public)
		rank := v.attack(dump, table, public, 0, 0)
		together := v.attack(dump, table, public, rounds, 0)
		known := v.attack(dump, table, public, rounds, 24)
		fmt.Fprintf(out, "%s\t%.1f\t%s\t%s\t%s\t%s\n", v.name, dump.perUser(),
			percent(target.found(known.providers, byProvider)), percent(target.found(rank.givens, byGiven)),
			percent(target.found(together.givens, byGiven)), percent(target.found(known.givens, byGiven)))
	}
}

// rounds is how often the attack matches all tokens again.
const rounds = 6

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// keyed returns the hash that the attacker does not have the key of.
func keyed(purpose string, parts ...[]byte) [32]byte {
	mac := hmac.New(sha256.New, []byte("a key that the attacker does not have"))
	mac.Write([]byte(purpose))
	for _, part := range parts {
		mac.Write([]byte{0})
		mac.Write(part)
	}
	return [32]byte(mac.Sum(nil))
}

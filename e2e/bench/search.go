package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"cardinal/internal/seed"
)

// search measures searches for two prefixes of words: prefixes of the names of sample users, and all pairs of the most
// frequent prefixes.
func (b *bench) search(engine string, w *populated) error {
	queries := searchQueries(w.people)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	var took []time.Duration
	found := 0
	for _, q := range queries {
		begin := time.Now()
		page, err := call(client, "GET", w.base+pageOf50+"&q="+url.QueryEscape(q), w.token, nil)
		if err != nil {
			return err
		}
		took = append(took, time.Since(begin))
		found += len(page["data"].([]any))
	}
	b.add(figure{what: "search by two prefixes, p95", engine: engine, unit: "ms",
		value: milliseconds(quantile(took, 0.95)), target: 20,
		limit: fmt.Sprintf("p50 %.1f ms, slowest %.1f ms, %.0f found on average", milliseconds(quantile(took, 0.5)),
			milliseconds(slices.Max(took)), float64(found)/float64(len(took))),
		samples: len(took)})
	return nil
}

// commonPrefixes is the number of the most frequent prefixes that are combined to pairs.
const commonPrefixes = 8

func searchQueries(people int) []string {
	var queries []string
	times := map[string]int{}
	for i := range min(people, 10_000) {
		var words []string
		for word := range strings.FieldsSeq(seed.Person(1, i).DisplayName) {
			if b := prefix(word); b != "" {
				words = append(words, b)
				times[b]++
			}
		}
		if len(words) > 1 && i%50 == 0 {
			queries = append(queries, words[0]+" "+words[1])
		}
	}
	frequent := slices.SortedFunc(maps.Keys(times), func(x, y string) int {
		return cmp.Or(times[y]-times[x], strings.Compare(x, y))
	})
	for i, one := range frequent[:commonPrefixes] {
		for _, other := range frequent[i+1 : commonPrefixes] {
			queries = append(queries, one+" "+other)
		}
	}
	return queries
}

// prefix returns the first two characters of a word, or "" if they are not letters.
func prefix(word string) string {
	runes := []rune(word)
	if len(runes) < 2 || !unicode.IsLetter(runes[0]) || !unicode.IsLetter(runes[1]) {
		return ""
	}
	return string(runes[:2])
}

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

// search measures the beginnings of two words: of people's names as they come, and each of the commonest beginnings with each.
func (b *bench) search(engine string, w *populated) error {
	questions := searchQueries(w.people)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	var took []time.Duration
	found := 0
	for _, q := range questions {
		begin := time.Now()
		page, err := call(client, "GET", w.base+"/v1/users?limit=50&expand=profile&q="+url.QueryEscape(q), w.token, nil)
		if err != nil {
			return err
		}
		took = append(took, time.Since(begin))
		found += len(page["data"].([]any))
	}
	b.add(figure{what: "search by two beginnings of words, p95", engine: engine, unit: "ms", value: milliseconds(quantile(took, 0.95)), target: 20,
		limit:   fmt.Sprintf("p50 %.1f ms, slowest %.1f ms, %.0f found on average", milliseconds(quantile(took, 0.5)), milliseconds(slices.Max(took)), float64(found)/float64(len(took))),
		samples: len(took)})
	return nil
}

// commonPrefixes is how many of the most frequent beginnings are asked for together, each with each.
const commonPrefixes = 8

func searchQueries(people int) []string {
	var questions []string
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
			questions = append(questions, words[0]+" "+words[1])
		}
	}
	often := slices.SortedFunc(maps.Keys(times), func(x, y string) int { return cmp.Or(times[y]-times[x], strings.Compare(x, y)) })
	for i, one := range often[:commonPrefixes] {
		for _, other := range often[i+1 : commonPrefixes] {
			questions = append(questions, one+" "+other)
		}
	}
	return questions
}

// prefix is the first two letters of a word, or nothing where it has not got them.
func prefix(word string) string {
	runes := []rune(word)
	if len(runes) < 2 || !unicode.IsLetter(runes[0]) || !unicode.IsLetter(runes[1]) {
		return ""
	}
	return string(runes[:2])
}

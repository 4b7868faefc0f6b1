package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// dump is what the attacker sees: the tokens of each user, as numbers, most frequent first.
type dump struct {
	users  [][]int
	counts []int
	texts  []string // of a table: what each token stands for; of a dump: the tokens
}

func newDump(tokens [][]string) dump {
	counts := map[string]int{}
	for _, user := range tokens {
		for _, t := range user {
			counts[t]++
		}
	}
	var d dump
	for t := range counts {
		d.texts = append(d.texts, t)
	}
	slices.SortFunc(d.texts, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	number := map[string]int{}
	for i, t := range d.texts {
		number[t] = i
		d.counts = append(d.counts, counts[t])
	}
	for _, user := range tokens {
		row := make([]int, len(user))
		for i, t := range user {
			row[i] = number[t]
		}
		d.users = append(d.users, row)
	}
	return d
}

func (d dump) perUser() float64 {
	n := 0
	for _, c := range d.counts {
		n += c
	}
	return float64(n) / float64(len(d.users))
}

// dump returns the tokens of a population under a key that the attacker does not have.
func (v variant) dump(p population) dump {
	tokens := make([][]string, len(p))
	for i, u := range p {
		for _, t := range v.form.Tokens(keyed, u.words) {
			tokens[i] = append(tokens[i], string(t))
		}
		if v.domains {
			sum := keyed("search domain", []byte(u.provider))
			tokens[i] = append(tokens[i], string(sum[:16]))
		}
	}
	if v.padding {
		pad(tokens)
	}
	return newDump(tokens)
}

// token returns the token of a text of the table.
func (v variant) token(text string) []byte {
	if provider, ok := strings.CutPrefix(text, "domain "); ok {
		sum := keyed("search domain", []byte(provider))
		return sum[:16]
	}
	return v.form.TextToken(keyed, text)
}

// pad adds each token to random users until its number is a power of two.
func pad(tokens [][]string) {
	random := rand.New(rand.NewPCG(3, 3))
	counts := map[string]int{}
	for _, user := range tokens {
		for _, t := range user {
			counts[t]++
		}
	}
	var all []string
	for t := range counts {
		all = append(all, t)
	}
	slices.Sort(all)
	for _, t := range all {
		n := counts[t]
		want := 1
		for want < n {
			want *= 2
		}
		for n < min(want, len(tokens)*3/4) {
			if i := random.IntN(len(tokens)); !slices.Contains(tokens[i], t) {
				tokens[i] = append(tokens[i], t)
				n++
			}
		}
	}
}

// table returns the attacker's table: how frequent prefixes, pairs and providers are, and which occur together. The
// attacker knows the form of the tokens. Which prefixes share a bucket depends on the key.
func (v variant) table(p population) dump {
	tokens := make([][]string, len(p))
	exact := v.form
	exact.PrefixBuckets, exact.PairBuckets = 0, 0
	for i, u := range p {
		tokens[i] = exact.Texts(u.words)
		if v.domains {
			tokens[i] = append(tokens[i], "domain "+u.provider)
		}
	}
	return newDump(tokens)
}

// guesses are what the attacker believes of each user.
type guesses struct{ providers, givens []string }

const maxTokens = 1200 // only so many of the most frequent tokens are matched

// attack matches the tokens of a dump with texts of the public table: first by their rank, then, in some rounds, by how
// often they occur together with those that were matched before. The attacker knows what the most frequent tokens stand
// for, as many as known: of a bucket, its most frequent text.
func (v variant) attack(d, table dump, public population, rounds, known int) guesses {
	n, m := min(len(d.counts), maxTokens), min(len(table.counts), maxTokens)
	match := make([]int, n) // of a token: its text
	for i := range match {
		match[i] = min(i, m-1)
	}
	byToken := map[string]int{}
	for x := range table.texts[:m] {
		token := string(v.token(table.texts[x]))
		if _, ok := byToken[token]; !ok {
			byToken[token] = x
		}
	}
	for i := range min(known, n) {
		if x, ok := byToken[d.texts[i]]; ok {
			match[i] = x
		}
	}
	if rounds > 0 {
		together, expected := d.together(n), table.together(m)
		anchors := 24
		fixed := slices.Clone(match[:min(known, n)])
		for range rounds {
			match = rematch(d, table, v.form.PrefixBuckets > 0, together, expected, match, min(anchors, n, m))
			copy(match, fixed)
			anchors *= 2
		}
	}
	return v.guess(d, table, match, public)
}

// together returns how often two of the most frequent tokens have the same user, as a share of the first one's users.
func (d dump) together(n int) [][]float32 {
	counts := make([][]float32, n)
	for i := range counts {
		counts[i] = make([]float32, n)
	}
	for _, user := range d.users {
		for _, a := range user {
			for _, b := range user {
				if a < n && b < n {
					counts[a][b]++
				}
			}
		}
	}
	for a := range counts {
		for b := range counts[a] {
			counts[a][b] /= float32(d.counts[a])
		}
	}
	return counts
}

// rematch matches each token with the text that occurs as often, alone and together with the anchors.
func rematch(d, table dump, bucketed bool, together, expected [][]float32, match []int, anchors int) []int {
	low, high := 0.4, 2.5
	if bucketed {
		low, high = 0.9, 50
	}
	type candidate struct {
		token, text int
		score       float32
	}
	var all []candidate
	for t := range together {
		best := make([]candidate, 0, 8)
		for x := range expected {
			ratio := float64(d.counts[t]) / float64(len(d.users)) * float64(len(table.users)) / float64(table.counts[x])
			if ratio < low || ratio > high {
				continue
			}
			f := float32(math.Log(ratio))
			score := f * f
			if bucketed {
				score = 0 // of the texts in a bucket, the most frequent one is looked for
			}
			for a := range anchors {
				p, q := together[t][a], expected[x][match[a]]
				if a == t || match[a] == x {
					continue
				}
				diff := p - q
				score += 4 * diff * diff / (p + q + 0.01)
			}
			best = append(best, candidate{t, x, score})
		}
		slices.SortFunc(best, func(a, b candidate) int { return cmp.Compare(a.score, b.score) })
		all = append(all, best[:min(len(best), 12)]...)
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.score, b.score) })
	out, used := make([]int, len(match)), map[int]bool{}
	for i := range out {
		out[i] = -1
	}
	for _, c := range all {
		if out[c.token] < 0 && !used[c.text] {
			out[c.token], used[c.text] = c.text, true
		}
	}
	for i := range out {
		if out[i] < 0 {
			out[i] = match[i]
		}
	}
	return out
}

// guess returns the most probable given name and provider of each user, given the texts that the user's tokens were
// matched with.
func (v variant) guess(d, table dump, match []int, public population) guesses {
	// How often each given name occurs with each text.
	type name struct {
		count int
		texts map[int]int
	}
	names := map[string]*name{}
	providers := map[string]int{}
	for i, u := range public {
		providers[u.provider]++
		if names[u.given] == nil {
			names[u.given] = &name{texts: map[int]int{}}
		}
		names[u.given].count++
		for _, t := range table.users[i] {
			names[u.given].texts[t]++
		}
	}
	byText := map[int][]string{}
	for given, n := range names {
		for t, c := range n.texts {
			if 4*c > n.count {
				byText[t] = append(byText[t], given)
			}
		}
	}
	common := func(counts map[string]int) string {
		best := ""
		for v, c := range counts {
			if c > counts[best] || c == counts[best] && v < best {
				best = v
			}
		}
		return best
	}
	counts := map[string]int{}
	for given, n := range names {
		counts[given] = n.count
	}
	commonName, commonProvider := common(counts), common(providers)
	var g guesses
	for _, user := range d.users {
		provider, given, best := commonProvider, commonName, math.Inf(-1)
		texts := map[int]bool{}
		for _, t := range user {
			if t < len(match) {
				texts[match[t]] = true
				if text := table.texts[match[t]]; strings.HasPrefix(text, "domain ") {
					provider = strings.TrimPrefix(text, "domain ")
				}
			}
		}
		for t := range texts {
			for _, candidate := range byText[t] {
				n := names[candidate]
				score := math.Log(float64(n.count))
				for x := range texts {
					p := (float64(n.texts[x]) + 0.01) / (float64(n.count) + 1)
					q := float64(table.counts[x]) / float64(len(table.users))
					score += math.Log(p / q)
				}
				if score > best || score == best && candidate < given {
					best, given = score, candidate
				}
			}
		}
		g.providers, g.givens = append(g.providers, provider), append(g.givens, given)
	}
	return g
}

package main

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"cardinal/internal/normal"
	"cardinal/internal/seed"
)

// user is what is known of a user: what the tokens are computed of, and what the attacker looks for.
type user struct {
	words           []string
	given, provider string
}

type population []user

// providers are mail providers with their shares in percent, like those of public statistics. All others share the
// rest.
var providers = []struct {
	name  string
	share float64
}{
	{"gmail", 45}, {"yahoo", 13}, {"outlook", 9}, {"hotmail", 7}, {"icloud", 5}, {"gmx", 3}, {"mailru", 3},
	{"orange", 2}, {"web", 2}, {"aol", 1.5}, {"proton", 1.5},
}

// newPopulation returns users with the names of package seed. There all names of a culture are equally frequent. Real
// names are not, so a user is kept with a probability that falls with the rank of both names (Zipf's law).
func newPopulation(seedNumber uint64, n int) population {
	random := rand.New(rand.NewPCG(seedNumber, 7))
	var all population
	for i := 0; len(all) < n; i++ {
		given, family := seed.Names(seedNumber, i)
		if random.Float64() > weight(given)*weight(family) {
			continue
		}
		in := seed.Person(seedNumber, i)
		u := user{given: given, words: normal.Words(in.DisplayName), provider: provider(random, i)}
		u.words = append(u.words, normal.Words(in.Username)...)
		local, _, _ := strings.Cut(in.Email, "@")
		u.words = append(u.words, normal.Words(local)...)
		all = append(all, u)
	}
	return all
}

// weight returns the relative frequency of a name among the ten of one sex and culture: 1, 1/2, 1/3 and so on.
func weight(name string) float64 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return 1 / float64(1+h.Sum32()%10)
}

func provider(random *rand.Rand, i int) string {
	at := random.Float64() * 100
	for _, p := range providers {
		if at -= p.share; at < 0 {
			return p.name
		}
	}
	return "company" + string(rune('a'+i%26)) + string(rune('a'+i/26%26))
}

// mostFrequent returns the share of the most frequent value.
func (p population) mostFrequent(value func(user) string) float64 {
	counts, most := map[string]int{}, 0
	for _, u := range p {
		counts[value(u)]++
		most = max(most, counts[value(u)])
	}
	return float64(most) / float64(len(p))
}

// found returns the share of users whose value was guessed.
func (p population) found(guesses []string, value func(user) string) float64 {
	n := 0
	for i, u := range p {
		if guesses[i] == value(u) {
			n++
		}
	}
	return float64(n) / float64(len(p))
}

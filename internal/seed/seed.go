// Package seed makes up people: names of 29 ways to be called in 16 scripts, with addresses, numbers and places to match, the
// same for the same seed. None of them can be somebody: addresses are under the domains that RFC 2606 reserves, and telephone
// numbers begin with +999, a country code that the ITU reserves and has assigned to nobody (List of ITU-T Recommendation E.164
// assigned country codes).
package seed

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"cardinal"
)

// People makes up n people, each with its index. Starting over at an index needs Person alone.
func People(n int, seed uint64) iter.Seq2[int, cardinal.NewUser] {
	return func(yield func(int, cardinal.NewUser) bool) {
		for i := range n {
			if !yield(i, Person(seed, i)) {
				return
			}
		}
	}
}

// Person makes up the person of an index, at least 0. Within one seed no two have the same address or user name, and none of
// the first 10⁹ the same number, in any spelling. Nobody has a password.
func Person(seed uint64, i int) cardinal.NewUser {
	// Consecutive indices give states that are nothing alike; the rest is PCG's.
	p := person{rand.New(rand.NewPCG(seed, scatter(uint64(i)))), parsed(), i}
	return p.invent(seed)
}

// scatter is the finaliser of splitmix64.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// person is somebody about to be made up.
type person struct {
	*rand.Rand
	cultures []people
	index    int
}

func (p person) invent(seed uint64) cardinal.NewUser {
	c := one(p, p.cultures)
	sex := p.IntN(2)
	given, family := one(p, c.given[sex]), one(p, c.family[sex])
	where := one(p, c.places)
	u := cardinal.NewUser{
		DisplayName: p.displayName(c, sex, given, family), Email: p.email(c, given, family), EmailVerified: p.IntN(10) > 0,
		Country: where.country, Locale: where.locale, TimeZone: where.zone, Preferences: p.preferences(),
	}
	if p.IntN(2) == 0 {
		u.Username = p.username(c, given, family)
	}
	if p.IntN(5) < 2 {
		u.Phone, u.PhoneVerified = p.phone(c, where, seed), p.IntN(3) > 0
	}
	return u
}

func one[T any](p person, from []T) T { return from[p.IntN(len(from))] }

func (p person) displayName(c people, sex int, given, family name) string {
	first, last := given.written, family.written
	var full string
	switch c.order {
	case givenFamily:
		if second := one(p, c.given[sex]); c.seconds && second != given && p.IntN(6) == 0 {
			first += " " + second.written
		}
		full = first + " " + last
	case givenFamilyFamily:
		full = first + " " + last + " " + one(p, c.family[sex]).written
	case familyGiven:
		full = last + " " + first
	case familyMiddleGiven:
		full = last + " " + one(p, c.middle[sex]).written + " " + first
	case joined:
		full = last + first
	case spaced:
		space := " "
		if p.IntN(4) == 0 {
			space = "\u3000"
		}
		full = last + space + first
	case initialGiven:
		full = last + ". " + first
	}
	if p.IntN(4) == 0 { // as some keyboards and file systems have it
		full = norm.NFD.String(full)
	}
	return full
}

// email ends its local part with the index, after something that is no digit: that makes it unique.
func (p person) email(c people, given, family name) string {
	first, last, n := given.latin, family.latin, strconv.Itoa(p.index)
	if c.handles && p.IntN(5) == 0 {
		return given.handle() + n + "@" + p.domain(c, true)
	}
	var local string
	switch p.IntN(6) {
	case 0:
		local = first + "." + last + n
	case 1:
		local = first[:1] + last + n
	case 2:
		local = last + "." + first + n
	case 3:
		local = first + "_" + last + n
	case 4:
		local = first + "." + last + "+" + n
	case 5:
		local = first + "-" + n
	}
	address := local + "@" + p.domain(c, false)
	switch p.IntN(10) {
	case 0:
		return capitals(address)
	case 1:
		return strings.ToUpper(local) + address[len(local):]
	}
	return address
}

// domain is one under a name that nobody can have (RFC 2606), more often than not an internationalised one when asked for that.
func (p person) domain(c people, international bool) string {
	if n := p.IntN(10); international && n < 7 || n == 0 {
		return c.domain
	} else if n == 1 {
		return one(p, []string{bucher, "xn--bcher-kva.example", "Bücher.example"})
	}
	return "example." + one(p, []string{"com", "org", "net"})
}

// capitals is an address as people write it who like capitals.
func capitals(address string) string {
	upper := true
	return strings.Map(func(r rune) rune {
		up := upper
		upper = strings.ContainsRune(".@-_+", r)
		if up && 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, address)
}

// username is unique for the same reason as the address.
func (p person) username(c people, given, family name) string {
	n := strconv.Itoa(p.index)
	if c.handles && p.IntN(3) == 0 {
		return given.handle() + n
	}
	switch p.IntN(4) {
	case 0:
		return given.latin + family.latin + n
	case 1:
		return capitals(given.latin) + "_" + n
	case 2:
		return family.latin + "." + given.latin[:1] + n
	}
	return given.latin + "." + family.latin + n
}

// phone is +999, the calling code of the place, and nine digits that are the index, shuffled. It is written in one
// of the ways people do.
func (p person) phone(c people, where place, seed uint64) string {
	const all = 1_000_000_000
	// 3¹⁸ has no factor in common with 10⁹, so every index has digits of its own.
	n := fmt.Sprintf("%09d", (uint64(p.index)%all*387_420_489+scatter(seed)%all)%all)
	var number string
	switch p.IntN(6) {
	case 0:
		number = "+999" + where.calling + n
	case 1:
		number = "00999 " + where.calling + " " + n
	case 2:
		number = "+999-" + where.calling + "-" + n[:3] + "-" + n[3:6] + "-" + n[6:]
	case 3:
		number = "+999 (" + where.calling + ") " + n[:4] + "." + n[4:]
	default:
		number = "+999 " + where.calling + " " + n[:3] + " " + n[3:6] + " " + n[6:]
	}
	if c.digits != 0 && p.IntN(3) == 0 {
		number = strings.Map(func(r rune) rune {
			if '0' <= r && r <= '9' {
				return r - '0' + c.digits
			}
			return r
		}, number)
	}
	return number
}

func (p person) preferences() map[string]any {
	return map[string]any{
		"theme":         one(p, []string{"light", "dark", "system"}),
		"notifications": map[string]any{"email": p.IntN(4) > 0, "push": p.IntN(2) == 0, "sms": p.IntN(8) == 0},
	}
}

// Package seed generates fictitious users: names of 29 cultures in 16 scripts with matching email addresses, phone
// numbers and places. The same seed gives the same users. No address or number belongs to a real person: addresses are
// under the domains that RFC 2606 reserves, and phone numbers begin with +999, a country code that the ITU has
// reserved and not assigned (List of ITU-T Recommendation E.164 assigned country codes).
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

// People generates n users with their indices. To start at another index, call Person.
func People(n int, seed uint64) iter.Seq2[int, cardinal.NewUser] {
	return func(yield func(int, cardinal.NewUser) bool) {
		for i := range n {
			if !yield(i, Person(seed, i)) {
				return
			}
		}
	}
}

// Person generates the user with an index of at least 0. Within one seed all email addresses and user names are
// different, and so are the phone numbers of the first 10⁹ users, also after normalization. No user has a password.
func Person(seed uint64, i int) cardinal.NewUser {
	// mix64 gives consecutive indices unrelated states of the generator (PCG).
	// #nosec G115 G404 -- example data is repeatable
	p := person{rand.New(rand.NewPCG(seed, mix64(uint64(i)))), parsedCultures(), i}
	return p.user(seed)
}

// mix64 is the finalizer of splitmix64.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// person generates the user of one index.
type person struct {
	*rand.Rand
	cultures []parsedCulture
	index    int
}

func (p person) user(seed uint64) cardinal.NewUser {
	c := pick(p, p.cultures)
	sex := p.IntN(2)
	given, family := pick(p, c.given[sex]), pick(p, c.family[sex])
	home := pick(p, c.places)
	u := cardinal.NewUser{
		DisplayName: p.displayName(c, sex, given, family),
		Email:       p.email(c, given, family), EmailVerified: p.IntN(10) > 0,
		Country: home.country, Locale: home.locale, TimeZone: home.zone, Preferences: p.preferences(),
	}
	if p.IntN(2) == 0 {
		u.Username = p.username(c, given, family)
	}
	if p.IntN(5) < 2 {
		u.Phone, u.PhoneVerified = p.phone(c, home, seed), p.IntN(3) > 0
	}
	return u
}

// pick returns a random element.
func pick[T any](p person, list []T) T { return list[p.IntN(len(list))] }

func (p person) displayName(c parsedCulture, sex int, given, family name) string {
	first, last := given.text, family.text
	var full string
	switch c.order {
	case givenFamily:
		if second := pick(p, c.given[sex]); c.secondNames && second != given && p.IntN(6) == 0 {
			first += " " + second.text
		}
		full = first + " " + last
	case givenFamilyFamily:
		full = first + " " + last + " " + pick(p, c.family[sex]).text
	case familyGiven:
		full = last + " " + first
	case familyMiddleGiven:
		full = last + " " + pick(p, c.middle[sex]).text + " " + first
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
	if p.IntN(4) == 0 { // some keyboards and file systems produce decomposed text
		full = norm.NFD.String(full)
	}
	return full
}

// email returns an address that is unique: its local part ends with the index, after a character that is not a digit.
func (p person) email(c parsedCulture, given, family name) string {
	first, last, n := given.latin, family.latin, strconv.Itoa(p.index)
	if c.nativeHandles && p.IntN(5) == 0 {
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
		return capitalize(address)
	case 1:
		return strings.ToUpper(local) + address[len(local):]
	}
	return address
}

// domain returns a domain under a reserved name (RFC 2606). With international, most of them are internationalized.
func (p person) domain(c parsedCulture, international bool) string {
	if n := p.IntN(10); international && n < 7 || n == 0 {
		return c.domain
	} else if n == 1 {
		return pick(p, []string{sharedDomain, "xn--bcher-kva.example", "Bücher.example"})
	}
	return "example." + pick(p, []string{"com", "org", "net"})
}

// capitalize writes the first letter of each part of an address as a capital, as some people do.
func capitalize(address string) string {
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

// username returns a user name that is unique for the same reason as the address.
func (p person) username(c parsedCulture, given, family name) string {
	n := strconv.Itoa(p.index)
	if c.nativeHandles && p.IntN(3) == 0 {
		return given.handle() + n
	}
	switch p.IntN(4) {
	case 0:
		return given.latin + family.latin + n
	case 1:
		return capitalize(given.latin) + "_" + n
	case 2:
		return family.latin + "." + given.latin[:1] + n
	}
	return given.latin + "." + family.latin + n
}

// phone returns +999, the calling code of the place and nine digits that encode the index, in one of several usual
// formats.
func (p person) phone(c parsedCulture, home place, seed uint64) string {
	const all = 1_000_000_000
	// 3¹⁸ and 10⁹ are coprime, so each index gives different digits.
	// #nosec G115 -- an index is positive
	n := fmt.Sprintf("%09d", (uint64(p.index)%all*387_420_489+mix64(seed)%all)%all)
	var number string
	switch p.IntN(6) {
	case 0:
		number = "+999" + home.calling + n
	case 1:
		number = "00999 " + home.calling + " " + n
	case 2:
		number = "+999-" + home.calling + "-" + n[:3] + "-" + n[3:6] + "-" + n[6:]
	case 3:
		number = "+999 (" + home.calling + ") " + n[:4] + "." + n[4:]
	default:
		number = "+999 " + home.calling + " " + n[:3] + " " + n[3:6] + " " + n[6:]
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
		"theme":         pick(p, []string{"light", "dark", "system"}),
		"notifications": map[string]any{"email": p.IntN(4) > 0, "push": p.IntN(2) == 0, "sms": p.IntN(8) == 0},
	}
}

// Names returns the given and the family name of the user with an index, in Latin letters.
func Names(seed uint64, i int) (given, family string) {
	// #nosec G115 G404 -- example data is repeatable
	p := person{rand.New(rand.NewPCG(seed, mix64(uint64(i)))), parsedCultures(), i}
	c := pick(p, p.cultures)
	sex := p.IntN(2)
	return pick(p, c.given[sex]).latin, pick(p, c.family[sex]).latin
}

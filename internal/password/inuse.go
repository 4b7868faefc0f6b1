package password

import (
	"regexp"
	"strings"
	"time"
)

// SchemeInUse is a scheme that hashes in the database have, with the costliest setting of it.
type SchemeInUse struct {
	Name string
	// Sample is a hash of that setting of no user: its salt, its keys and its digest are zero.
	Sample string
	Cost   time.Duration // of a verification, by the table of costs: to compare settings
}

// AddInUse adds the scheme of a stored hash to schemes by their names, each with its costliest setting. A hash that
// cannot be verified is left out.
func AddInUse(schemes map[string]SchemeInUse, phc string) {
	s, err := InUse(phc)
	if known, ok := schemes[s.Name]; err == nil && (!ok || s.Cost > known.Cost) {
		schemes[s.Name] = s
	}
}

// InUse returns the scheme and the setting of a stored hash, without anything that is a secret.
func InUse(phc string) (SchemeInUse, error) {
	stored, err := parse(phc)
	if err != nil {
		return SchemeInUse{}, err
	}
	return inUse(stored), nil
}

func inUse(stored storedHash) SchemeInUse {
	out := SchemeInUse{Cost: stored.cost().time}
	switch h := stored.(type) {
	case argon2idHash:
		out.Name, out.Sample = schemeArgon2id, h.sample().String()
	case wrappedHash:
		out.Name = schemeWrapped + " " + h.inner.name()
		out.Sample = wrappedHash{h.outer.sample(), h.inner.sample(), h.length}.String()
	case legacyHash:
		out.Name = h.name()
		digest := make([]byte, len(h.digest))
		if h.encoding.isText {
			digest = []byte(strings.Repeat(".", len(digest)))
		}
		out.Sample = legacyHash{h.setting.sample(), digest}.String()
	}
	return out
}

// name returns the name of the scheme in the text of a hash.
func (s setting) name() string { return strings.Split(s.text, "$")[1] }

var firebaseKeys = regexp.MustCompile(`ss=[^,]*,sk=([^$]*)`)

// sample returns the setting with another salt and, for Firebase, without the keys of the project.
func (s setting) sample() setting {
	text := strings.TrimSuffix(s.text, s.salt)
	if keys := firebaseKeys.FindStringSubmatch(text); keys != nil {
		text = strings.Replace(text, keys[0], "ss=,sk="+strings.Repeat("A", len(keys[1])), 1)
	}
	switch s.name() {
	case "2a", "2b", "2y", "bcrypt-sha256":
		s.salt = strings.Repeat(".", bcryptSalt)
	case "1":
		s.salt = "AAAAAAAA"
	default:
		s.salt = "AAAAAAAAAAA"
	}
	s.text = text + s.salt
	return s
}

func (a argon2idHash) sample() argon2idHash {
	return argon2idHash{a.params, make([]byte, saltBytes), make([]byte, tagBytes)}
}

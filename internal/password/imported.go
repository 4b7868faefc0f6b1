package password

import "encoding/base64"

// ImportedHash is a parsed, usable hash that another system created.
type ImportedHash struct{ hash storedHash }

// ParseImported parses a hash in PHC, crypt(3) or LDAP form ({SSHA}…), or one of a Hasher. It returns ErrUnusable for
// other texts and for unreasonable costs.
func ParseImported(text string) (ImportedHash, error) {
	phc, err := convertLDAP(text)
	if err != nil {
		return ImportedHash{}, err
	}
	hash, err := parse(phc)
	return ImportedHash{hash}, err
}

// PHC returns the one text form in which a hash is stored. It returns false when the scheme, the costs or the salt are
// weak: such a hash must be wrapped.
func (g ImportedHash) PHC() (string, bool) {
	if l, ok := g.hash.(legacyHash); ok {
		return l.String(), !l.weak
	}
	return g.hash.(interface{ String() string }).String(), true
}

// Salt returns the salt as the stored form spells it. Of two hashes with the same salt only one can be stored; the
// other must be wrapped.
func (g ImportedHash) Salt() string {
	switch h := g.hash.(type) {
	case argon2idHash:
		return base64.RawStdEncoding.EncodeToString(h.salt)
	case wrappedHash:
		return base64.RawStdEncoding.EncodeToString(h.outer.salt)
	case legacyHash:
		return h.salt
	}
	return ""
}

// Scheme returns the name of the scheme for display.
func (g ImportedHash) Scheme() string {
	switch h := g.hash.(type) {
	case wrappedHash:
		return h.inner.scheme + " in Argon2id"
	case legacyHash:
		return h.scheme
	}
	return "Argon2id"
}

package password

import "encoding/base64"

// ImportedHash is a parsed, usable hash that another system created.
type ImportedHash struct{ hash storedHash }

// ParseImported parses a hash in PHC, crypt(3) or LDAP form ({SSHA}…), or one of a Hasher. It returns ErrUnusable for
// other texts, and ErrTooExpensive for a hash that takes too much memory or time.
func ParseImported(text string) (ImportedHash, error) {
	phc, err := convertLDAP(text)
	if err != nil {
		return ImportedHash{}, err
	}
	hash, err := parse(phc)
	if err != nil {
		return ImportedHash{}, err
	}
	return ImportedHash{hash}, hash.cost().check()
}

// ParseStored parses a hash of the database. It returns ErrUnusable for one that cannot be verified.
func ParseStored(phc string) (ImportedHash, error) {
	hash, err := parse(phc)
	return ImportedHash{hash}, err
}

// PHC returns the one text form in which a hash is stored.
func (g ImportedHash) PHC() string { return g.hash.String() }

// MustWrap reports whether a hash must be wrapped, because its scheme, its costs or its salt are weak. A hash with the
// parameters of the Hasher need not.
func (h *Hasher) MustWrap(g ImportedHash) bool {
	current, ok := g.hash.(argon2idHash)
	return g.hash.isWeak() && (!ok || current.weakerThan(h.params))
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

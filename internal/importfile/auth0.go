package importfile

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
	"time"

	"cardinal"
)

func convertAuth0(row *Row, _ Options) {
	var u struct {
		Email         string          `json:"email"`
		EmailVerified bool            `json:"email_verified"`
		Phone         string          `json:"phone_number"`
		PhoneVerified bool            `json:"phone_verified"`
		Username      string          `json:"username"`
		Name          string          `json:"name"`
		Given         string          `json:"given_name"`
		Family        string          `json:"family_name"`
		Picture       string          `json:"picture"`
		Blocked       bool            `json:"blocked"`
		CreatedAt     json.RawMessage `json:"created_at"`
		PasswordHash  string          `json:"passwordHash"`
		Lower         string          `json:"password_hash"`
		Custom        *auth0Hash      `json:"custom_password_hash"`
	}
	if !row.decode(&u) {
		return
	}
	p := &row.Person
	*p = cardinal.ImportRow{
		Email: u.Email, EmailVerified: u.EmailVerified, Phone: u.Phone, PhoneVerified: u.PhoneVerified,
		Username: u.Username, DisplayName: firstNonEmpty(u.Name, u.Given+" "+u.Family), AvatarURL: httpsOnly(u.Picture),
		CreatedAt: auth0Time(u.CreatedAt), PasswordHash: firstNonEmpty(u.PasswordHash, u.Lower),
	}
	if p.DisplayName == u.Email {
		p.DisplayName = "" // Auth0 writes the email address where there is no name
	}
	if u.Blocked {
		p.Status = suspended
	}
	if u.Custom != nil {
		var ok bool
		if p.PasswordHash, ok = u.Custom.phc(); !ok {
			row.Errors.Add("/custom_password_hash", "hash_unusable", "the scheme is unknown")
		}
	}
}

// auth0Time parses a time that is a string, or MongoDB's extended JSON, which the exports of Auth0's support have.
func auth0Time(raw json.RawMessage) *time.Time {
	var extended struct {
		Date text `json:"$date"`
	}
	var plain text
	if json.Unmarshal(raw, &extended) == nil && extended.Date != "" {
		return extended.Date.time()
	}
	if json.Unmarshal(raw, &plain) != nil {
		return nil
	}
	return plain.time()
}

// auth0Hash is a custom_password_hash of Auth0's import format.
type auth0Hash struct {
	Algorithm string     `json:"algorithm"`
	Hash      auth0Value `json:"hash"`
	Salt      *struct {
		auth0Value
		Position string `json:"position"`
	} `json:"salt"`
	Cost        int `json:"cost"`
	BlockSize   int `json:"blockSize"`
	Parallelism int `json:"parallelization"`
}

type auth0Value struct {
	Value    string `json:"value"`
	Encoding string `json:"encoding"`
}

func (v auth0Value) bytes() ([]byte, bool) {
	var b []byte
	var err error
	switch v.Encoding {
	case "hex":
		b, err = hex.DecodeString(v.Value)
	case "base64":
		b, err = base64.RawStdEncoding.DecodeString(unpaddedBase64(v.Value))
	default:
		b = []byte(v.Value)
	}
	return b, err == nil
}

// phc returns the hash in PHC or crypt form, and false when it has neither.
func (h *auth0Hash) phc() (string, bool) {
	switch h.Algorithm {
	case "bcrypt", "argon2", "pbkdf2", "ldap":
		return h.Hash.Value, true
	}
	digest, ok := h.Hash.bytes()
	var salt []byte
	position := "suffix"
	if h.Salt != nil {
		var saltOK bool
		salt, saltOK = h.Salt.bytes()
		ok = ok && saltOK
		if h.Salt.Position == "prefix" {
			position = "prefix"
		}
	}
	encode := base64.RawStdEncoding.EncodeToString
	switch h.Algorithm {
	case "md5", "sha1", "sha256", "sha512":
		return "$salted-" + h.Algorithm + "$" + position + "$" + encode(salt) + "$" + encode(digest), ok
	case "scrypt":
		if h.Cost < 2 || bits.OnesCount(uint(h.Cost)) != 1 {
			return "", false
		}
		return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", bits.TrailingZeros(uint(h.Cost)), h.BlockSize,
			h.Parallelism,
			encode(salt), encode(digest)), ok
	}
	return "", false
}

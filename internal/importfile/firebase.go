package importfile

import (
	"fmt"
	"regexp"

	"cardinal"
)

func convertFirebase(row *Row, o Options) {
	var u struct {
		Email         string `json:"email"`
		EmailVerified bool   `json:"emailVerified"`
		Hash          string `json:"passwordHash"`
		Salt          string `json:"salt"`
		Name          string `json:"displayName"`
		Photo         string `json:"photoUrl"`
		Phone         string `json:"phoneNumber"`
		Created       text   `json:"createdAt"`
		Disabled      bool   `json:"disabled"`
	}
	if !row.decode(&u) {
		return
	}
	p := &row.Person
	*p = cardinal.ImportRow{
		// Firebase stores only phone numbers that were verified by a message.
		Email: u.Email, EmailVerified: u.EmailVerified, Phone: u.Phone, PhoneVerified: u.Phone != "",
		DisplayName: u.Name, AvatarURL: httpsOnly(u.Photo), CreatedAt: u.Created.time(),
	}
	if u.Disabled {
		p.Status = suspended
	}
	switch {
	case u.Hash == "":
	case o.Firebase == FirebaseHash{}:
		row.Errors.Add("/passwordHash", "hash_unusable",
			"the hash parameters of the project are required, give them with --hash-config")
	default:
		p.PasswordHash = o.Firebase.phc(u.Salt, u.Hash)
	}
}

// FirebaseHash has the parameters of the password hashes of a Firebase project.
type FirebaseHash struct{ SignerKey, SaltSeparator, Rounds, MemoryCost string }

var firebaseParameter = regexp.MustCompile(
	`"?(base64_signer_key|base64_salt_separator|rounds|mem_cost)"?\s*:\s*"?([A-Za-z0-9+/=_-]+)`)

// ReadFirebaseHash parses the hash configuration in the form of the Firebase console.
func ReadFirebaseHash(configuration string) (FirebaseHash, error) {
	var h FirebaseHash
	for _, m := range firebaseParameter.FindAllStringSubmatch(configuration, -1) {
		switch name, value := m[1], m[2]; name {
		case "base64_signer_key":
			h.SignerKey = value
		case "base64_salt_separator":
			h.SaltSeparator = value
		case "rounds":
			h.Rounds = value
		case "mem_cost":
			h.MemoryCost = value
		}
	}
	if h.SignerKey == "" || h.Rounds == "" || h.MemoryCost == "" {
		return h, fmt.Errorf("%w: the hash configuration must have base64_signer_key, "+
			"base64_salt_separator, rounds and "+
			"mem_cost", ErrFile)
	}
	return h, nil
}

// phc returns a hash in the form of package password.
func (h FirebaseHash) phc(salt, hash string) string {
	return fmt.Sprintf("$fbscrypt$v=1,n=%s,r=%s,p=1,ss=%s,sk=%s$%s$%s", h.MemoryCost, h.Rounds,
		unpaddedBase64(h.SaltSeparator), unpaddedBase64(h.SignerKey), unpaddedBase64(salt), unpaddedBase64(hash))
}

package importfile

import (
	"fmt"
	"strings"

	"cardinal"
)

func convertKratos(row *Row, _ Options) {
	var u struct {
		State     string         `json:"state"`
		Created   text           `json:"created_at"`
		Traits    map[string]any `json:"traits"`
		Addresses []struct {
			Value    string `json:"value"`
			Via      string `json:"via"`
			Verified bool   `json:"verified"`
			At       text   `json:"verified_at"`
		} `json:"verifiable_addresses"`
		Credentials map[string]struct {
			Config struct {
				Hash string `json:"hashed_password"`
			} `json:"config"`
		} `json:"credentials"`
	}
	if !row.decode(&u) {
		return
	}
	trait := func(names ...string) string {
		for _, name := range names {
			switch v := u.Traits[name].(type) {
			case string:
				return v
			case map[string]any:
				first, _ := v["first"].(string)
				last, _ := v["last"].(string)
				return strings.TrimSpace(first + " " + last)
			}
		}
		return ""
	}
	p := &row.Person
	*p = cardinal.ImportRow{
		Email: trait("email"), Phone: trait("phone", "phone_number"), Username: trait("username"),
		DisplayName: trait("name", "full_name"), CreatedAt: u.Created.time(),
		AvatarURL: httpsOnly(trait("picture", "avatar")),
	}
	for _, a := range u.Addresses {
		p.EmailVerified = p.EmailVerified || a.Verified && strings.EqualFold(a.Value, p.Email)
		p.PhoneVerified = p.PhoneVerified || a.Verified && a.Value == p.Phone
	}
	if u.State == "inactive" {
		p.Status = suspended
	}
	p.PasswordHash = convertFirescrypt(u.Credentials["password"].Config.Hash)
}

// convertFirescrypt converts Kratos' form of Firebase's scrypt to Cardinal's. It returns other hashes unchanged.
func convertFirescrypt(hash string) string {
	parts := strings.Split(hash, "$")
	if len(parts) != 7 || parts[1] != "firescrypt" {
		return hash
	}
	var memory, rounds, lanes int
	if n, err := fmt.Sscanf(parts[2], "ln=%d,r=%d,p=%d", &memory, &rounds, &lanes); n != 3 || err != nil {
		return hash
	}
	h := FirebaseHash{
		SignerKey: parts[6], SaltSeparator: parts[5], Rounds: fmt.Sprint(rounds), MemoryCost: fmt.Sprint(memory),
	}
	return h.phc(parts[3], parts[4])
}

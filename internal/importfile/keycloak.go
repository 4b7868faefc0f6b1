package importfile

import (
	"encoding/json"
	"fmt"
	"strings"

	"cardinal"
)

func convertKeycloak(row *Row, _ Options) {
	var u struct {
		Username      string               `json:"username"`
		Email         string               `json:"email"`
		EmailVerified bool                 `json:"emailVerified"`
		First         string               `json:"firstName"`
		Last          string               `json:"lastName"`
		Enabled       *bool                `json:"enabled"`
		Created       text                 `json:"createdTimestamp"`
		Attributes    map[string][]string  `json:"attributes"`
		Credentials   []keycloakCredential `json:"credentials"`
		Required      []string             `json:"requiredActions"`
	}
	if !row.decode(&u) {
		return
	}
	p := &row.Person
	*p = cardinal.ImportRow{
		Username: u.Username, Email: u.Email, EmailVerified: u.EmailVerified,
		DisplayName: strings.TrimSpace(u.First + " " + u.Last), CreatedAt: u.Created.time(),
	}
	if strings.EqualFold(u.Username, u.Email) || strings.Contains(u.Username, "@") {
		p.Username, p.Email = "", firstNonEmpty(u.Email, u.Username)
	}
	if u.Enabled != nil && !*u.Enabled {
		p.Status = suspended
	}
	if locale := u.Attributes["locale"]; len(locale) > 0 {
		p.Locale = locale[0]
	}
	for _, c := range u.Credentials {
		if c.Type != "password" {
			continue
		}
		var ok bool
		if p.PasswordHash, ok = c.phc(); !ok {
			row.Errors.Add("/credentials", "hash_unusable", "the scheme is unknown")
		}
		p.PasswordSetAt = c.Created.time()
	}
	for _, action := range u.Required {
		p.MustChangePassword = p.MustChangePassword || action == "UPDATE_PASSWORD" && p.PasswordHash != ""
	}
}

// keycloakCredential is a credential of Keycloak. Secret and Data are strings that contain JSON.
type keycloakCredential struct {
	Type    string `json:"type"`
	Created text   `json:"createdDate"`
	Secret  string `json:"secretData"`
	Data    string `json:"credentialData"`
}

// phc returns the hash in PHC or crypt form, and false when it has neither.
func (c keycloakCredential) phc() (string, bool) {
	var secret struct{ Value, Salt string }
	var data struct {
		Iterations int                 `json:"hashIterations"`
		Algorithm  string              `json:"algorithm"`
		Additional map[string][]string `json:"additionalParameters"`
	}
	if json.Unmarshal([]byte(c.Secret), &secret) != nil || json.Unmarshal([]byte(c.Data), &data) != nil {
		return "", false
	}
	salt, hash := unpaddedBase64(secret.Salt), unpaddedBase64(secret.Value)
	parameter := func(name, defaultValue string) string {
		if v := data.Additional[name]; len(v) > 0 {
			return v[0]
		}
		return defaultValue
	}
	switch data.Algorithm {
	case "pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512":
		return fmt.Sprintf("$%s$%d$%s$%s", data.Algorithm, data.Iterations, salt, hash), true
	case "argon2":
		return fmt.Sprintf("$argon2%s$v=19$m=%s,t=%d,p=%s$%s$%s", parameter("type", "id"), parameter("memory", "7168"),
			data.Iterations, parameter("parallelism", "1"), salt, hash), parameter("version", "1.3") == "1.3"
	case "bcrypt":
		return secret.Value, true
	}
	return "", false
}

package importfile

import "cardinal"

func convertPocketBase(row *Row, _ Options) {
	var u struct {
		Email    string `json:"email"`
		Verified any    `json:"verified"`
		Username string `json:"username"`
		Name     string `json:"name"`
		Hash     string `json:"passwordHash"`
		Password string `json:"password"`
		Created  text   `json:"created"`
	}
	if !row.decode(&u) {
		return
	}
	row.Person = cardinal.ImportRow{
		Email: u.Email, EmailVerified: u.Verified == true || u.Verified == 1.0, Username: u.Username,
		DisplayName: u.Name, PasswordHash: firstNonEmpty(u.Hash, u.Password), CreatedAt: u.Created.time(),
	}
}

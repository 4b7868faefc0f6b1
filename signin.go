package cardinal

// SignIn is what an anonymous caller gives to open a session.
type SignIn struct {
	Identifier string `json:"identifier" maxLength:"1000" doc:"Email address (at most 254 bytes), number or user name"`
	Password   Secret `json:"password" maxLength:"4096" doc:"At most 1024 bytes"`
}

// SignedIn is a new session with its bearer token, which is shown only once.
type SignedIn struct {
	Session            Session
	Token              Secret
	MustChangePassword bool
}

package cardinal

// SignIn is what an anonymous caller gives to open a session.
type SignIn struct {
	Identifier string `json:"identifier" maxLength:"1000" doc:"Email address (at most 254 bytes), number or user name"`
	Password   Secret `json:"password" maxLength:"4096" doc:"At most 1024 bytes"`
	// Device is the device token of an earlier sign-in to the same account, if the device has one.
	Device Secret `json:"device_token,omitempty" maxLength:"67" doc:"Of the last sign-in on this device; exactly 67"`
}

// SignedIn is a new session with its bearer token, which is shown only once.
type SignedIn struct {
	Session            Session
	Token              Secret
	MustChangePassword bool
	PasswordSetByOther bool   // another user set the password: it is temporary
	Device             Secret // device token: the next sign-in sends it back
}

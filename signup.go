package cardinal

// SignUp is what an anonymous caller gives to create an account.
type SignUp struct {
	Email       string `json:"email" maxLength:"1000" doc:"At most 254 bytes"`
	Password    Secret `json:"password" maxLength:"4096" doc:"At most 1024 bytes"`
	DisplayName string `json:"display_name,omitempty" maxLength:"1000" doc:"At most 200 characters"`
	Locale      string `json:"locale,omitempty" maxLength:"100" doc:"BCP 47 tag, at most 35 bytes"`
	TimeZone    string `json:"time_zone,omitempty" maxLength:"100" doc:"IANA name, at most 64 bytes"`
}

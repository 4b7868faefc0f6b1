package cardinal

// Status is a status of users, and what it means.
type Status struct {
	Code        string `json:"code"`
	Description string `json:"description"`
	CanSignIn   bool   `json:"can_sign_in"`
	IsDeleted   bool   `json:"is_deleted"`
	IsErased    bool   `json:"is_erased"`

	AwaitsProof bool `json:"-"` // a proved contact makes it active: who is in it signed up and never came further
}

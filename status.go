package cardinal

// Status is a status of users, and what it means.
type Status struct {
	Code        string `json:"code"`
	Description string `json:"description"`
	CanSignIn   bool   `json:"can_sign_in"`
	IsDeleted   bool   `json:"is_deleted"`
	IsErased    bool   `json:"is_erased"`
}

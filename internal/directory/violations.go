package directory

import (
	"cardinal"
	"cardinal/internal/store/dberror"
)

// constraintCodes are the error codes of the database's rules that a request can break.
var constraintCodes = []struct{ constraint, code string }{
	{"roles_min_holders", "last_user_with_role"},
	{"identifiers_pk", "identifier_taken"},
	{"identifiers_one_username", "username_exists"},
	{"roles_name_uq", "role_name_taken"},
	{"permissions_name_uq", "permission_name_taken"},
	{"attribute_definitions_name_uq", "attribute_name_taken"},
	{"roles_built_in", "built_in"},
	{"permissions_built_in", "built_in"},
	{"users_built_in_fixed", "built_in"},
	{"users_erased_final", "user_erased"},
	{"users_status_transition", "conflict"},
	{"credentials_salt_uq", "temporary_conflict"},
	{"import_work_open_uq", "import_unfinished"},
}

// TranslateViolation returns the refusal of a database rule that was broken: the database enforces the rule, the code
// explains it. Any other error is returned as it is.
func TranslateViolation(err error) error {
	for _, c := range constraintCodes {
		if dberror.Violates(err, c.constraint) {
			return cardinal.Refuse(c.code)
		}
	}
	return err
}

package cardinal

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// Code is one entry of the catalogue of errors. API, command line and pages show it, and each has a page at
// /problems/{code}. Codes are only added.
//
// Explanation and Fix can have placeholders in braces, like {permission}. What raises the error gives their values, in
// the order in which the placeholders first appear.
type Code struct {
	Name        string
	Kind        error  // one of the kinds in error.go; nil for an error of the service itself
	Title       string // what is wrong, in a few words, without a full stop
	Explanation string // why, in a sentence; empty where the title says it all
	Fix         string // what to do, in a sentence
}

// FindCode looks a code up in the catalogue.
func FindCode(name string) (Code, bool) {
	i := sort.Search(len(Codes), func(i int) bool { return Codes[i].Name >= name })
	if i < len(Codes) && Codes[i].Name == name {
		return Codes[i], true
	}
	return Code{}, false
}

// mustFindCode panics for a code that is not in the catalogue: a test reads the source and finds such calls first.
func mustFindCode(name string) Code {
	c, ok := FindCode(name)
	if !ok {
		panic("cardinal: the error code " + name + " is not in the catalogue")
	}
	return c
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Placeholders lists the placeholders of the code's texts, in the order in which their values are given.
func (c Code) Placeholders() []string {
	var names []string
	seen := map[string]bool{}
	for _, name := range placeholder.FindAllString(c.Explanation+c.Fix, -1) {
		if !seen[name] {
			names = append(names, name)
		}
		seen[name] = true
	}
	return names
}

// Expand returns the explanation and the fix with the values of their placeholders.
func (c Code) Expand(values ...any) (explanation, fix string) {
	if len(values) == 0 {
		return c.Explanation, c.Fix
	}
	var pairs []string
	for i, name := range c.Placeholders() {
		if i < len(values) {
			pairs = append(pairs, name, fmt.Sprint(values[i]))
		}
	}
	replace := strings.NewReplacer(pairs...)
	return replace.Replace(c.Explanation), replace.Replace(c.Fix)
}

// Codes is the catalogue, sorted by name. It is the only place where the text of an error stands.
var Codes = []Code{
	{"account_deleted", ErrForbidden, "The account is deleted",
		"A deleted account cannot sign in.", "Ask an administrator to restore it."},
	{"account_erased", ErrForbidden, "The account is erased",
		"The personal data of the account was destroyed.", "Sign up again."},
	{"account_inactive", ErrForbidden, "The account cannot sign in",
		"The status of the account does not allow it to sign in.", "Ask an administrator."},
	{"account_pending", ErrForbidden, "The account is not active yet",
		"No address of the account is verified.", "Verify your address, or ask an administrator to verify it."},
	{"account_suspended", ErrForbidden, "The account is suspended",
		"An administrator suspended the account.", "Ask an administrator to reactivate it."},
	{"attribute_name_format", ErrInvalid, "Not a valid attribute name",
		"", "Use up to 63 lowercase letters, digits and underscores. Start with a letter."},
	{"attribute_name_taken", ErrConflict, "The attribute already exists",
		"Another attribute has that name.", "Choose another name."},
	{"attribute_not_searchable", ErrInvalid, "The attribute is not searchable",
		"Users are found only by attributes that were declared searchable.", "Use one of these: {attributes}."},
	{"attribute_type", ErrInvalid, "The attribute has another type",
		"The value has another type than the one that was declared.", "Give a {type}."},
	{"attribute_unknown", ErrInvalid, "The attribute is not declared",
		"Only declared attributes can be stored.", "Declare the attribute with POST /v1/attributes, or leave it out."},
	{"body_incomplete", ErrInvalid, "The body is incomplete",
		"The body did not arrive in time, or the connection was closed.", "Send the whole body. The limit is {limit}."},
	{"body_malformed", ErrInvalid, "The body cannot be read",
		"The body must be one JSON text in UTF-8, without NUL, lone surrogates or duplicate names.",
		"Correct the body: {problem}."},
	{"body_missing", ErrInvalid, "The body is missing",
		"This operation needs a body.", "Send a JSON body."},
	{"body_too_large", ErrInvalid, "The body is too large",
		"", "Send at most {limit}."},
	{"body_unexpected", ErrInvalid, "The body is not empty",
		"This operation takes no body.", "Send no body."},
	{"built_in", ErrConflict, "Built-in objects cannot be changed",
		"Built-in users, roles and permissions belong to Cardinal.", "Create your own."},
	{"busy", ErrBusy, "The service is busy",
		"The service has reached its limit.", "Try again after the seconds in Retry-After."},
	{"client_address_missing", ErrInvalid, "The address of the client is missing",
		"An API key with the permission clients.forward names the client whose user signs in.",
		"Send one header Client-Address with the IP address of the client."},
	{"conflict", ErrConflict, "Conflict",
		"The current state does not allow the change.", "Read it again, then retry."},
	{"contact_kind_unknown", ErrInvalid, "Not a valid kind of contact",
		"", "Use one of these: {kinds}."},
	{"contact_primary", ErrInvalid, "More than one primary contact",
		"Only one contact of each kind can be the primary one.", "Mark one contact of each kind as primary."},
	{"content_encoding", ErrInvalid, "Unsupported content encoding",
		"", "Send the body without Content-Encoding."},
	{"country_unknown", ErrInvalid, "Not a valid country",
		"", "Use a code of ISO 3166-1 alpha-2, like DE. The list of countries shows all."},
	{"cross_site", ErrForbidden, "Cross-site request",
		"A page of another site sent the request.", "Send it from a page of this site, or from outside a browser."},
	{"cursor_invalid", ErrInvalid, "Not a valid cursor",
		"The cursor belongs to another list, or to other filters.",
		"Use the path in next as it was returned, or start without after."},
	{"deletion_unexpected", ErrInvalid, "The user is not deleted",
		"Only a user with the status deleted has a deletion time.", "Leave it out, or give the status deleted."},
	{"document_format", ErrInvalid, "The document cannot be stored",
		"", "Use valid text without NUL, nested at most {depth} levels deep."},
	{"document_too_long", ErrInvalid, "The document is too long",
		"", "Use at most {bytes} bytes of JSON."},
	{"email_format", ErrInvalid, "Not a valid email address",
		"", "Enter an email address in the correct format, like name@example.com."},
	{"email_too_long", ErrInvalid, "The email address is too long",
		"", "Use at most {bytes} bytes."},
	{"expiry_range", ErrInvalid, "The expiry is out of range",
		"", "Give a time in the future, at most two years from now."},
	{"field_choice", ErrInvalid, "Not one of the choices",
		"", "Use one of these: {choices}."},
	{"field_format", ErrInvalid, "The field has the wrong format",
		"", "Use {expected}."},
	{"field_length", ErrInvalid, "The field is too long or too short",
		"", "Use {limit}."},
	{"field_missing", ErrInvalid, "A field is missing",
		"", "Add this field: it is required."},
	{"field_type", ErrInvalid, "The field has the wrong type",
		"", "Give {type}."},
	{"field_unknown", ErrInvalid, "Not a known field",
		"", "Leave the field out, or correct its name.{suggestion}"},
	{"forbidden", ErrForbidden, "Not allowed",
		"The account or its API key cannot be used any more.", "Ask an administrator."},
	{"hash_too_expensive", ErrInvalid, "The password hash takes too much memory or time",
		"Each attempt to sign in, with any password, would make the service spend that much.",
		"Leave the password out, and let the user choose a new one: {problem}."},
	{"hash_unusable", ErrInvalid, "The password hash cannot be used",
		"A hash is stored only when its scheme can be verified.",
		"Give a hash in PHC, crypt or LDAP form, or leave the password out: {problem}."},
	{"header_repeated", ErrInvalid, "The header is repeated",
		"A program in front of the service could use one of the values, and the service another.",
		"Send {header} once."},
	{"host_unknown", ErrInvalid, "Not a valid host",
		"The request is for a host name that the service does not have.",
		"Use an IP address, localhost, or the name in --monitor."},
	{"id_format", ErrInvalid, "Not a valid id",
		"", "Give a UUIDv7, or leave the id out to get a new one."},
	{"idempotency_in_flight", ErrConflict, "The same request is still running",
		"Another request with this Idempotency-Key is still running.", "Send it again later, with the same key."},
	{"idempotency_key_format", ErrInvalid, "Not a valid Idempotency-Key",
		"", "Use {rule}."},
	{"idempotency_mismatch", ErrInvalid, "The Idempotency-Key was used for another request",
		"A key belongs to the first request that it was sent with.", "Use a new key for a new request."},
	{"identifier_already_yours", ErrConflict, "The account already has it",
		"The account already has that address, number or user name.", "Leave it out."},
	{"identifier_taken", ErrConflict, "Already in use",
		"Another account has that address, number or user name.",
		"Choose another, or sign in to the account that has it."},
	{"import_file", ErrInvalid, "The file cannot be imported",
		"", "{problem}."},
	{"import_file_changed", ErrConflict, "Not the same file",
		"The import was started with another file, or the file changed since.",
		"Continue with the unchanged file, or start a new import with this one."},
	{"import_finished", ErrConflict, "The state of the import does not allow it",
		"The state of the import is {state}.",
		"Wait for its end if it is running or undoing. Otherwise start a new import."},
	{"import_not_yours", ErrForbidden, "It is the import of another user",
		"To start or undo the import of another user needs the permission imports.manage. "+
			"Only the user who uploaded a file can read its problems.",
		"Ask that user, or a user who has the permission."},
	{"import_older_nodes", ErrConflict, "A node of an older version is running",
		"The older version cannot verify all hashes that an import stores.",
		"Start the import when that node has stopped."},
	{"import_running_elsewhere", ErrConflict, "Another process continues this import",
		"Only one process at a time works on an import.", "Wait for it. `cardinal runs show` reports its progress."},
	{"import_unchecked", ErrConflict, "The file is not checked yet",
		"The service checks the whole file before an import can start.", "Start the import when its state is checked."},
	{"import_unfinished", ErrConflict, "You have an unfinished import",
		"Each user can have one open import.", "Start it, wait for it, or undo it. The list of imports shows it."},
	{"internal", nil, "Internal error",
		"The service failed.", "Try again. If the error persists, give the request id to the operator."},
	{"invalid_credentials", ErrUnauthenticated, "The identifier or the password is wrong",
		"It is not disclosed which of them is wrong.", "Check both."},
	{"kind_cannot_sign_in", ErrInvalid, "This kind of account cannot sign in",
		"Accounts of the kind {kind} call the API with API keys.",
		"Leave out names, contacts and passwords for accounts of the kind {kind}."},
	{"kind_unknown", ErrInvalid, "Not a valid kind of account",
		"", "Use one of these: {kinds}."},
	{"last_sign_in_identifier", ErrConflict, "The last sign-in identifier",
		"The account could not sign in any more.", "Add another address, number or user name first."},
	{"last_user_with_role", ErrConflict, "The role needs another user",
		"At least one user who can sign in must have this role.",
		"Grant the role to another user who can sign in first."},
	{"locale_format", ErrInvalid, "Not a valid language tag",
		"", "Use a BCP 47 tag, like de or pt-BR."},
	{"media_type", ErrInvalid, "Unsupported media type",
		"", "Send {media_types}."},
	{"method_not_allowed", ErrInvalid, "Method not allowed",
		"This path does not have the method.", "Use one of the methods in Allow."},
	{"must_be_true", ErrInvalid, "Only true is allowed",
		"", "Send true, or leave the field out."},
	{"no_password", ErrConflict, "The account has no password",
		"There is no password that could be changed.", "Set one with new_password."},
	{"no_session", ErrConflict, "There is no session",
		"Only a session can be signed out, not an API key.", "Send the token of a session."},
	{"not_acceptable", ErrInvalid, "Not acceptable",
		"The service cannot answer in a media type that Accept allows.", "Accept {media_types}."},
	{"not_found", ErrNotFound, "Not found",
		"It does not exist, or you are not allowed to see it.", "Check the id."},
	{"not_modified", nil, "Not modified",
		"", "Use the copy that you have."},
	{"not_signed_in", ErrUnauthenticated, "Not signed in",
		"The request has no valid session token or API key.",
		"Sign in with POST /v1/sign-in and send the token as Authorization: Bearer."},
	{"outlasts_your_permissions", ErrForbidden, "It would last longer than your own permissions",
		"You have a permission that this needs only until {end}. What you give to others ends with it.",
		"Set an end that is not later, or ask a user who has the permission without an end."},
	{"parameter_format", ErrInvalid, "The parameter has the wrong format",
		"The parameter does not have the form that /openapi.json describes.", "{fix}"},
	{"parameter_repeated", ErrInvalid, "The parameter is given more than once",
		"", "Give the parameter once."},
	{"parameter_unknown", ErrInvalid, "Not a known parameter",
		"", "Leave the parameter out, or correct its name.{suggestion}"},
	{"password_change_required", ErrForbidden, "The password must be changed first",
		"An administrator requires a new password.", "Change the password with PUT /v1/me/password."},
	{"password_empty", ErrInvalid, "The password is empty",
		"", "Enter a password."},
	{"password_format", ErrInvalid, "The password has characters that cannot be used",
		"", "Use letters, digits, symbols and spaces."},
	{"password_missing", ErrInvalid, "A password is missing",
		"", "Give a password, or leave out what needs one."},
	{"password_too_common", ErrInvalid, "The password is too common",
		"Attackers try common passwords first, and words with a year, repetitions, and names of the user.",
		"Choose a password that is harder to guess."},
	{"password_too_long", ErrInvalid, "The password is too long",
		"", "Use at most {bytes} bytes."},
	{"password_too_short", ErrInvalid, "The password is too short",
		"", "Use at least {characters} characters. Several words are easy to remember."},
	{"password_without_identifier", ErrInvalid, "A sign-in identifier is missing",
		"A password needs an identifier to sign in with.", "Give an email address, a phone number or a user name too."},
	{"password_wrong", ErrInvalid, "The current password is wrong",
		"", "Enter the current password."},
	{"permission_missing", ErrForbidden, "Permission missing",
		"This needs the permission {permission}.", "Ask an administrator for a role that has it."},
	{"permission_name_format", ErrInvalid, "Not a valid permission name",
		"", "Use a plural noun, a dot and a verb, in lowercase letters, like invoices.approve."},
	{"permission_name_taken", ErrConflict, "The permission already exists",
		"Another permission has that name.", "Choose another name."},
	{"permission_not_granted_to_you", ErrForbidden, "You do not have that permission",
		"You can give a role only permissions that you have.", "Ask a user who has the permission."},
	{"permission_unknown", ErrInvalid, "Not a known permission",
		"", "Use a permission that exists. The list of permissions shows all."},
	{"phone_format", ErrInvalid, "Not a valid phone number",
		"", "Enter the number in international format, like +44 20 7946 0000."},
	{"role_has_more_permissions", ErrForbidden, "The role has permissions that you do not have",
		"You can grant or change only roles whose permissions you have.", "Ask a user who has all its permissions."},
	{"role_in_use", ErrConflict, "The role is in use",
		"A role that users have cannot be deleted.", "Revoke the role from all users first."},
	{"role_name_format", ErrInvalid, "Not a valid role name",
		"", "Use 2 to 63 lowercase letters, digits, dots, dashes and underscores. Start with a letter."},
	{"role_name_taken", ErrConflict, "The role already exists",
		"Another role has that name.", "Choose another name."},
	{"role_not_assignable", ErrConflict, "The role cannot be granted",
		"Some built-in roles cannot be granted, and deleted accounts cannot get a role.", "Leave the role out."},
	{"role_not_granted", ErrInvalid, "The service does not have the role",
		"An API key can only have roles that its service has.", "Grant the role to the service first."},
	{"role_unknown", ErrInvalid, "Not a known role",
		"", "Use a role that exists. The list of roles shows all."},
	{"roles_missing", ErrInvalid, "A role is missing",
		"", "Give at least one role that the service has."},
	{"route_unknown", ErrNotFound, "Not found",
		"No operation has this path.", "Use a path that /openapi.json lists."},
	{"row_duplicate", ErrInvalid, "The file has that user twice",
		"Row {row} has the same id, address, number or user name.",
		"Leave out one of the two rows. The other is row {row}."},
	{"row_malformed", ErrInvalid, "The row cannot be read",
		"", "Correct the row: {problem}."},
	{"row_too_long", ErrInvalid, "The row is too long",
		"", "Use at most {limit} for one user."},
	{"row_without_identifier", ErrInvalid, "The row has no identifier",
		"", "Give an id, an email address, a phone number or a user name."},
	{"search_building", ErrConflict, "The search index is not complete yet",
		"The service is still indexing users.", "Try again in a minute, or list without the search."},
	{"search_off", ErrConflict, "Search is switched off",
		"The setting search.mode is off.", "List without the search, or set search.mode to on."},
	{"search_too_long", ErrInvalid, "The search has too many words",
		"", "Give at most {words} words and {domains} domains."},
	{"search_too_short", ErrInvalid, "The search is too short",
		"", "Give at least two letters that a name or an address starts with, or a whole domain after @."},
	{"service_unknown", ErrInvalid, "Not a known service",
		"", "Give the id of a service that is active."},
	{"setting_choice", ErrInvalid, "Not one of the choices",
		"", "Use one of these: {choices}."},
	{"setting_range", ErrInvalid, "The value is out of range",
		"", "Enter a whole number from {lowest} to {highest}."},
	{"setup_link_expired", ErrUnauthenticated, "The set-up link is expired or already used",
		"A set-up link works once, for half an hour.", "Run cardinal admin setup-link for a new one."},
	{"sign_in_stopped", ErrThrottled, "Too many failed attempts",
		"There were 100 failed attempts in a row. Sign-in is stopped on devices that have not signed in before.",
		"Sign in on a device that has signed in before, or ask an administrator."},
	{"sign_up_closed", ErrForbidden, "Sign-up is closed",
		"Only administrators create accounts here.", "Ask an administrator for an account."},
	{"status_not_allowed", ErrConflict, "The status does not allow it",
		"The status of the account is {status}.", "Read the user. The list of statuses describes each status."},
	{"status_unknown", ErrInvalid, "Not a valid status",
		"", "Use one of these: {statuses}."},
	{"target_has_more_permissions", ErrForbidden, "The user has permissions that you do not have",
		"You can change only users whose permissions you have.", "Ask a user who has all their permissions."},
	{"tax_rate_range", ErrInvalid, "The tax rate is out of range",
		"", "Enter parts per million, from 0 to 1000000."},
	{"temporary_conflict", ErrConflict, "Temporary conflict",
		"The change conflicted with another one.", "Try again."},
	{"text_empty", ErrInvalid, "The text is empty",
		"", "Enter some text."},
	{"text_format", ErrInvalid, "The text has characters that cannot be used",
		"", "Leave out control and formatting characters."},
	{"text_too_long", ErrInvalid, "The text is too long",
		"", "Use at most {characters} characters."},
	{"time_in_past", ErrInvalid, "The time is in the past",
		"", "Give a time in the future."},
	{"time_range", ErrInvalid, "The time is out of range",
		"", "Give a time in the past, not before the user was created."},
	{"time_zone_format", ErrInvalid, "Not a valid time zone",
		"", "Use an IANA name, like Europe/Berlin."},
	{"too_many_attempts", ErrThrottled, "Too many attempts",
		"There were too many failed attempts.", "Wait for the seconds in Retry-After, then try again."},
	{"too_many_changes", ErrThrottled, "Too many changes",
		"You changed your account too often.", "Wait for the seconds in Retry-After, then try again."},
	{"too_many_contacts", ErrConflict, "The account has too many contacts",
		"An account has at most {limit} contacts.", "Remove one first."},
	{"url_format", ErrInvalid, "Not a valid link",
		"", "Use a link that starts with https://."},
	{"url_too_long", ErrInvalid, "The link is too long",
		"", "Use at most {bytes} bytes."},
	{"user_erased", ErrConflict, "The user is erased",
		"The personal data of the user was destroyed. It cannot be changed any more.", "Create a new user."},
	{"username_exists", ErrConflict, "The user already has a user name",
		"A user has at most one user name.", "Change the user name instead."},
	{"username_format", ErrInvalid, "Not a valid user name",
		"", "Use 2 to 64 letters, digits and symbols, without spaces and @."},
	{"username_too_long", ErrInvalid, "The user name is too long",
		"", "Use at most {characters} characters."},
	{"validation_failed", ErrInvalid, "The request is invalid",
		"Each problem is listed in errors.", "Correct them all and send the request again."},
	{"value_type_unknown", ErrInvalid, "Not a valid type",
		"", "Use string, number or boolean."},
	{"verified_not_allowed", ErrInvalid, "A contact cannot be marked as verified",
		"To mark contacts as verified needs the permission contacts.verify.",
		"Leave the mark out, or ask a user who has the permission."},
	{"version_format", ErrInvalid, "Not a valid version",
		"", `Send one strong ETag as it was read, like "7".`},
	{"version_required", ErrInvalid, "The version is missing",
		"Changes name the version that they are based on.", "Read it first and send its ETag in If-Match."},
	{"version_stale", ErrStale, "The version is out of date",
		"It was changed after you read it.", "Read it again and send its new ETag in If-Match."},
}

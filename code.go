package cardinal

import "sort"

// Code is a stable name of a kind of refusal: API, command line and pages all say it, and each has a page that tells the cause
// and the fix. Codes are only added.
type Code struct {
	Name, Title, Fix string
}

// CodeTitle is the title of a code, or the code itself when it is not in the catalogue.
func CodeTitle(name string) string {
	if c, ok := FindCode(name); ok {
		return c.Title
	}
	return name
}

// FindCode looks a code up in the catalogue.
func FindCode(name string) (Code, bool) {
	i := sort.Search(len(Codes), func(i int) bool { return Codes[i].Name >= name })
	if i < len(Codes) && Codes[i].Name == name {
		return Codes[i], true
	}
	return Code{}, false
}

// Codes is the catalogue, sorted by name.
var Codes = []Code{
	{"account_deleted", "The account is deleted", "Ask an administrator to restore it."},
	{"account_erased", "The account is erased", "Its data was destroyed; sign up again."},
	{"account_pending", "The account is not active yet", "Prove your contact, or ask an administrator to vouch for it."},
	{"account_suspended", "The account is suspended", "Ask an administrator to reactivate it."},
	{"attribute_name_format", "That is no name of an attribute", "Use up to 63 small letters, digits and underscores, a letter first."},
	{"attribute_name_taken", "The attribute exists already", "Choose another name."},
	{"attribute_not_searchable", "People cannot be found by the attribute", "Search by attributes that were declared searchable; GET /v1/attributes lists them."},
	{"attribute_type", "The attribute has another type", "Give a value of the declared type; GET /v1/attributes lists them."},
	{"attribute_unknown", "The attribute is not declared", "Declare it with POST /v1/attributes, or leave it out."},
	{"body_cut", "The body did not arrive", "Send the whole body within 15 seconds."},
	{"body_malformed", "The body cannot be read", "Send one JSON text in UTF-8, without NUL, lone surrogates or names given twice."},
	{"body_missing", "There is no body", "Send a JSON body."},
	{"body_too_large", "The body is too large", "Send at most 256 KiB."},
	{"body_unexpected", "There is a body", "Send none; this operation takes no body."},
	{"built_in", "It is built in", "Built-in actors, roles and permissions stay as they are; make your own."},
	{"busy", "The service is busy", "Try again after the seconds in Retry-After."},
	{"conflict", "The present state does not allow it", "Read it again and decide anew."},
	{"contact_kind_unknown", "There is no such kind of contact", "Use email or phone."},
	{"contact_primary", "Two contacts want to be the primary one", "Mark one of each kind."},
	{"country_unknown", "There is no such country", "Use a code that GET /v1/countries lists."},
	{"cursor_invalid", "The cursor is not one of this list", "Use the path in next as it was given, or start without after."},
	{"document_format", "The document cannot be stored", "Use valid text without NUL, nested at most eight levels deep."},
	{"document_too_long", "The document is too long", "Use at most 8192 bytes of JSON."},
	{"email_format", "That is no e-mail address", "Enter an address in the correct format, like name@example.com."},
	{"email_too_long", "The e-mail address is too long", "Use at most 254 bytes."},
	{"erased", "The user is erased", "Nothing can change any more."},
	{"expiry_range", "The expiry is out of range", "Give a time to come, at most two years away."},
	{"field_choice", "The field has a value that is none of the choices", "Use one of the choices."},
	{"field_format", "The field has another form", "Correct the field; /openapi.json describes it."},
	{"field_length", "The field is too long or too short", "Mind the bounds in /openapi.json."},
	{"field_missing", "A field is missing", "Give the field."},
	{"field_type", "The field has another type", "Mind the type in /openapi.json."},
	{"field_unknown", "There is no such field", "Leave it out, or correct its name."},
	{"forbidden", "You may not do this", "Ask an administrator for the permission."},
	{"hash_unusable", "The password hash cannot be used", "Give a hash in PHC, crypt or LDAP form, of a scheme that can be verified, or leave the password out."},
	{"id_format", "The id is of another kind", "Give a UUIDv7, or leave it out to get a new one."},
	{"idempotency_in_flight", "The same request is under way", "Send it again in a moment, with the same key."},
	{"idempotency_key_format", "The Idempotency-Key cannot be used", "Use up to 255 printable characters; without an account at least 22 random ones, such as a UUID."},
	{"idempotency_mismatch", "The Idempotency-Key was used for another request", "Use a new key for a new request."},
	{"identifier_taken", "Somebody else has that address, number or name", "Choose another, or sign in to the account that has it."},
	{"identifier_yours", "The account has it already", "Nothing needs to be done."},
	{"import_elsewhere", "Another process is going on with this import", "Wait for it; `cardinal runs show` tells how far it is."},
	{"import_older_nodes", "A node of an older version is running", "Import when it has stopped: it could not sign in whom the import makes."},
	{"import_other_file", "It is another file", "Go on with the file that the import began with, unchanged; or import this one by itself."},
	{"import_over", "The import is over", "Read it: there is nothing to go on with."},
	{"internal", "Something went wrong here", "Try again; if it stays, give the request id to the operator."},
	{"invalid_credentials", "Identifier or password are wrong", "Check both. Which of them is wrong is not told."},
	{"kind_cannot_sign_in", "This kind of account does not sign in", "Leave out what is for signing in; services call with API keys."},
	{"kind_unknown", "There is no such kind of account", "Use person or service."},
	{"last_holder", "The role needs another holder", "Grant it to somebody else who can sign in first."},
	{"last_way_in", "It is the account's last way in", "Add another address, number or user name first."},
	{"locale_format", "That is no language tag", "Use a BCP 47 tag, like de or pt-BR."},
	{"media_type", "The body has another media type", "Send application/json; a PATCH as application/merge-patch+json."},
	{"method_not_allowed", "The method is not allowed here", "Use one of the methods in Allow."},
	{"no_password", "The account has no password", "Set one with new_password."},
	{"no_session", "There is no session", "Only a session can do this, not an API key."},
	{"not_acceptable", "The answer would have another media type", "Accept application/json."},
	{"not_found", "There is no such thing", "Check the id. What you may not see is not told apart from what is not there."},
	{"not_modified", "Nothing changed", "Use what you have."},
	{"not_signed_in", "You are not signed in", "Sign in with POST /v1/sign-in and send the token as Authorization: Bearer."},
	{"only_true", "This can only be set to true", "Send true, or leave it out."},
	{"parameter_format", "A parameter has another form", "Correct the parameter; /openapi.json describes it."},
	{"parameter_repeated", "A parameter is given more than once", "Give it once."},
	{"parameter_unknown", "There is no such parameter", "Leave it out, or correct its name."},
	{"password_change_required", "The password must be changed first", "Change it with PUT /v1/me/password."},
	{"password_common", "The password is among the commonest", "Choose one that is harder to guess."},
	{"password_empty", "The password is empty", "Enter a password."},
	{"password_format", "The password has characters that cannot be used", "Use letters, digits, symbols and spaces."},
	{"password_missing", "A password is missing", "Give a password."},
	{"password_too_long", "The password is too long", "Use at most 1024 bytes."},
	{"password_too_short", "The password is too short", "Use more characters; several words are easy to remember."},
	{"password_without_identifier", "There is nothing to sign in with", "Give an e-mail address, a telephone number or a user name too."},
	{"password_wrong", "The present password is wrong", "Enter the present password."},
	{"permission_missing", "You lack a permission", "Ask an administrator for a role that holds it."},
	{"permission_name_format", "That is no name of a permission", "Use a noun in the plural, a dot and a verb, like invoices.approve."},
	{"permission_name_taken", "The permission exists already", "Choose another name."},
	{"permission_not_yours", "You do not hold that permission", "Give a role only permissions that you hold yourself."},
	{"permission_unknown", "There is no such permission", "Use one that GET /v1/permissions lists."},
	{"phone_format", "That is no telephone number", "Enter it in international form, like +44 20 7946 0000."},
	{"role_in_use", "Somebody holds the role", "Revoke it from its holders first."},
	{"role_name_format", "That is no name of a role", "Use 2 to 63 small letters, digits, dots, dashes and underscores, a letter first."},
	{"role_name_taken", "The role exists already", "Choose another name."},
	{"role_not_assignable", "The role cannot be granted", "Built-in roles of Cardinal's own cannot be granted, nor can a deleted account get a role."},
	{"role_not_held", "The service does not hold the role", "Grant the role to the service first."},
	{"role_outranks_you", "The role holds more than you do", "Ask somebody who holds all its permissions."},
	{"role_unknown", "There is no such role", "Use the id of a role that GET /v1/roles lists."},
	{"roles_missing", "No role is named", "Name at least one role that the service holds."},
	{"route_unknown", "Nothing is here", "See /openapi.json for what is."},
	{"row_malformed", "The row cannot be read", "Correct its form where the message says."},
	{"row_repeated", "The file has that person twice", "Leave one of the rows out."},
	{"row_too_long", "The row is too long", "Use at most 64 KiB for one person."},
	{"row_without_identifier", "Nothing tells the person from others", "Give an id, an e-mail address, a telephone number or a user name."},
	{"search_building", "Not everybody can be found yet", "Try again in a minute, or list without the search."},
	{"search_off", "Search is switched off", "List without it, or set search.mode to on."},
	{"search_too_long", "The search has too many words", "Give fewer words."},
	{"search_too_short", "The search has nothing to go by", "Give at least two letters that a name or an address begins with."},
	{"service_unknown", "There is no such service", "Give the id of a service that is in use."},
	{"setting_choice", "The setting has other choices", "Use one of the choices."},
	{"setting_range", "The setting has other bounds", "Use a number within the bounds."},
	{"setup_link_dead", "The set-up link does not work any more", "Run cardinal admin setup-link for another."},
	{"sign_up_closed", "Signing up is closed", "Ask an administrator for an account."},
	{"status_forbids", "The user's status does not allow it", "Read the user; GET /v1/statuses says what each status means."},
	{"status_unknown", "There is no such status", "Use one that GET /v1/statuses lists."},
	{"target_outranks_you", "The account may do more than you", "Ask somebody who holds all its permissions."},
	{"tax_rate_range", "The tax rate is out of range", "Use parts per million, 0 to 1000000."},
	{"text_empty", "The text is empty", "Enter some text."},
	{"text_format", "The text has characters that cannot be used", "Leave out control and formatting characters."},
	{"text_too_long", "The text is too long", "Use fewer characters."},
	{"time_past", "The time is past", "Give a time to come."},
	{"time_range", "The time is out of range", "Give a time that has passed, and not before the person was made."},
	{"time_zone_format", "That is no time zone", "Use an IANA name, like Europe/Berlin."},
	{"too_many_attempts", "There were too many attempts", "Wait for the seconds in Retry-After."},
	{"too_many_contacts", "The account has too many contacts", "Remove one first."},
	{"try_again", "It did not work this time", "Try again."},
	{"url_format", "That is no link", "Use a link that begins with https://."},
	{"url_too_long", "The link is too long", "Use at most 2048 bytes."},
	{"username_exists", "The user has a user name already", "Change it instead."},
	{"username_format", "That is no user name", "Use 2 to 64 letters, digits and symbols, without spaces and @."},
	{"username_too_long", "The user name is too long", "Use at most 64 characters."},
	{"validation_failed", "The request has problems", "Correct what errors names and send it again."},
	{"value_type_unknown", "There is no such type", "Use string, number or boolean."},
	{"version_format", "The version cannot be read", "Send one strong ETag as it was read, like \"7\"."},
	{"version_required", "The version is missing", "Read it first and send its ETag in If-Match."},
	{"version_stale", "Somebody changed it since you read it", "Read it again and send its new ETag in If-Match."},
}

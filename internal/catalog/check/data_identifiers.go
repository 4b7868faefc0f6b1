package check

import (
	"context"
	"strings"
	"time"
)

// identifierRules must hold between identifiers, contacts and profiles. Each is a query that returns the rows that
// violate it; it finds them by an index.
var identifierRules = []struct {
	object, problem, keys, from string
	warning                     bool
}{
	{object: "identifiers", problem: "identifier(s) without a user", keys: "i.user_id",
		from: `{schema}identifiers i WHERE NOT EXISTS (SELECT 1 FROM {schema}users u WHERE u.id = i.user_id)`},
	{object: "identifiers", problem: "identifier(s) with a contact that does not exist or belongs to another user",
		keys: "i.user_id i.contact_id",
		from: `{schema}identifiers i WHERE i.contact_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {schema}contacts c ` +
			`WHERE c.user_id = i.user_id AND c.id = i.contact_id)`},
	{object: "contacts", problem: "verified or given contact(s) without an identifier", keys: "c.user_id c.id",
		from: `{schema}contacts c
		 WHERE (c.verified_at IS NOT NULL OR c.given_by <> 'user')
		   AND NOT EXISTS (SELECT 1 FROM {schema}identifiers i WHERE i.user_id = c.user_id AND i.contact_id = c.id)
		   AND NOT EXISTS (SELECT 1 FROM {schema}users u JOIN {schema}user_statuses st ON st.code = u.status
		     WHERE u.id = c.user_id AND st.is_erased)`},
	{object: "identifiers", problem: "user name(s) of users without a user name in the profile", keys: "i.user_id",
		from: `{schema}identifiers i JOIN {schema}profiles p ON p.user_id = i.user_id WHERE i.contact_id IS NULL ` +
			`AND (p.username_sealed IS NULL OR p.username_sealed = {placeholder})`},
	{object: "identifiers", problem: "identifier(s) of a contact that its user typed and no user has verified; the " +
		"contraction of migration 15 deletes them", keys: "c.user_id c.id", warning: true,
		from: `{schema}contacts c JOIN {schema}identifiers i ON i.user_id = c.user_id AND i.contact_id = c.id ` +
			`WHERE c.value_index IS NOT NULL`},
	{object: "contacts", problem: "unverified contact(s) that their users typed more than a year ago; is the job " +
		"unverified_contacts.expire running?", keys: "c.user_id c.id", warning: true,
		from: `{schema}contacts c WHERE c.value_index IS NOT NULL AND c.created_at < $1 ` +
			`AND EXISTS (SELECT 1 FROM {schema}identifiers i WHERE i.user_id = c.user_id)`},
}

func checkIdentifiers(ctx context.Context, s *Subject) (Outcome, error) {
	var res resultBuilder
	for _, c := range identifierRules {
		var keys []string
		for _, k := range strings.Fields(c.keys) {
			keys = append(keys, s.idText(k))
		}
		var args []any
		if strings.Contains(c.from, "$1") {
			args = append(args, s.timeValue(s.Now.AddDate(-1, 0, -1)))
		}
		found, err := s.query(ctx, s.expandQuery(`SELECT `+strings.Join(keys, ", ")+` FROM `+c.from+` LIMIT 1000`),
			args...)
		if err != nil {
			return Outcome{}, err
		}
		res.expect(len(found) == 0, Finding{Object: c.object, Problem: atLeast(len(found), 1000) + " " + c.problem,
			Evidence: rowEvidence(c.keys+" ", found), Warning: c.warning})
	}
	return res.result(), nil
}

// timeValue converts a time to the engine's representation.
func (s *Subject) timeValue(at time.Time) any {
	if s.Live.Engine == "sqlite" {
		return at.UnixMicro()
	}
	return at
}

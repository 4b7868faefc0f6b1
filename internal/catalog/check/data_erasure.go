package check

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cardinal/internal/catalog"
)

// erasureLeftover is what an erased user must not have, and the condition that finds it.
type erasureLeftover struct{ what, where string }

// erasureLeftovers are what an erased user must not have, each as a condition on users u.
var erasureLeftovers = []erasureLeftover{
	{"a key that decrypts their values", `EXISTS (SELECT 1 FROM {schema}user_keys x WHERE x.user_id = u.id)`},
	{"an identifier", `EXISTS (SELECT 1 FROM {schema}identifiers x WHERE x.user_id = u.id)`},
	{"search tokens", `EXISTS (SELECT 1 FROM {schema}search_tokens x WHERE x.user_id = u.id)`},
	{"a password", `EXISTS (SELECT 1 FROM {schema}credentials x WHERE x.user_id = u.id)`},
	{"a session", `EXISTS (SELECT 1 FROM {schema}sessions x WHERE x.user_id = u.id)`},
	{"an API key", `EXISTS (SELECT 1 FROM {schema}api_keys x WHERE x.user_id = u.id)`},
	{"a contact that is not the placeholder",
		`EXISTS (SELECT 1 FROM {schema}contacts x WHERE x.user_id = u.id AND x.value_sealed <> {placeholder})`},
}

// profileLeftover is the leftover in profiles. The live columns say what is encrypted, so that a new column is checked
// too.
func profileLeftover(profiles *catalog.Table) erasureLeftover {
	where := `x.country_code IS NOT NULL`
	for _, c := range profiles.Columns {
		if strings.HasSuffix(c.Name, "_sealed") {
			where += ` OR x.` + c.Name + ` <> {placeholder}`
		}
	}
	return erasureLeftover{"a profile that is not the placeholder",
		`EXISTS (SELECT 1 FROM {schema}profiles x WHERE x.user_id = u.id AND (` + where + `))`}
}

func checkErasedUsers(ctx context.Context, s *Subject) (Outcome, error) {
	// Query each status by its code: then the planner uses the index whatever its statistics say.
	statuses, err := s.query(ctx, s.expandQuery(`SELECT code FROM {schema}user_statuses WHERE is_erased ORDER BY code`))
	if err != nil {
		return Outcome{}, err
	}
	var res resultBuilder
	profiles := res.requireTable(s, "profiles")
	if profiles == nil {
		res.setStatus()
		return res.Outcome, nil
	}
	leftovers := append(slices.Clone(erasureLeftovers), profileLeftover(profiles))
	for _, status := range statuses {
		if err := res.countLeftovers(ctx, s, status[0], leftovers); err != nil {
			return Outcome{}, err
		}
	}
	res.setStatus()
	if res.Status == Skipped {
		res.Status = Passed // it is fine if no user is erased
	}
	res.NotChecked = "requested erasures have no deadline yet, so overdue ones cannot be found"
	return res.Outcome, nil
}

// countLeftovers counts the users with a status, and reports the data that they must not have.
func (res *resultBuilder) countLeftovers(
	ctx context.Context, s *Subject, status string, leftovers []erasureLeftover,
) error {
	count, err := s.query(ctx, s.expandQuery(`SELECT count(*) FROM {schema}users WHERE status = $1`), status)
	if err != nil {
		return err
	}
	erased, err := strconv.Atoi(count[0][0])
	if err != nil || erased == 0 {
		return err
	}
	incomplete := map[string]bool{}
	for _, l := range leftovers {
		found, err := s.query(ctx, s.expandQuery(`SELECT `+s.idText("u.id")+
			` FROM {schema}users u WHERE u.status = $1 AND `+l.where+` ORDER BY u.id LIMIT 1000`), status)
		if err != nil {
			return err
		}
		for _, row := range found {
			incomplete[row[0]] = true
		}
		if len(found) > 0 {
			res.Findings = append(res.Findings,
				Finding{Object: "users", Problem: atLeast(len(found), 1000) + " erased user(s) still have " + l.what,
					Evidence: rowEvidence("user ", found)})
		}
	}
	res.Total += erased
	res.Passed += erased - len(incomplete)
	return nil
}

// atLeast formats a count that stops at a limit.
func atLeast(n, limit int) string {
	if n < limit {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d or more", n)
}

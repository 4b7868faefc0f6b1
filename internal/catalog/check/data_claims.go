package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// claims are what must hold between identifiers, contacts and profiles: a query that finds the rows that break it, by what an
// index finds for each.
var claims = []struct {
	object, problem, keys, from string
	warning                     bool
}{
	{object: "identifiers", problem: "claim(s) of no user", keys: "i.user_id",
		from: `{schema}identifiers i WHERE NOT EXISTS (SELECT 1 FROM {schema}users u WHERE u.id = i.user_id)`},
	{object: "identifiers", problem: "claim(s) of a contact that is not there or is another user's", keys: "i.user_id i.contact_id",
		from: `{schema}identifiers i WHERE i.contact_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {schema}contacts c WHERE c.user_id = i.user_id AND c.id = i.contact_id)`},
	{object: "contacts", problem: "verified contact(s) that nobody claims", keys: "c.user_id c.id",
		from: `{schema}contacts c
		 WHERE c.verified_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {schema}identifiers i WHERE i.user_id = c.user_id AND i.contact_id = c.id)
		   AND NOT EXISTS (SELECT 1 FROM {schema}users u JOIN {schema}user_statuses st ON st.code = u.status WHERE u.id = c.user_id AND st.is_erased)`},
	{object: "identifiers", problem: "user name(s) claimed by users whose profile has none", keys: "i.user_id",
		from: `{schema}identifiers i JOIN {schema}profiles p ON p.user_id = i.user_id WHERE i.contact_id IS NULL AND (p.username_sealed IS NULL OR p.username_sealed = {placeholder})`},
	{object: "identifiers", problem: "unproved claim(s) that lapsed more than a day ago and still stand; is the job unverified_contacts.expire running?", keys: "i.user_id",
		from: `{schema}identifiers i WHERE i.expires_at < $1`, warning: true},
}

func claimsBelong(ctx context.Context, s *Subject) (Outcome, error) {
	var j judgement
	for _, c := range claims {
		var keys []string
		for _, k := range strings.Fields(c.keys) {
			keys = append(keys, s.id(k))
		}
		var args []any
		if strings.Contains(c.from, "$1") {
			args = append(args, s.moment(s.Now.Add(-24*time.Hour)))
		}
		found, err := s.rows(ctx, s.statement(`SELECT `+strings.Join(keys, ", ")+` FROM `+c.from+` LIMIT 1000`), args...)
		if err != nil {
			return Outcome{}, err
		}
		j.expect(len(found) == 0, Finding{Object: c.object, Problem: atLeast(len(found), 1000) + " " + c.problem, Evidence: evidence(c.keys+" ", found), Warning: c.warning})
	}
	return j.end(), nil
}

// moment is a time as the engine keeps it.
func (s *Subject) moment(at time.Time) any {
	if s.Live.Engine == "sqlite" {
		return at.UnixMicro()
	}
	return at
}

var argon2id = lazily(`^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$$`)

func hashesAreStrong(ctx context.Context, s *Subject) (Outcome, error) {
	rows, err := s.rows(ctx, s.statement(`SELECT substr(hash, 1, {position}(hash, salt) - 1) AS scheme, count(*) FROM {schema}credentials GROUP BY 1 ORDER BY 1`))
	if err != nil {
		return Outcome{}, err
	}
	var j judgement
	for _, row := range rows {
		n, err := strconv.Atoi(row[1])
		if err != nil {
			return Outcome{}, err
		}
		j.Total += n
		j.Notes = append(j.Notes, fmt.Sprintf("%s %d", row[0], n))
		if problem := weakness(row[0]); problem != "" {
			j.Findings = append(j.Findings, Finding{Object: "credentials.hash", Problem: fmt.Sprintf("%d password(s) %s", n, problem), Evidence: []string{"scheme " + row[0]}, Warning: true})
		} else {
			j.Held += n
		}
	}
	if j.settle(); j.Status == Skipped {
		j.Missing = "no user has a password"
	}
	return j.Outcome, nil
}

// weakness says what a scheme and its parameters lack, "" when nothing.
func weakness(scheme string) string {
	const leastMemory, leastPasses = 19 * 1024, 2
	m := argon2id.FindStringSubmatch(scheme)
	if m == nil {
		return "are hashed by an older scheme"
	}
	memory, err := strconv.Atoi(m[1])
	passes, err2 := strconv.Atoi(m[2])
	if err != nil || err2 != nil || memory*passes < leastMemory*leastPasses {
		return "are hashed with less than 19 MiB and two passes"
	}
	return ""
}

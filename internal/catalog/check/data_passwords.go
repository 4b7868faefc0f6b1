package check

import (
	"context"
	"fmt"
	"strconv"
)

var argon2idScheme = newPattern(`^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$$`)

func checkPasswordHashes(ctx context.Context, s *Subject) (Outcome, error) {
	rows, err := s.query(ctx, s.expandQuery(`SELECT substr(hash, 1, {position}(hash, salt) - 1) AS scheme, count(*) `+
		`FROM {schema}credentials GROUP BY 1 ORDER BY 1`))
	if err != nil {
		return Outcome{}, err
	}
	var res resultBuilder
	for _, row := range rows {
		n, err := strconv.Atoi(row[1])
		if err != nil {
			return Outcome{}, err
		}
		res.Total += n
		res.Notes = append(res.Notes, fmt.Sprintf("%s %d", row[0], n))
		if problem := hashWeakness(row[0]); problem != "" {
			res.Findings = append(res.Findings,
				Finding{Object: "credentials.hash", Problem: fmt.Sprintf("%d password(s) %s", n, problem),
					Evidence: []string{"scheme " + row[0]}, Warning: true})
		} else {
			res.Passed += n
		}
	}
	if res.setStatus(); res.Status == Skipped {
		res.NotChecked = "no user has a password"
	}
	return res.Outcome, nil
}

// hashWeakness describes why a scheme and its parameters are weak, "" if they are not.
func hashWeakness(scheme string) string {
	const minMemory, minPasses = 19 * 1024, 2
	m := argon2idScheme.FindStringSubmatch(scheme)
	if m == nil {
		return "are hashed by an older scheme"
	}
	memory, err := strconv.Atoi(m[1])
	passes, err2 := strconv.Atoi(m[2])
	if err != nil || err2 != nil || memory*passes < minMemory*minPasses {
		return "are hashed with less than 19 MiB and two passes"
	}
	return ""
}

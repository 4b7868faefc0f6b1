package check

import (
	"regexp"
	"slices"
	"strconv"

	"cardinal/internal/catalog"
)

var profilePoints = []Check{
	{ID: "G05", Kind: Point, of: "rules", Title: "each user has exactly one profile",
		Guide: "Each user has exactly one profile set of details.",
		Why: "A key shared by both sides allows one profile at most; that there is one needs a foreign key the other way, which is looked at when the transaction " +
			"commits. Judged by both keys.",
		run: judged(oneProfile)},
	{ID: "G06", Kind: Point, of: "columns", Title: "the avatar is a link, not a picture",
		Guide: "Link to external storage rather than storing binary data.",
		Why:   "Pictures in rows make every backup and every replica carry them. The link is sealed, so a check of its size is what a picture cannot pass.",
		run:   judged(avatarIsALink)},
	{ID: "G07", Kind: Point, of: "columns", Title: "preferences are a bounded JSON object, custom attributes sealed and declared",
		Guide: "JSON or a separate table for theme settings and notification preferences.",
		Why: "JSON takes what varies without a migration, and without a bound it takes anything else, too. Judged by the checks: an object, of at most so many " +
			"bytes; what a person declares of themself is sealed.",
		run: judged(preferencesAreBounded)},
}

func oneProfile(s *Subject, j *judgement) {
	t := j.table(s, "profiles")
	users := j.table(s, "users")
	if t == nil || users == nil {
		return
	}
	j.expect(slices.Equal(t.PrimaryKey(), []string{"user_id"}), Finding{Object: "profiles", Problem: "a user may have several profiles: the primary key is not user_id",
		Fix: s.alter(t, "ADD PRIMARY KEY (user_id)")})
	j.reference(s, "profiles", "user_id", "users", "id")
	j.expect(slices.ContainsFunc(users.ForeignKeys(), func(k catalog.Constraint) bool {
		return slices.Equal(k.Columns, []string{"id"}) && k.References == "profiles" && k.Deferred && k.Validated
	}), Finding{Object: "users.id", Problem: "a user may have no profile: no deferred foreign key leads to profiles",
		Fix: s.alter(users, "ADD CONSTRAINT users_profile_fk FOREIGN KEY (id) REFERENCES "+s.table("profiles")+" (user_id) DEFERRABLE INITIALLY DEFERRED")})
}

const largestLink = 4096 // bytes; the smallest pictures are larger

func avatarIsALink(s *Subject, j *judgement) {
	if t, c := j.column(s, "profiles", "avatar_url_sealed"); c != nil {
		bound, ok := longest(t, c.Name)
		j.expect(ok && bound <= largestLink, Finding{Object: "profiles." + c.Name, Problem: "no check keeps it shorter than a picture",
			Fix: s.alter(t, "ADD CHECK (octet_length("+c.Name+") <= 2080)")})
	}
	for _, t := range s.Live.Base() {
		for _, c := range t.Columns {
			if c.Name != "avatar_url_sealed" && regexp.MustCompile(`(?i)(avatar|picture|photo|image)`).MatchString(c.Name) {
				j.expect(!regexp.MustCompile(`(?i)^(bytea|blob)`).MatchString(c.Type), Finding{Object: t.Name + "." + c.Name, Problem: "a picture can be stored here"})
			}
		}
	}
}

func preferencesAreBounded(s *Subject, j *judgement) {
	if t, c := j.column(s, "profiles", "preferences"); c != nil {
		j.expect(checked(t, c.Name, regexp.MustCompile(`json_?b?_?type(of)?\(preferences\) = 'object'`)), Finding{Object: "profiles.preferences",
			Problem: "no check holds it to an object", Fix: s.alter(t, "ADD CHECK (jsonb_typeof(preferences) = 'object')")})
		_, bounded := longest(t, c.Name)
		j.expect(bounded, Finding{Object: "profiles.preferences", Problem: "no check bounds its size", Fix: s.alter(t, "ADD CHECK (octet_length(preferences::text) <= 16384)")})
	}
	if t, c := j.column(s, "profiles", "attributes_sealed"); c != nil {
		_, bounded := longest(t, c.Name)
		j.expect(bounded, Finding{Object: "profiles.attributes_sealed", Problem: "no check bounds its size", Fix: s.alter(t, "ADD CHECK (octet_length(attributes_sealed) <= 32768)")})
	}
	if j.table(s, "attribute_definitions") != nil {
		j.unique(s, "attribute_definitions", "name")
	}
}

// longest is how many bytes or characters the checks let a column have; false when there is no bound.
func longest(t *catalog.Table, column string) (bound int, ok bool) {
	of := `(?i)\b(?:octet_|char_)?length\((?:CAST\()?` + regexp.QuoteMeta(column) + `(?:::text| AS BLOB\))?\)`
	form := regexp.MustCompile(of + ` (?:<= (\d+)|BETWEEN \d+ AND (\d+)|= (\d+))`)
	for _, k := range t.Constraints {
		if k.Kind != catalog.Check || !k.Validated {
			continue
		}
		for _, m := range form.FindAllStringSubmatch(k.Expression, -1) {
			n, err := strconv.Atoi(m[1] + m[2] + m[3])
			if err == nil && (!ok || n < bound) {
				bound, ok = n, true
			}
		}
	}
	return bound, ok
}

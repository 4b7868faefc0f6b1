package check

import (
	"regexp"
	"slices"
	"strconv"

	"cardinal/internal/catalog"
)

var profilePoints = []Check{
	{ID: "G05", Kind: Point, unit: "rules", Title: "each user has exactly one profile",
		Guide: "Each user has exactly one profile set of details.",
		Why: "A key shared by both sides allows one profile at most; that there is one needs a foreign key the other way, which is looked at when the transaction " +
			"commits. Judged by both keys.",
		run: pointCheck(checkOneProfile)},
	{ID: "G06", Kind: Point, unit: "columns", Title: "the avatar is a link, not a picture",
		Guide: "Link to external storage rather than storing binary data.",
		Why:   "Pictures in rows make every backup and every replica carry them. The link is sealed, so a check of its size is what a picture cannot pass.",
		run:   pointCheck(checkAvatarLink)},
	{ID: "G07", Kind: Point, unit: "columns", Title: "preferences are a bounded JSON object, custom attributes sealed and declared",
		Guide: "JSON or a separate table for theme settings and notification preferences.",
		Why: "JSON takes what varies without a migration, and without a bound it takes anything else, too. Judged by the checks: an object, of at most so many " +
			"bytes; what a person declares of themself is sealed.",
		run: pointCheck(checkPreferences)},
}

func checkOneProfile(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "profiles")
	users := res.requireTable(s, "users")
	if t == nil || users == nil {
		return
	}
	res.expect(slices.Equal(t.PrimaryKey(), []string{"user_id"}), Finding{Object: "profiles", Problem: "a user may have several profiles: the primary key is not user_id",
		Fix: s.alterTable(t, "ADD PRIMARY KEY (user_id)")})
	res.requireForeignKey(s, "profiles", "user_id", "users", "id")
	res.expect(slices.ContainsFunc(users.ForeignKeys(), func(k catalog.Constraint) bool {
		return slices.Equal(k.Columns, []string{"id"}) && k.References == "profiles" && k.Deferred && k.Validated
	}), Finding{Object: "users.id", Problem: "a user may have no profile: no deferred foreign key leads to profiles",
		Fix: s.alterTable(users, "ADD CONSTRAINT users_profile_fk FOREIGN KEY (id) REFERENCES "+s.tableName("profiles")+" (user_id) DEFERRABLE INITIALLY DEFERRED")})
}

const maxLinkBytes = 4096 // bytes; the smallest pictures are larger

func checkAvatarLink(s *Subject, res *resultBuilder) {
	if t, c := res.requireColumn(s, "profiles", "avatar_url_sealed"); c != nil {
		bound, ok := maxLength(t, c.Name)
		res.expect(ok && bound <= maxLinkBytes, Finding{Object: "profiles." + c.Name, Problem: "no check keeps it shorter than a picture",
			Fix: s.alterTable(t, "ADD CHECK (octet_length("+c.Name+") <= 2080)")})
	}
	for _, t := range s.Live.Base() {
		for _, c := range t.Columns {
			if c.Name != "avatar_url_sealed" && regexp.MustCompile(`(?i)(avatar|picture|photo|image)`).MatchString(c.Name) {
				res.expect(!regexp.MustCompile(`(?i)^(bytea|blob)`).MatchString(c.Type), Finding{Object: t.Name + "." + c.Name, Problem: "a picture can be stored here"})
			}
		}
	}
}

func checkPreferences(s *Subject, res *resultBuilder) {
	if t, c := res.requireColumn(s, "profiles", "preferences"); c != nil {
		res.expect(hasCheck(t, c.Name, regexp.MustCompile(`json_?b?_?type(of)?\(preferences\) = 'object'`)), Finding{Object: "profiles.preferences",
			Problem: "no check holds it to an object", Fix: s.alterTable(t, "ADD CHECK (jsonb_typeof(preferences) = 'object')")})
		_, bounded := maxLength(t, c.Name)
		res.expect(bounded, Finding{Object: "profiles.preferences", Problem: "no check bounds its size", Fix: s.alterTable(t, "ADD CHECK (octet_length(preferences::text) <= 16384)")})
	}
	if t, c := res.requireColumn(s, "profiles", "attributes_sealed"); c != nil {
		_, bounded := maxLength(t, c.Name)
		res.expect(bounded, Finding{Object: "profiles.attributes_sealed", Problem: "no check bounds its size", Fix: s.alterTable(t, "ADD CHECK (octet_length(attributes_sealed) <= 32768)")})
	}
	if res.requireTable(s, "attribute_definitions") != nil {
		res.requireUnique(s, "attribute_definitions", "name")
	}
}

// maxLength is how many bytes or characters the checks let a column have; false when there is no bound.
func maxLength(t *catalog.Table, column string) (bound int, ok bool) {
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

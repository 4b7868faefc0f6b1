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
		Why: "A shared primary key allows at most one profile. That there is one requires a foreign key in the " +
			"other direction, which is checked at commit. Checked by both keys.",
		run: pointCheck(checkOneProfile)},
	{ID: "G06", Kind: Point, unit: "columns", Title: "the avatar is a link, not an image",
		Guide: "Link to external storage rather than storing binary data.",
		Why: "Images in rows make backups and replicas large. The link is encrypted, so a CHECK limits its size to " +
			"less than an image.",
		run: pointCheck(checkAvatarLink)},
	{ID: "G07", Kind: Point, unit: "columns",
		Title: "preferences are a bounded JSON object, custom attributes encrypted and declared",
		Guide: "JSON or a separate table for theme settings and notification preferences.",
		Why: "JSON stores variable data without migrations, but without a limit it accepts anything else as well. " +
			"Checked by the CHECKs: an object with a maximum size. Attributes that users declare about themselves " +
			"are encrypted.",
		run: pointCheck(checkPreferences)},
}

func checkOneProfile(s *Subject, res *resultBuilder) {
	t := res.requireTable(s, "profiles")
	users := res.requireTable(s, "users")
	if t == nil || users == nil {
		return
	}
	res.expect(slices.Equal(t.PrimaryKey(), []string{"user_id"}),
		Finding{Object: "profiles", Problem: "a user can have several profiles: the primary key is not user_id",
			Fix: s.alterTable(t, "ADD PRIMARY KEY (user_id)")})
	res.requireForeignKey(s, "profiles", "user_id", "users", "id")
	res.expect(slices.ContainsFunc(users.ForeignKeys(), func(k catalog.Constraint) bool {
		return slices.Equal(k.Columns, []string{"id"}) && k.References == "profiles" && k.Deferred && k.Validated
	}), Finding{Object: "users.id", Problem: "a user can have no profile: no deferred foreign key refers to profiles",
		Fix: s.alterTable(users, "ADD CONSTRAINT users_profile_fk FOREIGN KEY (id) REFERENCES "+s.tableName("profiles")+
			" (user_id) DEFERRABLE INITIALLY DEFERRED")})
}

const maxLinkBytes = 4096 // bytes; the smallest images are larger

func checkAvatarLink(s *Subject, res *resultBuilder) {
	if t, c := res.requireColumn(s, "profiles", "avatar_url_sealed"); c != nil {
		bound, ok := maxLength(t, c.Name)
		res.expect(ok && bound <= maxLinkBytes,
			Finding{Object: "profiles." + c.Name, Problem: "no CHECK limits it to less than the size of an image",
				Fix: s.alterTable(t, "ADD CHECK (octet_length("+c.Name+") <= 2080)")})
	}
	for _, t := range s.Live.BaseTables() {
		for _, c := range t.Columns {
			if c.Name != "avatar_url_sealed" &&
				regexp.MustCompile(`(?i)(avatar|picture|photo|image)`).MatchString(c.Name) {
				res.expect(!regexp.MustCompile(`(?i)^(bytea|blob)`).MatchString(c.Type),
					Finding{Object: t.Name + "." + c.Name, Problem: "it can store an image"})
			}
		}
	}
}

func checkPreferences(s *Subject, res *resultBuilder) {
	if t, c := res.requireColumn(s, "profiles", "preferences"); c != nil {
		res.expect(hasCheck(t, c.Name, regexp.MustCompile(`json_?b?_?type(of)?\(preferences\) = 'object'`)),
			Finding{Object: "profiles.preferences",
				Problem: "no CHECK requires an object",
				Fix:     s.alterTable(t, "ADD CHECK (jsonb_typeof(preferences) = 'object')")})
		_, bounded := maxLength(t, c.Name)
		res.expect(bounded, Finding{Object: "profiles.preferences", Problem: "no CHECK limits its size",
			Fix: s.alterTable(t, "ADD CHECK (octet_length(preferences::text) <= 16384)")})
	}
	if t, c := res.requireColumn(s, "profiles", "attributes_sealed"); c != nil {
		_, bounded := maxLength(t, c.Name)
		res.expect(bounded, Finding{Object: "profiles.attributes_sealed", Problem: "no CHECK limits its size",
			Fix: s.alterTable(t, "ADD CHECK (octet_length(attributes_sealed) <= 32768)")})
	}
	if res.requireTable(s, "attribute_definitions") != nil {
		res.requireUnique(s, "attribute_definitions", "name")
	}
}

// maxLength returns the maximum number of bytes or characters that the CHECKs allow in a column, false without a limit.
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

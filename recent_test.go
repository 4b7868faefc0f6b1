package cardinal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// withoutRecentSignIn are the actions that need no recent sign-in, each with the reason: what affects who has access
// needs one. Some are names of constants.
var withoutRecentSignIn = map[string]string{
	"action":             "the event of a refused read",
	"attribute.create":   "a definition",
	"attribute.delete":   "a definition",
	"contact.expire":     "a job",
	"country.update":     "a tax rate",
	"import.fail":        "a job",
	"import.finish":      "the end of an import that was started",
	"import.purge":       "a job",
	"import.start":       "the end of an upload, which asked when it began, and the command line",
	"job.retry":          "work of Cardinal itself",
	"job.run":            "work of Cardinal itself",
	"password.wrap":      "a job",
	"permission.create":  "no role has it yet",
	"permission.delete":  "takes access away",
	"permission.update":  "only a description",
	"profile.update":     "asks when the user name changes",
	"role.expire":        "a job",
	"session.confirm":    "is how a session becomes recent",
	"session.end":        "ends access",
	"session.end_all":    "ends access",
	"signInAction":       "is a sign-in",
	"signUpAction":       "is made by anonymous callers",
	"store.ImportAction": "the event of each imported user",
	"refusal.Action":     "counted refusals",
	"t.Action":           "counted attempts",
	"user.create":        "by set-up, which has a link instead of a session",
	"user.expire":        "a job",
	"user.reencrypt":     "a job",
	"user.suspend":       "ends access, and can be urgent",
	"user.unlock":        "ends a wait; the password is still needed",
	"user.update":        "asks when the user name changes",
}

// TestRecentSignInOfEveryRule: each rule of a change says RecentSignIn, or its action is listed with a reason.
func TestRecentSignInOfEveryRule(t *testing.T) {
	asked, listed := 0, map[string]bool{}
	for position, rule := range rulesOfChanges(t) {
		reason := withoutRecentSignIn[rule.action]
		switch {
		case rule.recent:
			asked++
		case reason == "":
			t.Errorf("%s: %s has no RecentSignIn, and withoutRecentSignIn gives no reason", position, rule.action)
		default:
			listed[rule.action] = true
		}
	}
	if asked < 20 {
		t.Errorf("only %d rules need a recent sign-in", asked)
	}
	for action := range withoutRecentSignIn {
		if !listed[action] {
			t.Errorf("withoutRecentSignIn lists %s, but no rule has that action without RecentSignIn", action)
		}
	}
}

type ruleOfChange struct {
	action string
	recent bool
}

// rulesOfChanges returns the rules of directory.Rule with an action, by their position in the source.
func rulesOfChanges(t *testing.T) map[string]ruleOfChange {
	t.Helper()
	rules, files := map[string]ruleOfChange{}, token.NewFileSet()
	err := filepath.WalkDir("internal", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok || textOf(literal.Type) != "Rule" && textOf(literal.Type) != "directory.Rule" {
				return true
			}
			var rule ruleOfChange
			for _, element := range literal.Elts {
				field, ok := element.(*ast.KeyValueExpr)
				if !ok {
					t.Errorf("%s: name the fields of a Rule", files.Position(literal.Pos()))
					continue
				}
				switch textOf(field.Key) {
				case "Action":
					rule.action = strings.Trim(textOf(field.Value), `"`)
				case "RecentSignIn":
					rule.recent = textOf(field.Value) != "false"
				}
			}
			if rule.action != "" {
				rules[files.Position(literal.Pos()).String()] = rule
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// textOf returns the source text of a name or a literal; "…" for any other expression.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return textOf(e.X) + "." + e.Sel.Name
	case *ast.BasicLit:
		return e.Value
	}
	return "…"
}

// Command mutants is a mutation test with a fixed list of mutants. Each mutant disables one protection of Cardinal. The
// tests of that protection must then fail.
//
//	go run ./e2e/mutants [-run PATTERN]
//
// PATTERN is a regular expression. It selects the mutants whose name or changed file matches.
//
// The change is made in a copy of the file, which the compiler reads in place of the original (go test -overlay). The
// checkout does not change. The tests first run without a mutant and must pass, because tests that always fail detect
// nothing. The exit status is 1 when the tests did not detect a mutant.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	pattern := flag.String("run", "", "try only the mutants whose name or file matches this regular expression")
	flag.Parse()
	if err := run(*pattern); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(pattern string) error {
	chosen, err := matching(pattern)
	if err != nil {
		return err
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if err := runUnchanged(root, chosen); err != nil {
		return err
	}
	detected := 0
	for _, m := range chosen {
		began := time.Now()
		err := m.try(root)
		verdict := "detected"
		if err == nil {
			detected++
		} else {
			verdict = "NOT DETECTED"
		}
		fmt.Printf("%-12s %6.1fs  %s\n", verdict, time.Since(began).Seconds(), m.name)
		if err != nil {
			fmt.Printf("  %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
		}
	}
	fmt.Printf("%d mutants tried: %d detected, %d not detected\n", len(chosen), detected, len(chosen)-detected)
	if detected < len(chosen) {
		return fmt.Errorf("the tests did not detect %d mutants", len(chosen)-detected)
	}
	return nil
}

// matching returns the mutants with a name or a changed file that matches a regular expression. An empty one matches
// all.
func matching(pattern string) ([]mutant, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	chosen := slices.DeleteFunc(all(), func(m mutant) bool {
		matchesFile := func(e edit) bool { return re.MatchString(e.file) }
		return !re.MatchString(m.name) && !matchesFile(m.edit) && !slices.ContainsFunc(m.also, matchesFile)
	})
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no mutant matches -run %s", pattern)
	}
	return chosen, nil
}

// runUnchanged runs the tests of all chosen mutants without a mutant. They must pass.
func runUnchanged(root string, mutants []mutant) error {
	runs := map[string][]string{}
	for _, m := range mutants {
		if !slices.Contains(runs[m.pkg], m.run) {
			runs[m.pkg] = append(runs[m.pkg], m.run)
		}
	}
	for pkg, patterns := range runs {
		began := time.Now()
		result := runTests(root, pkg, strings.Join(patterns, "|"), "")
		if result.outcome != passed {
			return fmt.Errorf("the tests of %s fail without a mutant:\n%s", pkg, result.output)
		}
		fmt.Printf("%-12s %6.1fs  %s, without a mutant\n", "passed", time.Since(began).Seconds(), pkg)
	}
	return nil
}

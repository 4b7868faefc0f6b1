// Command mutants switches off one protection of Cardinal after another and runs the tests that guard it, which must fail.
//
//	go run ./e2e/mutants [-only PATTERN]
//
// A protection is switched off in a copy of its file, which the compiler reads in place of the original (go test -overlay): nothing
// of the checkout changes. First the tests run as everything is, and must pass: tests that always fail notice nothing. The exit
// status is 1 when a mutant was not noticed.
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
	only := flag.String("only", "", "try the mutants whose name fits this regular expression")
	flag.Parse()
	if err := try(*only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func try(only string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	chosen := slices.DeleteFunc(all(), func(m mutant) bool { return !pattern.MatchString(m.name) })
	if len(chosen) == 0 {
		return fmt.Errorf("no mutant fits -only %s", only)
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if err := passUnchanged(root, chosen); err != nil {
		return err
	}
	noticed := 0
	for _, m := range chosen {
		began := time.Now()
		err := m.try(root)
		verdict := "noticed"
		if err == nil {
			noticed++
		} else {
			verdict = "NOT NOTICED"
		}
		fmt.Printf("%-12s %6.1fs  %s\n", verdict, time.Since(began).Seconds(), m.name)
		if err != nil {
			fmt.Printf("  %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
		}
	}
	fmt.Printf("%d mutants tried, %d noticed\n", len(chosen), noticed)
	if noticed < len(chosen) {
		return fmt.Errorf("%d protections can be lost without a test that fails", len(chosen)-noticed)
	}
	return nil
}

// passUnchanged runs every test that a mutant counts on, without one.
func passUnchanged(root string, mutants []mutant) error {
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
			return fmt.Errorf("the tests of %s do not pass as everything is:\n%s", pkg, result.output)
		}
		fmt.Printf("%-12s %6.1fs  %s, nothing switched off\n", "passed", time.Since(began).Seconds(), pkg)
	}
	return nil
}

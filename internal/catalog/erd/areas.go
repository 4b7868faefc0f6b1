package erd

import (
	"cmp"
	"path"
	"strings"

	"cardinal/internal/catalog"
)

// The areas of Cardinal's schema.
const (
	identity = "identity"
	access   = "access"
	audit    = "audit"
	privacy  = "privacy"
	service  = "service"
)

// areaOrder is the order of the areas in lists. It also determines their colours.
var areaOrder = []string{identity, access, audit, privacy, service}

// areaPatterns assigns tables to areas by patterns of their names. The first match counts.
var areaPatterns = []struct {
	area     string
	patterns string
}{
	{identity, "users user_kinds user_status* profiles contact* identifiers reserved_* countries " +
		"attribute_definitions search_*"},
	{privacy, "key_encryption_keys service_keys user_keys privacy_* erasure* export_*"},
	{access, "*credentials temporary_passwords password_schemes passkeys recovery_codes one_time_tokens session* " +
		"setup_links sign_in_* role* permissions user_roles api_key*"},
	{audit, "audit_* refused_attempts"},
	{service, "settings jobs idempotency_keys nodes schema_* import_* run* mail* webhook*"},
}

// areaOf returns the area of one of Cardinal's tables. A table that matches no pattern belongs to the service.
func areaOf(table string) string { return cmp.Or(areaByName(table), service) }

func areaByName(table string) string {
	for _, a := range areaPatterns {
		for _, pattern := range strings.Fields(a.patterns) {
			if ok, _ := path.Match(pattern, table); ok {
				return a.area
			}
		}
	}
	return ""
}

// areaByPrefix returns a function that assigns the tables of an external schema to areas. Three or more tables with the
// same first word of their names, such as billing_accounts, billing_invoices and billing_payments, form an area of that
// name. All other tables belong to the area "tables".
func areaByPrefix(tables []catalog.Table) func(table string) string {
	prefix := func(name string) string {
		word, _, _ := strings.Cut(name, "_")
		return strings.TrimSuffix(word, "s")
	}
	count := map[string]int{}
	for _, t := range tables {
		count[prefix(t.Name)]++
	}
	return func(table string) string {
		if p := prefix(table); count[p] >= 3 {
			return p
		}
		return "tables"
	}
}

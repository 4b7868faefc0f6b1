package normal

import (
	"strings"
	"time"
	_ "time/tzdata" // a scratch container has no zone files, and the result must not depend on the machine
)

// maxTimeZoneBytes is twice the longest name in the IANA database.
const maxTimeZoneBytes = 64

// TimeZone returns the trimmed IANA name of a time zone, such as "Europe/Paris" or "UTC", in the spelling of the IANA
// database. "Local" and the empty name are refused because they mean the time zone of the server.
func TimeZone(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) > maxTimeZoneBytes || !isZoneName(s) {
		return refuse("time_zone_format")
	}
	if _, err := time.LoadLocation(s); err != nil {
		return refuse("time_zone_format")
	}
	return s, nil
}

// isZoneName refuses path traversal, and files in the zone folder of a machine that are not zones of the database.
func isZoneName(s string) bool {
	switch s {
	case "", "Local", "localtime", "posixrules", "Factory":
		return false
	}
	if strings.HasPrefix(s, "posix/") || strings.HasPrefix(s, "right/") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '/' && c != '_' && c != '-' && c != '+' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

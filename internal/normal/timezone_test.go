package normal

import "testing"

func TestTimeZone(t *testing.T) {
	checkEqual(t, TimeZone, []equal{
		{"TrimsWhiteSpace", "Europe/Paris", []string{" Europe/Paris\n"}},
		{"TakesUTC", "UTC", nil},
		{"TakesThreeLevels", "America/Argentina/Buenos_Aires", nil},
		{"TakesOffsets", "Etc/GMT+12", nil},
	})
	checkRefused(t, TimeZone, []refused{
		{"RefusesTheServersOwn", "time_zone_format", []string{"", "Local", "localtime"}},
		{"RefusesUnknown", "time_zone_format", []string{"Europe/Atlantis", "GMT+25", "Europe", "europe", "+01:00"}},
		{"RefusesPaths", "time_zone_format", []string{"../zoneinfo/UTC", "/etc/passwd", "Europe/../UTC", "posix/UTC", "right/UTC", `Europe\Paris`}},
	})
}

func FuzzTimeZone(f *testing.F) { fuzz(f, TimeZone, maxTimeZoneBytes, "Asia/Kolkata", "EST5EDT") }

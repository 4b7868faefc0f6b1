package normal

import "testing"

func TestTimeZone(t *testing.T) {
	checkAccepted(t, TimeZone, []acceptedCase{
		{"WhiteSpaceTrimmed", "Europe/Paris", []string{" Europe/Paris\n"}},
		{"UTCAccepted", "UTC", nil},
		{"ThreeLevelsAccepted", "America/Argentina/Buenos_Aires", nil},
		{"OffsetsAccepted", "Etc/GMT+12", nil},
	})
	checkRefused(t, TimeZone, []refusedCase{
		{"ServerZoneRefused", "time_zone_format", []string{"", "Local", "localtime"}},
		{"UnknownRefused", "time_zone_format", []string{"Europe/Atlantis", "GMT+25", "Europe", "europe", "+01:00"}},
		{"PathsRefused", "time_zone_format", []string{"../zoneinfo/UTC", "/etc/passwd", "Europe/../UTC", "posix/UTC",
			"right/UTC", `Europe\Paris`}},
	})
}

func FuzzTimeZone(f *testing.F) { fuzz(f, TimeZone, maxTimeZoneBytes, "Asia/Kolkata", "EST5EDT") }

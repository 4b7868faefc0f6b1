package normal

import (
	"testing"
	"unicode"
)

func TestPhone(t *testing.T) {
	checkAccepted(t, Phone, []acceptedCase{
		{"SeparatorsRemoved", "+442079460018", []string{
			"+44 20 7946 0018", "+44-20-7946-0018", "+44.20.7946.0018", "+44 (20) 7946-0018",
			" +44\u00a020\u202f7946\u20090018 ",
			"+44‑20–7946—0018", "(+44) 20 7946 0018",
		}},
		{"DoubleZeroIsPlus", "+442079460018", []string{"00442079460018", "00 44 20 7946 0018", "0044-20-7946-0018"}},
		{"DigitsOfAllScriptsFolded", "+442079460018", []string{
			"＋４４２０７９４６００１８", "００４４２０７９４６００１８", "+٤٤٢٠٧٩٤٦٠٠١٨", "+۴۴۲۰۷۹۴۶۰۰۱۸", "+४४२०७९४६००१८", "+𝟒𝟒𝟐𝟎𝟕𝟗𝟒𝟔𝟎𝟎𝟏𝟖",
		}},
		{"ShortestAccepted", "+1234567", nil},
		{"LongestAccepted", "+123456789012345", nil},
	})
	checkRefused(t, Phone, []refusedCase{
		{"NationalFormRefused", "phone_format", []string{"020 7946 0018", "2079460018", "442079460018"}},
		{"LeadingZeroRefused", "phone_format", []string{"+0442079460018", "000442079460018"}},
		{"TrunkZeroRefused", "phone_format", []string{"+44 (0)20 7946 0018", "+44 ( 0 ) 20 7946 0018",
			"+44（０）20 7946 0018"}},
		{"WrongLengthRefused", "phone_format", []string{"+", "00", "+123456", "+1234567890123456", "00123456"}},
		{"OtherCharactersRefused", "phone_format",
			[]string{"+44 20 7946 0018 ext 1", "+44/20/79460018", "tel:+442079460018", "+44;2079460018",
				"+½442079460018"}},
		{"MisplacedPlusRefused", "phone_format", []string{"++442079460018", "44+2079460018", "00+442079460018"}},
	})
}

func TestDigit(t *testing.T) {
	t.Run("RangesAreMultiplesOfTen", func(t *testing.T) {
		for _, r := range unicode.Nd.R16 {
			if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
				t.Errorf("%U to %U", r.Lo, r.Hi)
			}
		}
		for _, r := range unicode.Nd.R32 {
			if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
				t.Errorf("%U to %U", r.Lo, r.Hi)
			}
		}
	})
}

func FuzzPhone(f *testing.F) { fuzz(f, Phone, 16, "+1 (234) 567-89.01", "0012345678", "+44 (0)20") }

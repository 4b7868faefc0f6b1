package seed

// decompositions are the letters of the names that have a mark in them, each before its parts, with the marks written out so
// that they can be told apart (Unicode, UnicodeData.txt).
const decompositions = "" +
	"À A\u0300 Á A\u0301 Â A\u0302 Ã A\u0303 Ä A\u0308 Å A\u030a Ç C\u0327 È E\u0300 É E\u0301 Ê E\u0302 " +
	"Ë E\u0308 Ì I\u0300 Í I\u0301 Î I\u0302 Ï I\u0308 Ñ N\u0303 Ò O\u0300 Ó O\u0301 Ô O\u0302 Õ O\u0303 " +
	"Ö O\u0308 Ù U\u0300 Ú U\u0301 Ü U\u0308 Ý Y\u0301 à a\u0300 á a\u0301 â a\u0302 ã a\u0303 ä a\u0308 " +
	"å a\u030a ç c\u0327 è e\u0300 é e\u0301 ê e\u0302 ë e\u0308 ì i\u0300 í i\u0301 î i\u0302 ï i\u0308 " +
	"ñ n\u0303 ò o\u0300 ó o\u0301 ô o\u0302 õ o\u0303 ö o\u0308 ù u\u0300 ú u\u0301 ü u\u0308 ý y\u0301 " +
	"Ă A\u0306 ă a\u0306 Ą A\u0328 ą a\u0328 Č C\u030c č c\u030c Ę E\u0328 ę e\u0328 Ě E\u030c ě e\u030c " +
	"Ğ G\u0306 ğ g\u0306 Ĩ I\u0303 ĩ i\u0303 İ I\u0307 Ń N\u0301 ń n\u0301 Ň N\u030c ň n\u030c Ő O\u030b " +
	"ő o\u030b Ř R\u030c ř r\u030c Ś S\u0301 ś s\u0301 Ş S\u0327 ş s\u0327 Š S\u030c š s\u030c Ť T\u030c " +
	"ť t\u030c Ũ U\u0303 ũ u\u0303 Ů U\u030a ů u\u030a Ű U\u030b ű u\u030b Ż Z\u0307 ż z\u0307 Ž Z\u030c " +
	"ž z\u030c Ơ O\u031b ơ o\u031b Ư U\u031b ư u\u031b Ά Α\u0301 Έ Ε\u0301 Ή Η\u0301 Ί Ι\u0301 Ό Ο\u0301 " +
	"Ύ Υ\u0301 Ώ Ω\u0301 ΐ ι\u0308\u0301 Ϋ Υ\u0308 ά α\u0301 έ ε\u0301 ή η\u0301 ί ι\u0301 ϋ υ\u0308 ό ο\u0301 " +
	"ύ υ\u0301 ώ ω\u0301 Ё Е\u0308 Ї І\u0308 Й И\u0306 й и\u0306 ё е\u0308 ї і\u0308 \u0622 \u0627\u0653 \u0623 \u0627\u0654 " +
	"\u0625 \u0627\u0655 \u0626 \u064a\u0654 \u09cb \u09c7\u09be \u09cc \u09c7\u09d7 \u0bcb \u0bc7\u0bbe Ṣ S\u0323 ṣ s\u0323 Ạ A\u0323 ạ a\u0323 Ả A\u0309 " +
	"ả a\u0309 Ấ A\u0302\u0301 ấ a\u0302\u0301 Ầ A\u0302\u0300 ầ a\u0302\u0300 Ặ A\u0323\u0306 ặ a\u0323\u0306 Ẹ E\u0323 ẹ e\u0323 Ế E\u0302\u0301 " +
	"ế e\u0302\u0301 Ề E\u0302\u0300 ề e\u0302\u0300 Ễ E\u0302\u0303 ễ e\u0302\u0303 Ệ E\u0323\u0302 ệ e\u0323\u0302 Ị I\u0323 ị i\u0323 Ọ O\u0323 " +
	"ọ o\u0323 Ố O\u0302\u0301 ố o\u0302\u0301 Ồ O\u0302\u0300 ồ o\u0302\u0300 Ỗ O\u0302\u0303 ỗ o\u0302\u0303 Ộ O\u0323\u0302 ộ o\u0323\u0302 Ớ O\u031b\u0301 " +
	"ớ o\u031b\u0301 Ờ O\u031b\u0300 ờ o\u031b\u0300 Ợ O\u031b\u0323 ợ o\u031b\u0323 Ủ U\u0309 ủ u\u0309 Ứ U\u031b\u0301 ứ u\u031b\u0301 Ữ U\u031b\u0303 " +
	"ữ u\u031b\u0303 Ỳ Y\u0300 ỳ y\u0300 Ỹ Y\u0303 ỹ y\u0303 ぐ く\u3099 じ し\u3099 ず す\u3099 ジ シ\u3099 ダ タ\u3099 "

package seed

// Syntax of the lists of names: names are separated by spaces, and _ stands for a space inside a name. "=" is followed
// by the transliteration, where removing the diacritics does not give it. "|" separates the masculine and the feminine
// form, where they differ.

// place is where people of a culture live: ISO 3166-1 code, BCP 47 tag, IANA time zone, country calling code.
type place struct{ country, locale, zone, calling string }

// culture is a set of names and the order in which they form a full name.
type culture struct {
	places []place
	women  string // given names
	men    string
	family string
	order  order
	middle [2]string // names between family and given name, of women and of men
	domain string    // an internationalized domain under .example
	digits rune      // the digit zero of the culture's script; 0 for ASCII digits

	nativeHandles bool // some user names and addresses are in the culture's script
	secondNames   bool // some people have a second given name
}

// order is how given and family names form a full name.
type order int

const (
	givenFamily       order = iota // Anna Müller
	givenFamilyFamily              // Lucía García Fernández
	familyGiven                    // Nagy Réka
	familyMiddleGiven              // Nguyễn Thị Mai
	joined                         // 李娜
	spaced                         // 佐藤 結衣, sometimes with an ideographic space
	initialGiven                   // கா. முருகன்: the first letter of the father's name
)

// sharedDomain is an internationalized domain that some users of every culture have.
const sharedDomain = "bücher.example"

var cultures = []culture{
	{ // English
		places: []place{{"US", "en-US", "America/New_York", "1"}, {"US", "en-US", "America/Los_Angeles", "1"},
			{"GB", "en-GB", "Europe/London", "44"}, {"IE", "en-IE", "Europe/Dublin", "353"},
			{"AU", "en-AU", "Australia/Sydney", "61"}, {"NZ", "en-NZ", "Pacific/Auckland", "64"}},
		women: "Olivia Amelia Zoë Chloë Grace Siobhán Aoife Niamh Charlotte Hannah Mary-Ann Renée Emily Ruby",
		men:   "Oliver James Noah Seán Conor Pádraig William Jack Thomas Theo Samuel Jean-Paul Harry Dónal",
		family: "Smith O’Brien Walker MacDonald Ní_Dhomhnaill O'Connor Taylor Brontë Hughes Fitzgerald Wright " +
			"St._John Baker Evans-Jones",
		domain: "café.example", secondNames: true,
	},
	{ // German
		places: []place{{"DE", "de-DE", "Europe/Berlin", "49"}, {"AT", "de-AT", "Europe/Vienna", "43"},
			{"CH", "de-CH", "Europe/Zurich", "41"}},
		women: "Jördis=joerdis Anna Käthe=kaethe Lena Zoë Greta Änne=aenne Ursula Hanna-Lena Frieda Sophie Klara",
		men: "Jörg=joerg Jürgen=juergen Günther=guenther Max Björn=bjoern Lukas Karl-Heinz Felix Sören=soeren " +
			"Götz=goetz Emil Till",
		family: "Müller=mueller Schäfer=schaefer Groß=gross Weiß=weiss Köhler=koehler Schmidt Jäger=jaeger " +
			"von_der_Heide Strauß=strauss Böhm=boehm Fuchs Krüger=krueger",
		domain: "straße.example", secondNames: true, nativeHandles: true,
	},
	{ // French
		places: []place{{"FR", "fr-FR", "Europe/Paris", "33"}, {"BE", "fr-BE", "Europe/Brussels", "32"},
			{"CA", "fr-CA", "America/Toronto", "1"}, {"SN", "fr-SN", "Africa/Dakar", "221"}},
		women:  "Éloïse Chloé Zoé Anaïs Léa Inès Maëlle Françoise Hélène Aïssatou Noémie Marie-Ève",
		men:    "François Rémi Loïc Jérôme Jean-Noël Benoît Théo Gaël Étienne Mamadou Anselme Côme",
		family: "Lefèvre Dupré Gagné Lemaître Béranger Côté Sène d’Aubigné Le_Goff Bédard Noël N’Diaye Garçon",
		domain: "école.example", secondNames: true,
	},
	{ // Spanish
		places: []place{{"ES", "es-ES", "Europe/Madrid", "34"}, {"MX", "es-MX", "America/Mexico_City", "52"},
			{"AR", "es-AR", "America/Argentina/Buenos_Aires", "54"}, {"CO", "es-CO", "America/Bogota", "57"}},
		women: "Lucía María_José Sofía Begoña Inés Ángela Concepción Verónica Ximena Belén Itzel Rocío",
		men:   "José_Luis Andrés Iñigo Ramón Ángel Sebastián Joaquín Martín Óscar Nicolás Raúl Adrián",
		family: "García Fernández Muñoz Núñez Ibáñez Rodríguez López Peña Martínez de_la_Cruz Yáñez Güemes " +
			"Hernández Ordóñez",
		order: givenFamilyFamily, domain: "mañana.example",
	},
	{ // Portuguese
		places: []place{{"BR", "pt-BR", "America/Sao_Paulo", "55"}, {"PT", "pt-PT", "Europe/Lisbon", "351"},
			{"AO", "pt-AO", "Africa/Luanda", "244"}},
		women: "Conceição Inês Antônia Luísa Assunção Vitória Letícia Júlia Flávia Mônica Maria_João Cecília",
		men:   "João José Antônio Luís Sebastião Vinícius César Márcio Fábio Otávio Simão Caetano",
		family: "Gonçalves Simões Araújo Magalhães Conceição da_Silva dos_Santos Guimarães Brandão Lourenço Falcão " +
			"Câmara",
		order: givenFamilyFamily, domain: "coração.example",
	},
	{ // Polish
		places: []place{{"PL", "pl-PL", "Europe/Warsaw", "48"}},
		women:  "Małgorzata Łucja Zofia Agnieszka Bożena Grażyna Róża Żaneta Katarzyna Elżbieta Jagna",
		men:    "Łukasz Paweł Zdzisław Mikołaj Sławomir Józef Bartłomiej Krzysztof Błażej Wojciech Stanisław",
		family: "Kowalski|Kowalska Wiśniewski|Wiśniewska Dąbrowski|Dąbrowska Wójcik Zając Łuczak Świątek " +
			"Gołębiowski|Gołębiowska Żak Szczęsny",
		domain: "żółw.example", secondNames: true,
	},
	{ // Czech
		places: []place{{"CZ", "cs-CZ", "Europe/Prague", "420"}},
		women:  "Tereza Kateřina Božena Zdeňka Markéta Růžena Šárka Žofie Eliška Běla",
		men:    "Jiří Ondřej Tomáš Lukáš Řehoř Zdeněk Matěj Vojtěch Bořivoj Šimon",
		family: "Novák|Nováková Dvořák|Dvořáková Svoboda|Svobodová Kučera|Kučerová Němec|Němcová Růžička|Růžičková " +
			"Beneš|Benešová Šťastný|Šťastná Čapek|Čapková",
		domain: "kůň.example", secondNames: true,
	},
	{ // Turkish
		places: []place{{"TR", "tr-TR", "Europe/Istanbul", "90"}},
		women:  "İpek Işıl Gülşah Çiğdem Şule Özlem Ümran Ayşe Nâzan Zeynep İrem Öykü",
		men:    "İsmail Işık Çağrı Oğuzhan Şükrü Ömer Ümit Barış Kâmil Yiğit Görkem İlhan",
		family: "Yılmaz Şahin Çelik Öztürk Kılıç Doğan Işıklı İnan Güneş Aydın Koç Çınar",
		domain: "güneş.example", secondNames: true,
	},
	{ // Scandinavian
		places: []place{{"SE", "sv-SE", "Europe/Stockholm", "46"}, {"NO", "nb-NO", "Europe/Oslo", "47"},
			{"DK", "da-DK", "Europe/Copenhagen", "45"}, {"IS", "is-IS", "Atlantic/Reykjavik", "354"}},
		women:  "Åsa Märta Bodil Søs Sigríður Þóra Ása Linnéa Göta Gyða Solveig Freja",
		men:    "Åke Håkan Björn Søren Þór Östen Gísli Kåre Jørgen Ægir Bjarne Mårten",
		family: "Åström Bergström Sjögren Øvergård Nørgaard Lindqvist Kjær Sæther Ström Bø Sørensen Jónsson|Jónsdóttir",
		domain: "blåbær.example", secondNames: true,
	},
	{ // Hungarian
		places: []place{{"HU", "hu-HU", "Europe/Budapest", "36"}},
		women:  "Réka Ágnes Erzsébet Zsófia Ildikó Éva Tünde Csilla Piroska Gyöngyvér",
		men:    "László György Gergő Ödön Zoltán István Bálint Csaba Őrs Ábel",
		family: "Nagy Kovács Szabó Tóth Horváth Kőszegi Vörös Fekete Hegedűs Szűcs Győri",
		order:  familyGiven, domain: "fűrész.example",
	},
	{ // Vietnamese
		places: []place{{"VN", "vi-VN", "Asia/Ho_Chi_Minh", "84"}},
		women:  "Hương Thảo Nguyệt Ngọc Diễm Hiền Phượng Hồng Lệ Thủy Mỹ Quỳnh",
		men:    "Dũng Hùng Tuấn Đức Nghĩa Khôi Phước Quốc Hiếu Bảo Lộc Tường",
		family: "Nguyễn Trần Lê Phạm Huỳnh Vũ Đặng Bùi Đỗ Hồ Ngô Dương",
		order:  familyMiddleGiven, middle: [2]string{"Thị Ngọc Thị_Mỹ Diệu", "Văn Đình Hữu Quang"},
		domain: "việt.example",
	},
	{ // Yoruba and Igbo: letters with a dot below and a tone mark, which have no precomposed form
		places: []place{{"NG", "yo-NG", "Africa/Lagos", "234"}, {"NG", "ig-NG", "Africa/Lagos", "234"},
			{"BJ", "yo-BJ", "Africa/Porto-Novo", "229"}},
		women:  "Fọlákẹ́ Yétúndé Títílayọ̀ Ṣadé Àbẹ̀kẹ́ Ngọzi Ọlábísí Ifeọma Bọ́láńlé",
		men:    "Adébáyọ̀ Olúwaṣẹ́gun Babátúndé Ọláwálé Kẹ́hìndé Táíwò Chukwuemeka Àyọ̀délé Ọbáfẹ́mi",
		family: "Adéyẹmí Ọláníyan Ṣóyínká Akínlọlú Ọ̀súntókun Fálétí Ògúnbánjọ Ọdúnsì Ezé",
		domain: "ọjà.example", secondNames: true,
	},
	{ // Greek
		places: []place{{"GR", "el-GR", "Europe/Athens", "30"}, {"CY", "el-CY", "Asia/Nicosia", "357"}},
		women: "Ελένη=eleni Μαρία=maria Αικατερίνη=aikaterini Ζωή=zoi Ευαγγελία=evangelia Χρυσάνθη=chrysanthi " +
			"Ίρις=iris Θεοδώρα=theodora Αγλαΐα=aglaia Μαΐρα=maira",
		men: "Γιώργος=giorgos Δημήτρης=dimitris Ιωάννης=ioannis Κωνσταντίνος=konstantinos Ηλίας=ilias " +
			"Άγγελος=angelos Σπύρος=spyros Χρήστος=christos Οδυσσέας=odysseas Ραϋμόνδος=raymondos",
		family: "Παπαδόπουλος=papadopoulos|Παπαδοπούλου=papadopoulou Νικολάου=nikolaou Γεωργίου=georgiou " +
			"Κωνσταντινίδης=konstantinidis|Κωνσταντινίδου=konstantinidou Οικονόμου=oikonomou " +
			"Βλάχος=vlachos|Βλάχου=vlachou Καραγιάννης=karagiannis|Καραγιάννη=karagianni Αθανασίου=athanasiou",
		domain: "παράδειγμα.example", nativeHandles: true,
	},
	{ // Russian
		places: []place{{"RU", "ru-RU", "Europe/Moscow", "7"}, {"RU", "ru-RU", "Asia/Vladivostok", "7"},
			{"KZ", "ru-KZ", "Asia/Almaty", "7"}},
		women: "Анна=anna Мария=mariya Ольга=olga Алёна=alyona Наталья=natalya Екатерина=ekaterina Юлия=yuliya " +
			"Татьяна=tatyana Зоя=zoya Фёкла=fyokla",
		men: "Алексей=aleksey Дмитрий=dmitriy Сергей=sergey Пётр=pyotr Андрей=andrey Фёдор=fyodor " +
			"Николай=nikolay Илья=ilya Семён=semyon Юрий=yuriy",
		family: "Иванов=ivanov|Иванова=ivanova Смирнов=smirnov|Смирнова=smirnova " +
			"Соловьёв=solovyov|Соловьёва=solovyova Чайковский=chaykovskiy|Чайковская=chaykovskaya " +
			"Щербаков=shcherbakov|Щербакова=shcherbakova Воробьёв=vorobyov|Воробьёва=vorobyova " +
			"Толстой=tolstoy|Толстая=tolstaya Лебедев=lebedev|Лебедева=lebedeva",
		domain: "пример.example", nativeHandles: true,
	},
	{ // Ukrainian
		places: []place{{"UA", "uk-UA", "Europe/Kyiv", "380"}},
		women: "Олена=olena Ірина=iryna Оксана=oksana Софія=sofiia Соломія=solomiia Мар’яна=mariana Леся=lesia " +
			"Євгенія=yevheniia Ганна=hanna",
		men: "Андрій=andrii Тарас=taras Олексій=oleksii Мирослав=myroslav Сергій=serhii Богдан=bohdan " +
			"Юрій=yurii Остап=ostap Дем’ян=demian",
		family: "Шевченко=shevchenko Коваленко=kovalenko Бондаренко=bondarenko Гайдай=haidai Їжакевич=yizhakevych " +
			"Ґалаґан=galagan Мельник=melnyk Чорновіл=chornovil Зеленський=zelenskyi|Зеленська=zelenska " +
			"Лисенко=lysenko",
		domain: "приклад.example", nativeHandles: true,
	},
	{ // Armenian
		places: []place{{"AM", "hy-AM", "Asia/Yerevan", "374"}},
		women:  "Անի=ani Նարե=nare Լիլիթ=lilit Մարիամ=mariam Աստղիկ=astghik Հասմիկ=hasmik Գայանե=gayane Շուշան=shushan",
		men:    "Արմեն=armen Տիգրան=tigran Հայկ=hayk Գևորգ=gevorg Վահան=vahan Արամ=aram Դավիթ=davit Սուրեն=suren",
		family: "Սարգսյան=sargsyan Հովհաննիսյան=hovhannisyan Պետրոսյան=petrosyan Գրիգորյան=grigoryan " +
			"Խաչատրյան=khachatryan Տեր-Պետրոսյան=terpetrosyan Մկրտչյան=mkrtchyan",
		domain: "օրինակ.example", nativeHandles: true,
	},
	{ // Georgian
		places: []place{{"GE", "ka-GE", "Asia/Tbilisi", "995"}},
		women: "ნინო=nino თამარ=tamar ქეთევან=ketevan მარიამ=mariam ლელა=lela ეკატერინე=ekaterine ნათია=natia " +
			"სოფიო=sopio",
		men: "გიორგი=giorgi ლევან=levan დავით=davit ზურაბ=zurab ვახტანგ=vakhtang შოთა=shota ირაკლი=irakli ბექა=beka",
		family: "ბერიძე=beridze კაპანაძე=kapanadze გელაშვილი=gelashvili მაისურაძე=maisuradze " +
			"ჯავახიშვილი=javakhishvili წერეთელი=tsereteli ღვინიაშვილი=ghviniashvili",
		domain: "მაგალითი.example", nativeHandles: true,
	},
	{ // Hebrew, some with vowel points
		places: []place{{"IL", "he-IL", "Asia/Jerusalem", "972"}},
		women:  "נועה=noa תמר=tamar שירה=shira מיכל=michal יעל=yael רוּת=rut אביגיל=avigail חַנָּה=hanna עדי=adi",
		men:    "יוסף=yosef דוד=david אריאל=ariel משה=moshe יונתן=yonatan אִתָּי=itay נועם=noam שׁמואל=shmuel צבי=tzvi",
		family: "כהן=cohen לוי=levi מזרחי=mizrahi פרידמן=fridman אזולאי=azoulay בן-דוד=bendavid שפירא=shapira " +
			"גולדשטיין=goldstein חדד=hadad",
		domain: "דוגמה.example", nativeHandles: true,
	},
	{ // Arabic, some with vowel marks
		places: []place{{"EG", "ar-EG", "Africa/Cairo", "20"}, {"SA", "ar-SA", "Asia/Riyadh", "966"},
			{"MA", "ar-MA", "Africa/Casablanca", "212"}, {"SY", "ar-SY", "Asia/Damascus", "963"},
			{"AE", "ar-AE", "Asia/Dubai", "971"}},
		women: "فاطمة=fatima عائشة=aisha مريم=maryam نور=nour ليلى=layla سَلْمَى=salma زينب=zaynab آية=aya " +
			"هند=hind رُقَيَّة=ruqayya",
		men: "مُحَمَّد=muhammad أحمد=ahmad يوسف=yusuf عمر=omar علي=ali خالد=khalid إبراهيم=ibrahim " +
			"عبد_الرحمن=abdulrahman طارق=tariq حَسَن=hasan",
		family: "الخطيب=alkhatib المصري=almasri حداد=haddad النجار=alnajjar السيد=alsayyid بن_علي=benali " +
			"العمري=alomari منصور=mansour القحطاني=alqahtani",
		domain: "مثال.example", digits: '٠', nativeHandles: true,
	},
	{ // Persian, some with a zero-width non-joiner
		places: []place{{"IR", "fa-IR", "Asia/Tehran", "98"}, {"AF", "fa-AF", "Asia/Kabul", "93"}},
		women: "زهرا=zahra فاطمه=fateme نیلوفر=niloufar شیرین=shirin گل\u200cنار=golnar پریسا=parisa " +
			"مه\u200cلقا=mahlagha ژاله=zhaleh",
		men: "علی=ali محمدرضا=mohammadreza حسین=hossein کوروش=kourosh امیر\u200cعلی=amirali آرش=arash " +
			"پیمان=peyman بیژن=bizhan",
		family: "احمدی=ahmadi حسینی=hosseini کریمی=karimi موسوی=mousavi گل\u200cمحمدی=golmohammadi پورعلی=pourali " +
			"چگینی=chegini ژیان=zhian",
		domain: "نمونه.example", digits: '۰', nativeHandles: true,
	},
	{ // Hindi
		places: []place{{"IN", "hi-IN", "Asia/Kolkata", "91"}, {"NP", "ne-NP", "Asia/Kathmandu", "977"}},
		women: "प्रिया=priya अनीता=anita दीपिका=deepika लक्ष्मी=lakshmi सुनीता=sunita राधिका=radhika ज्योति=jyoti " +
			"कृतिका=kritika ऋचा=richa",
		men: "राजेश=rajesh अमित=amit विक्रम=vikram संजय=sanjay कृष्ण=krishna अर्जुन=arjun मनीष=manish " +
			"हृतिक=hrithik ज्ञानेश=gyanesh",
		family: "शर्मा=sharma सिंह=singh गुप्ता=gupta वर्मा=verma मिश्रा=mishra पाण्डेय=pandey " +
			"चतुर्वेदी=chaturvedi राठौड़=rathore श्रेष्ठ=shrestha",
		domain: "उदाहरण.example", digits: '०', nativeHandles: true,
	},
	{ // Bengali
		places: []place{{"BD", "bn-BD", "Asia/Dhaka", "880"}, {"IN", "bn-IN", "Asia/Kolkata", "91"}},
		women: "শর্মিলা=sharmila অনন্যা=ananya নাসরিন=nasrin মৌসুমী=mousumi রুকসানা=ruksana জয়া=joya " +
			"সুস্মিতা=sushmita তৃষা=trisha",
		men: "রবীন্দ্র=rabindra সৌরভ=sourav আনিসুর=anisur রফিক=rafiq অভিজিৎ=abhijit তানভীর=tanvir " +
			"কৃষ্ণেন্দু=krishnendu জয়ন্ত=jayanta",
		family: "চট্টোপাধ্যায়=chattopadhyay রহমান=rahman হোসেন=hossain দাস=das ঠাকুর=thakur ইসলাম=islam " +
			"সেনগুপ্ত=sengupta বড়ুয়া=barua",
		domain: "উদাহরণ.example", digits: '০', nativeHandles: true,
	},
	{ // Tamil: the initial of the father's name in place of a family name
		places: []place{{"IN", "ta-IN", "Asia/Kolkata", "91"}, {"LK", "ta-LK", "Asia/Colombo", "94"},
			{"SG", "ta-SG", "Asia/Singapore", "65"}},
		women: "மீனாட்சி=meenakshi கலைவாணி=kalaivani தமிழ்ச்செல்வி=tamilselvi லட்சுமி=lakshmi யாழினி=yazhini " +
			"அருந்ததி=arundhati கயல்விழி=kayalvizhi",
		men: "முருகன்=murugan செந்தில்=senthil கார்த்திக்=karthik இளங்கோ=ilango அன்பழகன்=anbazhagan " +
			"தமிழரசன்=tamilarasan சுப்பிரமணியம்=subramaniam",
		family: "கா=ka மு=mu செ=se இ=i வே=ve கோ=ko சு=su ஜெ=je",
		order:  initialGiven, domain: "உதாரணம்.example", nativeHandles: true,
	},
	{ // Thai
		places: []place{{"TH", "th-TH", "Asia/Bangkok", "66"}},
		women: "สมหญิง=somying กัญญา=kanya พิมพ์ชนก=pimchanok ปวีณา=paweena น้ำฝน=namfon วิไลวรรณ=wilaiwan " +
			"อรุณี=arunee จิราภรณ์=jiraporn",
		men: "สมชาย=somchai ประเสริฐ=prasert ณัฐวุฒิ=nattawut ธีรเดช=teeradech กิตติ=kitti วีระ=weera " +
			"ศักดิ์ชัย=sakchai อภิสิทธิ์=apisit",
		family: "ศรีสุวรรณ=srisuwan ใจดี=jaidee วงศ์ไทย=wongthai แก้วมณี=kaewmanee ทองคำ=thongkham " +
			"สุขสวัสดิ์=suksawat รัตนพันธุ์=rattanaphan เจริญผล=charoenphol",
		domain: "ตัวอย่าง.example", digits: '๐',
	},
	{ // Chinese, simplified
		places: []place{{"CN", "zh-Hans-CN", "Asia/Shanghai", "86"}, {"SG", "zh-Hans-SG", "Asia/Singapore", "65"}},
		women:  "娜=na 秀英=xiuying 丽华=lihua 静=jing 梓涵=zihan 雨桐=yutong 欣怡=xinyi 芳=fang 晓燕=xiaoyan",
		men:    "伟=wei 建国=jianguo 强=qiang 志明=zhiming 浩然=haoran 磊=lei 俊杰=junjie 宇轩=yuxuan 大勇=dayong",
		family: "王=wang 李=li 张=zhang 刘=liu 陈=chen 杨=yang 欧阳=ouyang 赵=zhao 诸葛=zhuge 周=zhou 㐱=zhen",
		order:  joined, domain: "例子.example", nativeHandles: true,
	},
	{ // Chinese, traditional
		places: []place{{"TW", "zh-Hant-TW", "Asia/Taipei", "886"}, {"HK", "zh-Hant-HK", "Asia/Hong_Kong", "852"}},
		women:  "淑芬=shufen 美玲=meiling 雅婷=yating 怡君=yijun 麗華=lihua 詠詩=wingsze 寶珠=paochu 曉雯=hiumann",
		men:    "志豪=chihhao 家豪=kaho 國榮=kwokwing 俊傑=chunchieh 冠宇=kuanyu 學友=hokyau 偉強=waikeung 德華=takwah",
		family: "陳=chen 林=lin 黃=huang 張=chang 劉=liu 歐陽=ouyang 謝=hsieh 鄧=tang 蘇=su 龔=kung",
		order:  joined, domain: "範例.example", nativeHandles: true,
	},
	{ // Japanese, with 𠮷, which is outside the Basic Multilingual Plane
		places: []place{{"JP", "ja-JP", "Asia/Tokyo", "81"}},
		women:  "結衣=yui さくら=sakura 陽菜=hina 美咲=misaki しずか=shizuka ひなた=hinata 葵=aoi マリア=maria 花子=hanako めぐみ=megumi",
		men:    "蓮=ren 大翔=hiroto 太郎=taro 健一=kenichi 翔太=shota ジョージ=joji けんじ=kenji 悠真=yuma 一郎=ichiro タダシ=tadashi",
		family: "佐藤=sato 鈴木=suzuki 𠮷田=yoshida 髙橋=takahashi 渡邉=watanabe 山﨑=yamazaki 伊藤=ito 小林=kobayashi 齋藤=saito " +
			"佐々木=sasaki",
		order: spaced, domain: "例え.example", nativeHandles: true,
	},
	{ // Korean
		places: []place{{"KR", "ko-KR", "Asia/Seoul", "82"}},
		women:  "서연=seoyeon 지우=jiwoo 민지=minji 하은=haeun 수빈=subin 영희=younghee 예린=yerin 은정=eunjung",
		men:    "민준=minjun 서준=seojun 도윤=doyoon 철수=cheolsu 지훈=jihoon 현우=hyunwoo 성민=sungmin 태양=taeyang",
		family: "김=kim 이=lee 박=park 최=choi 정=jung 강=kang 남궁=namgung 황보=hwangbo 윤=yoon",
		order:  joined, domain: "예.example", nativeHandles: true,
	},
	{ // Amharic: the father's given name in place of a family name
		places: []place{{"ET", "am-ET", "Africa/Addis_Ababa", "251"}},
		women:  "ሰላም=selam ትዕግስት=tigist ሕይወት=hiwot ሳራ=sara መስከረም=meskerem ብርቱካን=birtukan ሐና=hanna ጽጌ=tsige",
		men:    "አበበ=abebe ዳዊት=dawit ተስፋዬ=tesfaye ሙሉጌታ=mulugeta ኃይሌ=haile ዮሐንስ=yohannes ጌታቸው=getachew ብርሃኑ=birhanu",
		family: "በቀለ=bekele ገብረማርያም=gebremariam ተስፋዬ=tesfaye ወልደጊዮርጊስ=woldegiorgis ዓለሙ=alemu ኃይለሥላሴ=haileselassie " +
			"ታደሰ=tadesse",
		domain: "ምሳሌ.example", nativeHandles: true,
	},
}

package check

// questions are the guide's final checklist. Each is answered by points and scans; nothing is checked twice.
var questions = []Check{
	{ID: "Q1", Kind: Question, Title: "all primary keys are UUIDs or auto-increment integers",
		Guide: "Are all primary keys UUIDs or auto-increment integers?", answeredBy: []string{"G01"}},
	{ID: "Q2", Kind: Question, Title: "all foreign keys are indexed", Guide: "Are all foreign keys indexed?",
		answeredBy: []string{"G23"}},
	{ID: "Q3", Kind: Question, Title: "email addresses and user names are unique",
		Guide: "Is there a unique constraint on email addresses or usernames?", answeredBy: []string{"G26"}},
	{ID: "Q4", Kind: Question, Title: "timestamps are stored in UTC", Guide: "Are timestamps stored in UTC?",
		answeredBy: []string{"G27"}},
	{ID: "Q5", Kind: Question, Title: "there is a mechanism for soft deletes",
		Guide: "Is there a mechanism for soft deletes?", answeredBy: []string{"G19"}},
	{ID: "Q6", Kind: Question, Title: "sensitive data is separated from identity data",
		Guide: "Is sensitive data separated from identity data?", answeredBy: []string{"G11", "G18"}},
	{ID: "Q7", Kind: Question, Title: "common queries have indexes",
		Guide: "Are there indexes for common query patterns?", answeredBy: []string{"G23", "G25", "D07"}},
	{ID: "Q8", Kind: Question, Title: "the schema is normalized to the third normal form",
		Guide: "Is the schema normalized to at least 3NF?", answeredBy: []string{"G15", "G16", "G17", "D01", "D02"}},
	{ID: "Q9", Kind: Question, Title: "the design supports the required security compliance",
		Guide:      "Does the design support the required security compliance standards?",
		answeredBy: []string{"G08", "G32"}},
}

// compliance is the guide's section on security and compliance as a whole: the checks of its parts, and that no erasure
// is overdue.
var compliance = Check{ID: "G32", Kind: Point, Title: "security and compliance: all related checks together",
	Guide: "Compliance with regulations like GDPR or CCPA requires specific schema design choices.",
	Why: "Each of these checks depends on the others: for example, an erasure has no effect if the log keeps the " +
		"data. This check passes if all of them do.",
	answeredBy: []string{"G11", "G18", "G19", "G20", "G21", "G22", "G28", "D04"}}

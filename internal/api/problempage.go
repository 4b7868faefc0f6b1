package api

import (
	"fmt"
	"net/http"

	"cardinal"
)

// problemPage answers with the page that the type of a problem links to: the texts of the code. It loads nothing from
// other sites.
func problemPage(w http.ResponseWriter, r *http.Request) {
	c, ok := cardinal.FindCode(r.PathValue("code"))
	if !ok {
		http.Error(w, "No such code. /problems lists all codes.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s\n\n%s.\n", c.Name, c.Title)
	if c.Explanation != "" {
		fmt.Fprintf(w, "%s\n", c.Explanation)
	}
	fmt.Fprintf(w, "\nWhat to do: %s\n", c.Fix)
}

// problemIndex lists all codes.
func problemIndex(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, c := range cardinal.Codes {
		fmt.Fprintf(w, "%-28s %s\n", c.Name, c.Title)
	}
}

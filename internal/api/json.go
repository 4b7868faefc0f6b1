package api

import (
	"encoding/json"
	"net/http"
)

// writeJSON answers with a small JSON body, outside of a handler of huma.
func writeJSON(w http.ResponseWriter, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write(append(text, '\n')) // the client can be gone
}

var jsonType = []string{"application/json"}

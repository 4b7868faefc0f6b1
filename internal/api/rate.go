package api

import (
	"fmt"
	"math"
)

// writeRate sets the headers about the limit on changes of the own account, when the request was such a change
// (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4): the limit q per window w in seconds, then the rest r and
// the seconds t until the limit begins again.
func (s requestState) writeRate() {
	if s.rate == nil || s.rate.Limit == 0 {
		return
	}
	window, reset := int(s.rate.Window.Seconds()), int(math.Ceil(s.rate.Reset.Seconds()))
	s.header.Set("RateLimit-Policy", fmt.Sprintf(`"own-changes";q=%d;w=%d`, s.rate.Limit, window))
	s.header.Set("RateLimit", fmt.Sprintf(`"own-changes";r=%d;t=%d`, s.rate.Left, reset))
}

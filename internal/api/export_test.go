package api

import "time"

// LimitUploads makes the limits of uploads ones that a test can reach.
func (a *API) LimitUploads(bytes int64, pace int, in time.Duration) {
	a.uploads = uploadLimits{bytes: bytes, pace: pace, in: in}
}

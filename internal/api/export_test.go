package api

import "time"

// LimitUploads sets limits of uploads that a test can reach.
func (a *API) LimitUploads(size int64, pace int, interval time.Duration) {
	a.uploads = uploadLimits{size: size, pace: pace, interval: interval}
}

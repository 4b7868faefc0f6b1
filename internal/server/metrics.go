package server

import (
	"errors"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts requests by route and class of status. A route is looked up without a lock and without hashing its labels: a
// session check costs little more than this does.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	page     http.Handler

	routes atomic.Pointer[map[string]*route] // never changed, only replaced
	adding sync.Mutex
}

// maxRoutes bounds the labels, whatever the API takes for a pattern.
const maxRoutes = 512

var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

type route struct {
	class [len(classes)]atomic.Pointer[series]
}

type series struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

func newMetrics(registry *prometheus.Registry, inFlight func() float64) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	labels := []string{"route", "status"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cardinal_http_requests_total", Help: "Requests answered, by route pattern and class of status."}, labels),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cardinal_http_request_duration_seconds", Help: "From the head of a request read to its answer handed over.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5}}, labels),
	}
	m.routes.Store(&map[string]*route{})
	m.requests, m.seconds = registered(registry, m.requests), registered(registry, m.seconds)
	registered[prometheus.Collector](registry, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cardinal_http_requests_in_flight", Help: "Requests in the API now."}, inFlight))
	registered(registry, collectors.NewGoCollector())
	registered(registry, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.page = promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
	return m
}

// registered returns the collector that the registry has under these names: c, or one that was there before.
func registered[C prometheus.Collector](registry *prometheus.Registry, c C) C {
	err := registry.Register(c)
	if twice := (prometheus.AlreadyRegisteredError{}); errors.As(err, &twice) {
		return twice.ExistingCollector.(C)
	}
	if err != nil {
		panic(err) // two collectors of one name and different labels, in one program
	}
	return c
}

func (m *metrics) observe(pattern string, status int, took time.Duration) {
	r := (*m.routes.Load())[pattern]
	if r == nil {
		r, pattern = m.add(pattern)
	}
	class := 0
	if status >= 100 && status < 600 {
		class = status / 100
	}
	s := r.class[class].Load()
	if s == nil {
		s = &series{m.requests.WithLabelValues(pattern, classes[class]), m.seconds.WithLabelValues(pattern, classes[class])}
		r.class[class].Store(s) // who else came here stored the same counters
	}
	s.requests.Inc()
	s.seconds.Observe(took.Seconds())
}

// add makes a route; when there are too many it is the one of the others.
func (m *metrics) add(pattern string) (*route, string) {
	m.adding.Lock()
	defer m.adding.Unlock()
	known := *m.routes.Load()
	if len(known) >= maxRoutes {
		pattern = other
	}
	if r := known[pattern]; r != nil {
		return r, pattern
	}
	more := maps.Clone(known)
	more[pattern] = &route{}
	m.routes.Store(&more)
	return more[pattern], pattern
}

package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cardinal/internal/directory"
)

// statsTimeout bounds the statement that counts jobs for the metrics.
const statsTimeout = time.Second

// statsCollector turns the load of the directory into metrics, each time they are read.
type statsCollector func(context.Context) (directory.Stats, bool)

var (
	hashesRunning = prometheus.NewDesc("cardinal_hashing_running", "Password hashes that are computed now.", nil, nil)
	hashesWaiting = prometheus.NewDesc("cardinal_hashing_waiting", "Password hashes that wait in the queue.", nil, nil)
	hashesTotal   = prometheus.NewDesc("cardinal_hashing_rejected_total",
		"Password hashes rejected because the queue was full.", nil, nil)
	signIns = prometheus.NewDesc("cardinal_sign_in_attempts_total", "Attempts to sign in, by outcome.",
		[]string{"outcome"}, nil)
	connections = prometheus.NewDesc("cardinal_db_connections", "Connections to the database, by pool and state.",
		[]string{"pool", "state"}, nil)
	connectionWaits = prometheus.NewDesc("cardinal_db_connection_waits_total",
		"Calls that waited for a connection, by pool.", []string{"pool"}, nil)
	connectionWaitSeconds = prometheus.NewDesc("cardinal_db_connection_wait_seconds_total",
		"Time that calls waited for a connection, by pool.", []string{"pool"}, nil)
	unreadableValues = prometheus.NewDesc("cardinal_unreadable_values_total",
		"Reads of an encrypted value that could not be decrypted, by column.", []string{"column"}, nil)
	jobsByState = prometheus.NewDesc("cardinal_jobs", "Background jobs, by state.", []string{"state"}, nil)
)

// Describe implements prometheus.Collector.
func (statsCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		hashesRunning, hashesWaiting, hashesTotal, signIns, connections, connectionWaits, connectionWaitSeconds,
		jobsByState, unreadableValues,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c statsCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statsTimeout)
	defer cancel()
	stats, ok := c(ctx)
	if !ok {
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
	}
	gauge(hashesRunning, float64(stats.HashesRunning))
	gauge(hashesWaiting, float64(stats.HashesWaiting))
	counter(hashesTotal, float64(stats.HashesRejected))
	for outcome, n := range stats.SignIns {
		counter(signIns, float64(n), outcome)
	}
	pools := map[string]*directory.ConnStats{"readers": &stats.Pool.Readers, "writer": stats.Pool.Writer}
	for name, pool := range pools {
		if pool == nil {
			continue
		}
		gauge(connections, float64(pool.InUse), name, "in_use")
		gauge(connections, float64(pool.Idle), name, "idle")
		counter(connectionWaits, float64(pool.WaitCount), name)
		counter(connectionWaitSeconds, pool.WaitDuration.Seconds(), name)
	}
	for column, n := range stats.Unreadable {
		counter(unreadableValues, float64(n), column)
	}
	for state, n := range stats.Jobs {
		gauge(jobsByState, float64(n), state)
	}
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	crowdConnections = 48
	crowdSignIns     = 25 // of the others, without and with the crowd, alternately
	crowdTurns       = 3
)

// crowd measures how much longer the sign-in of other accounts takes while one account signs in over many connections,
// always with the right password and from the same address. A separate process sends its sign-ins.
func (b *bench) crowd(engine string, w *populated) error {
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	others := func() (total time.Duration, err error) {
		for i := range crowdSignIns {
			begin := time.Now()
			if err := w.signIn(client, 1+i%(w.passwords-1)); err != nil {
				return 0, err
			}
			total += time.Since(begin)
			time.Sleep(10 * time.Millisecond)
		}
		return total, nil
	}
	var alone, among time.Duration
	for range crowdTurns {
		took, err := others()
		if err != nil {
			return err
		}
		alone += took
		child, err := b.childCommand("-child", "crowd", "-url", w.base)
		if err != nil {
			return err
		}
		until, err := child.StdinPipe()
		if err != nil {
			return err
		}
		if err := child.Start(); err != nil {
			return err
		}
		time.Sleep(time.Second)
		took, err = others()
		until.Close()
		if err := errors.Join(err, child.Wait()); err != nil {
			return err
		}
		among += took
	}
	b.add(figure{what: "sign-in next to " + strconv.Itoa(crowdConnections) + " connections of one account ÷ without",
		engine: engine, value: float64(among) / float64(alone), target: 2,
		limit:   fmt.Sprintf("%.0f ms without", milliseconds(alone)/crowdSignIns/crowdTurns),
		samples: crowdSignIns * crowdTurns})
	return nil
}

// sendCrowd signs one account in over many connections, until its standard input ends. A refused one is sent again
// after a tenth of a second.
func sendCrowd(base string) {
	var stop atomic.Bool
	var all sync.WaitGroup
	for range crowdConnections {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
			body := []byte(`{"identifier":"signs-in-0","password":"` + secret + `"}`)
			for !stop.Load() {
				response, err := client.Post(base+"/v1/sign-in", "application/json", bytes.NewReader(body))
				if err != nil {
					continue
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				if response.StatusCode >= 300 {
					time.Sleep(100 * time.Millisecond)
				}
			}
		})
	}
	io.Copy(io.Discard, os.Stdin)
	stop.Store(true)
	all.Wait()
}

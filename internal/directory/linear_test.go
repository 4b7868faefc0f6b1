package directory_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
)

// history records the concurrent calls of several clients: input, output, start and end.
type history struct {
	start time.Time
	mu    sync.Mutex
	calls []porcupine.Operation
}

func newHistory() *history { return &history{start: time.Now()} }

// call runs a call and records it.
func (h *history) call(client int, input any, call func() any) any {
	start := time.Since(h.start)
	output := call()
	end := time.Since(h.start)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, porcupine.Operation{
		ClientId: client, Input: input, Call: start.Nanoseconds(), Output: output, Return: end.Nanoseconds(),
	})
	return output
}

// runClients runs clients at the same time, each with its own random numbers.
func (h *history) runClients(n int, client func(i int, random *rand.Rand)) {
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		random := rand.New(rand.NewPCG(lastSeed.Add(1), uint64(i)))
		wait.Go(func() {
			<-start
			client(i, random)
		})
	}
	close(start)
	wait.Wait()
}

var lastSeed atomic.Uint64

// expectLinearizable reports an error unless one order of the calls explains all outputs. In this order, each call
// takes effect between its start and its end.
func (h *history) expectLinearizable(t *testing.T, model porcupine.Model) {
	t.Helper()
	if porcupine.CheckOperations(model, h.calls) {
		return
	}
	t.Error("no order of these calls explains the outputs:")
	for _, c := range h.calls {
		t.Logf("client %d, %s to %s: %s", c.ClientId, time.Duration(c.Call), time.Duration(c.Return),
			model.DescribeOperation(c.Input, c.Output))
	}
}

// twoNodes returns the desks of the operator on two nodes with one database.
func twoNodes(t *testing.T, w *world) [2]directory.Desk {
	return [2]directory.Desk{w.Operator(), w.OpenNode(t, directorytest.CheapHash).As(cardinal.Operator())}
}

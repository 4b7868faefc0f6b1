//go:build !unix

package pgtest

import (
	"errors"
	"syscall"
)

var errNotUnix = errors.New("pgtest starts PostgreSQL on Unix only; on other systems " + Variable +
	" must name a running server")

type owner struct{}

func serverOwner() (*owner, error) { return nil, errNotUnix }

func (*owner) createFolder(string) (string, error) { return "", errNotUnix }

type watchdog struct{ release func() error }

func startWatchdog(string) (*watchdog, error) { return nil, errNotUnix }

func (*watchdog) processAttributes(*owner) *syscall.SysProcAttr { return nil }

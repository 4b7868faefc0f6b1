//go:build !unix

package pgtest

import (
	"errors"
	"syscall"
)

var errNotUnix = errors.New("a PostgreSQL for tests is started on Unix only; elsewhere " + Variable + " names a running one")

type owner struct{}

func serverOwner() (*owner, error) { return nil, errNotUnix }

func (*owner) makeFolder(string) (string, error) { return "", errNotUnix }

type guardian struct{ release func() error }

func startGuardian(string) (*guardian, error) { return nil, errNotUnix }

func (*guardian) ward(*owner) *syscall.SysProcAttr { return nil }

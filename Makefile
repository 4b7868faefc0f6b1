# `make` lists what there is to do.

VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Folders whose packages are tested with the race detector: those that start goroutines, or keep what goroutines share. It slows
# SQLite, which is translated C, by a factor that the others are not worth.
RACE ?= internal/directory internal/importing internal/jobs internal/password internal/seal internal/server

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## one static binary, bin/cardinal
	CGO_ENABLED=0 go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/cardinal ./cmd/cardinal

.PHONY: test
test: ## every test on both databases; installs PostgreSQL where there is none
	@scripts/setup
	go vet ./...
	@scripts/check-format
	RACE='$(RACE)' go run ./internal/pgtest/cmd -- scripts/test

.PHONY: bench
bench: ## measure, and write docs/benchmarks.md
	go run ./e2e/bench

.PHONY: lint
lint: ## go vet and staticcheck
	go vet ./...
	@go run $(STATICCHECK) -version || { echo 'lint: staticcheck could not be fetched and built' >&2; exit 1; }
	go run $(STATICCHECK) ./...

.PHONY: mutants
mutants: ## switch off one protection after another: its tests must fail
	go run ./e2e/mutants

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME, a minute by default
	FUZZTIME='$(or $(FUZZTIME),1m)' scripts/fuzz

.PHONY: kill
kill: ## kill the service and the database server 1,200 times, and imports 500 times
	go test ./e2e -count=1 -timeout 3h -run TestKilled -v -kills 1000

.PHONY: soak
soak: ## load the service for DURATION, ten minutes by default, and look for what grows
	go test ./e2e -count=1 -timeout 3h -run TestSoak -v -soak '$(or $(DURATION),10m)'

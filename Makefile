# `make` lists the targets.

VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOVULNCHECK ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOSEC       ?= github.com/securego/gosec/v2/cmd/gosec@v2.30.0

# What gosec leaves out. G104 (unhandled errors) is about Close, Remove and Write where nothing can be done, and readers
# that keep their error; G304 (a file named by a variable) about files that the operator names: no path comes from a
# request. The folders are tests, their helpers, and tools that build data.
GOSEC_FLAGS = -exclude-generated -exclude=G104,G304 $(patsubst %,-exclude-dir=%,e2e internal/pgtest \
	internal/store/storetest internal/directory/directorytest internal/searchindex/leakage \
	internal/password/common/make)

# Packages whose tests run with the race detector: those that start goroutines, or keep what goroutines share. It slows
# SQLite, which is translated C, so much that the other packages are not worth it.
RACE ?= internal/directory internal/importing internal/signin internal/jobs internal/password internal/seal \
	internal/server

# PKG and RUN narrow `make test`: make test PKG=./internal/signin RUN=TestSignIn
PKG ?=
RUN ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build one static binary, bin/cardinal
	CGO_ENABLED=0 go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/cardinal ./cmd/cardinal

.PHONY: run
run: ## serve with 200 example users and an administrator whose password is printed; data in bin/run
	scripts/run

.PHONY: test
test: ## every test on both databases, or PKG and RUN only; installs PostgreSQL where there is none
	@scripts/setup $(if $(or $(if $(PKG),,all),$(findstring erd,$(PKG)),$(findstring ...,$(PKG))),,--no-parsers)
ifeq ($(PKG)$(RUN),)
	go vet ./...
	@scripts/check-format
	RACE='$(RACE)' go run ./internal/pgtest/cmd -- scripts/test
else
	go run ./internal/pgtest/cmd -- go test -count=1 -run '$(RUN)' $(or $(PKG),./...)
endif

.PHONY: quick
quick: ## build, vet, and the fast tests on SQLite; QUICK_PG=1 adds PostgreSQL
	@scripts/quick

.PHONY: update
update: ## write the golden files again; review the difference
	scripts/update

.PHONY: cover
cover: ## test coverage by package, and bin/cover.html
	@scripts/setup
	@mkdir -p bin
	go run ./internal/pgtest/cmd -- go test -count=1 -coverpkg=./... -coverprofile=bin/cover.out \
		. ./cmd/... ./internal/...
	go tool cover -html=bin/cover.out -o bin/cover.html
	@go tool cover -func=bin/cover.out | tail -n 1

.PHONY: lint
lint: ## go vet, staticcheck, gosec, and the subjects of new commits
	go vet ./...
	@go run $(STATICCHECK) -version || { echo 'lint: staticcheck could not be fetched and built' >&2; exit 1; }
	go run $(STATICCHECK) ./...
	@go run $(GOSEC) -version || { echo 'lint: gosec could not be fetched and built' >&2; exit 1; }
	go run $(GOSEC) -quiet $(GOSEC_FLAGS) ./...
	@scripts/check-commits

.PHONY: vuln
vuln: ## look for known vulnerabilities in the code and its dependencies (govulncheck); needs the network
	go run $(GOVULNCHECK) ./...

.PHONY: attack
attack: ## attack the real binary at full length, on both databases
	@scripts/setup --no-parsers
	go run ./internal/pgtest/cmd -- go test ./e2e -count=1 -timeout 1h -run TestAttack -v -attack

.PHONY: bench
bench: ## run the benchmarks and write docs/benchmarks.md
	go run ./e2e/bench

.PHONY: mutants
mutants: ## switch off one protection after another: its tests must fail
	go run ./e2e/mutants

.PHONY: fuzz
fuzz: ## run every fuzz test for FUZZTIME, a minute by default
	FUZZTIME='$(or $(FUZZTIME),1m)' scripts/fuzz

.PHONY: kill
kill: ## kill the service and the database server 1,200 times, and imports 500 times
	go test ./e2e -count=1 -timeout 3h -run TestKilled -v -kills 1000

.PHONY: timing
timing: ## measure whether the time of a sign-in discloses an account or its scheme: PAIRS=2000, hours
	go test ./e2e -count=1 -timeout 12h -run 'TestTiming$$' -v -timing $(or $(PAIRS),2000)

.PHONY: soak
soak: ## load the service for DURATION, ten minutes by default, and look for leaks
	go test ./e2e -count=1 -timeout 3h -run TestSoak -v -soak '$(or $(DURATION),10m)'

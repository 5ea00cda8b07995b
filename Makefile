# What a developer and CI do with Ratchet. `make` alone lists it.

GO       ?= go
BIN      := bin
TOOL     := $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 10s

# The packages whose goroutines are worth the race detector. It slows a
# JavaScript engine twenty-fold, so their tests start workers from a plain build
# of the command, which RATCHET_TEST_WORKER names.
RACE := . ./internal/ipc ./internal/workerpool ./internal/executor ./internal/egress ./internal/bundle ./internal/recording ./internal/tasktest ./internal/testfile ./internal/benchmark ./internal/metrics ./internal/daemon ./internal/cli ./internal/dispatch ./internal/stream ./internal/secret ./internal/redact ./cmd/... ./internal/delivery ./internal/pluginhost ./internal/httpcache ./internal/engine ./internal/inspector

# And those whose random tests make fewer rounds there: SQLite in Go is ten times
# slower under it, and the rounds differ in what is stored, not in who waits for whom.
RACE_SHORT := ./internal/sqlstore

PLATFORMS := darwin/arm64 darwin/amd64 windows/amd64 linux/arm64

.DEFAULT_GOAL := help
.PHONY: help build small release builds test packages vet fmtcheck fmt lint race torture fuzz bench cross golden generate clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the command: bin/ratchet
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/ratchet ./cmd/ratchet

# All that may be left out; docs/building.md says what each costs.
TAGS := nographql nopostgres noserver notypescript nowasm

small: ## the smallest build, bin/ratchet-small, and the command's scripts on it
	CGO_ENABLED=0 $(GO) build -trimpath -tags 'nographql nopostgres notypescript nowasm' -o /dev/null ./cmd/ratchet
	CGO_ENABLED=0 $(GO) build -trimpath -tags '$(TAGS)' -ldflags '-s -w' -o $(BIN)/ratchet-small ./cmd/ratchet
	CGO_ENABLED=0 $(GO) test -tags '$(TAGS)' -run 'TestScripts$$' ./cmd/ratchet

builds: ## sizes, build times and start-up of the builds of docs/building.md
	bench/builds.sh

release: ## archives for all platforms and SHA256SUMS, in dist
	contrib/release.sh dist

test: vet fmtcheck packages ## the whole suite, with vet and the format check
	$(GO) test ./...
	CGO_ENABLED=0 $(GO) test ./internal/sandbox

# The npm packages that tests use. Without npm those tests are skipped, and say so.
PACKAGES := examples/typescript internal/js/testdata/test262-parser internal/node/testdata/runtime internal/typings/testdata/typescript

packages:
	@command -v npm >/dev/null || { echo 'npm is missing: tests that need packages are skipped'; exit 0; }; \
	for dir in $(PACKAGES); do \
		if [ ! -d $$dir/node_modules ]; then (cd $$dir && npm ci --no-audit --no-fund --ignore-scripts) || exit 1; fi; \
	done

vet:
	$(GO) vet ./...

fmtcheck:
	@files=$$($(TOOL) gofumpt -l .) || exit 1; \
	if [ -n "$$files" ]; then printf 'not formatted (run make fmt):\n%s\n' "$$files" >&2; exit 1; fi

fmt: ## format all Go files
	$(TOOL) gofumpt -w .

lint: vet fmtcheck ## vet, the format check and staticcheck
	$(TOOL) staticcheck ./...

race: ## the suites of concurrent packages under the race detector (needs cgo)
	CGO_ENABLED=0 $(GO) build -o $(BIN)/test-worker ./cmd/ratchet
	RATCHET_TEST_WORKER=$(CURDIR)/$(BIN)/test-worker CGO_ENABLED=1 $(GO) test -race -timeout 25m $(RACE)
	CGO_ENABLED=1 $(GO) test -race -short $(RACE_SHORT)

torture: ## the long forms of all tests, and an hour or so of fuzzing
	RATCHET_TORTURE=1 $(GO) test -count=1 -timeout=2h ./...
	$(MAKE) fuzz FUZZTIME=5m

fuzz: ## every fuzz test for FUZZTIME (10s)
	@set -e; for pkg in $$($(GO) list ./...); do \
		for fuzz in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$fuzz"; \
			$(GO) test -run '^$$' -fuzz "^$$fuzz\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

bench: ## the figures of docs/benchmarks.md (wants Node, PostgreSQL and Redis to compare with)
	cd bench && npm ci --no-audit --no-fund && cd peers && npm ci --no-audit --no-fund
	$(GO) run ./bench

cross: ## compile for the platforms that nobody tests here
	@set -e; for platform in $(PLATFORMS); do \
		echo "build $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) build ./...; \
	done

golden: ## write the root package's golden files anew
	$(GO) test . -update

generate: ## make the code of the GraphQL schema, after the schema has changed
	$(GO) test ./internal/graphql/schema -update
	internal/graphql/generate.sh

clean: ## remove what the targets built
	rm -rf $(BIN) dist

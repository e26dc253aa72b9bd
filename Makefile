# "make help" lists what there is.

export CGO_ENABLED ?= 0
BINARY := build/names
PORT ?= 10053
ADDRESS ?= 127.0.0.1
FUZZTIME ?= 10s
PREFIX ?= /usr/local
ROOT_ZONE ?= $(wildcard ../shared/data/root-*.zone.gz)

# $(call go-test,FLAGS,PACKAGES) runs tests; what vet finds is for "make lint".
# If RERUN names a file, a test that fails is run twice more, alone: what then
# passes has failed by chance, and the file tells of it.
# docs/decisions/0022-reruns.md says why.
go-test = $(if $(RERUN),go run gotest.tools/gotestsum@v1.13.0 --format pkgname --rerun-fails=2 --rerun-fails-max-failures=5 --rerun-fails-report=$(RERUN) --packages='$(2)' -- -vet=off $(1),go test -vet=off $(1) $(2))

.PHONY: help build install package package-test image-test run test slow check race fuzz damage interop bench bench-base bench-load bench-peers bench-recursion bench-attacks lint fmt

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

build: ## build the binary
	go build -trimpath -o $(BINARY) ./cmd/names

install: build ## install the binary, manual pages and bash completion below PREFIX (/usr/local), in DESTDIR if there is one
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(BINARY) manual --into $(DESTDIR)$(PREFIX)/share/man
	install -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/names
	$(BINARY) completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/names

package: ## build a .deb and an .rpm in build/
	packaging/build.sh

package-test: package ## install the .deb, start the server, also by a systemd in a container, purge it (as root on Debian); check the image
	packaging/test.sh
	packaging/systemd/test.sh
	packaging/docker/check.sh

image-test: ## build the image and run it, with Docker or podman (as root)
	packaging/docker/test.sh

run: build ## serve the example zone on port 10053
	$(BINARY) serve -i $(ADDRESS) -p $(PORT) --bindzone cmd/examples/zones/example.com -v

test: ## run the tests, without the slow twins
	$(call go-test,-short,./...)
	cd bench && go vet ./...

check: lint test slow race interop damage fuzz ## everything CI runs

slow: ## run all tests, slow twins too
	$(call go-test,-timeout 30m,./...)

race: ## run the tests under the race detector, and with lent buffers scribbled on
	CGO_ENABLED=1 $(call go-test,-race -short -timeout 30m,./...)
	$(call go-test,-short -tags invariants,./wire/... ./names/... ./listener/... ./authority/... ./cache/... ./recursor/...)

fuzz: ## run each fuzz target for FUZZTIME
	go run ./fuzz/run -time $(FUZZTIME)

damage: ## load 10,000 damaged copies of the root zone
	go test -count=1 -run TestDamagedZones -v ./fuzz -mutations 10000

interop: build ## compare with NSD, Knot DNS, BIND, Unbound, Knot Resolver and Twisted Names (Debian's packages)
	$(call go-test,-tags interop -count=1 -timeout 30m,./fuzz/interop ./fuzz/twisted ./fuzz/recursion ./listener/dnstap ./recursor/internal/testnet)

bench: ## benchmark the hot functions, and compare with the base if there is one
	bench/hot/run.sh

bench-base: ## the same, saved as the base that "make bench" compares with
	bench/hot/run.sh base

bench-load: build ## load names, and the servers to compare with that are installed
	bench/load/run.sh -b $(BINARY)

bench-peers: ## the same on Debian as root: install the servers first, all workloads (QUICK=1: short; PEERS="-d 3 -r 1")
	bench/load/peers.sh $(if $(QUICK),-q) $(if $(ROOT_ZONE),-z $(ROOT_ZONE)) $(PEERS)

bench-recursion: build ## resolve from the root, next to Unbound, Knot Resolver and BIND, as root (QUICK=1: short)
	bench/recursion/run.sh -b $(BINARY) $(if $(QUICK),-q)

bench-attacks: build ## what attacks make a resolver send, next to Unbound, Knot Resolver and BIND, as root
	cd bench && go run ./recursion/attack -b $(abspath $(BINARY))

lint: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "gofmt wants these files changed"; exit 1; }
	go vet ./...
	go vet -tags 'interop invariants' ./...
	GOOS=darwin go vet ./...
	GOOS=windows go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	cd packaging/pkcs11 && if command -v "$$(go env CC)" >/dev/null; then CGO_ENABLED=1 go vet ./...; else echo "packaging/pkcs11 is not vetted: there is no C compiler"; fi

fmt: ## format the source
	gofmt -w .

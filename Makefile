.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

WEB := examples/chat/web
E2E := examples/chat/e2e
CHAT := bin/chat
MODULES = $$(go list -m -f '{{.Dir}}/...') # those of go.work

.PHONY: help
help: ## show this list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 16

.PHONY: chat
chat: $(CHAT) ## build the chat and serve it on http://localhost:3000
	$(CHAT)

.PHONY: chat-dev
chat-dev: $(WEB)/node_modules | go ## the chat with hot reload on http://localhost:5173
	cd examples/chat && go build -o $(CURDIR)/$(CHAT)-dev .
	trap 'kill $$server 2>/dev/null || true' EXIT; \
	$(CHAT)-dev -dev-origin http://localhost:5173 & server=$$!; \
	cd $(WEB) && npm run dev

.PHONY: test
test: test-go test-e2e ## run all tests

.PHONY: test-go
test-go: interop/node_modules examples/parser/node_modules | go ## the Go tests under the race detector, stock JavaScript clients included
	go vet $(MODULES)
	go test -race $(MODULES)
	go test -run TestAllocationBudgets . ./parser # pools leak under -race
	go test ./engine ./internal/hostile # with the system calls of the shipped build

.PHONY: test-e2e
test-e2e: $(CHAT) $(E2E)/node_modules ## drive the chat with Chromium (CHROMIUM is its path)
	cd $(E2E) && CHAT_BIN=$(CURDIR)/$(CHAT) npm test

.PHONY: fuzz
fuzz: | go ## run each fuzz target for FUZZTIME (1m)
	for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $${FUZZTIME:-1m} $$package; \
		done; \
	done

.PHONY: lint
lint: | go ## run the linters of .golangci.yml
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run $(MODULES)

.PHONY: bench
bench: | go ## compare Socket.IO servers, those that can be built here, in eight minutes
	cd bench && go build -o bin/bench . && bin/bench -short -d 500ms -warmup 300ms

.PHONY: bench-full
bench-full: | go ## the same at length, and write bench/RESULTS.md
	cd bench && go build -o bin/bench . && bin/bench -rounds 5 -d 3s -warmup 1s -results .

.PHONY: clientbundle
clientbundle: interop/node_modules ## renew the browser bundles from the socket.io-client of interop/
	rm -f $@/*.gz
	for file in $</socket.io-client/dist/*; do gzip -9nc "$$file" >"$@/$${file##*/}.gz"; done
	cp $</socket.io-client/LICENSE $@/

.PHONY: $(CHAT) # always made: go and vite know best what has changed
$(CHAT): $(WEB)/node_modules | go
	cd $(WEB) && npm run build
	cd examples/chat && go build -o $(CURDIR)/$@ .

%/node_modules: %/package-lock.json | npm
	cd $* && npm ci
	@touch $@

.PHONY: go
go:
	@command -v go >/dev/null || { echo 'Go 1.25 or newer is missing: see https://go.dev/dl' >&2; exit 1; }

.PHONY: npm
npm:
	@command -v npm >/dev/null || { echo 'Node.js 20.19 or newer, with npm, is missing: see https://nodejs.org' >&2; exit 1; }

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

WEB := examples/chat/web
E2E := examples/chat/e2e
DOCS := docs/e2e
CHAT := bin/chat
INSTALLED := $(addsuffix /node_modules,interop interop/cluster examples/parser cmd/socketio-ts/testdata/web $(DOCS) $(WEB) $(E2E) chat/web)
MODULES = $$(go list -m -f '{{.Dir}}/...') # those of go.work
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false # SQLite's own C is not checked, which takes four times as long
LONGEST := ./adapter/redis ./adapter/nats/embedded ./internal/systemtest ./chat/sqlite ./chat/postgres ./internal/engine ./adapter/postgres ./adapter # tests start in this order

.PHONY: help
help: ## show this list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 16

.PHONY: chat
chat: $(CHAT) ## build the chat and serve it on http://localhost:3000, or at ADDR=host:port, with its messages in DB
	$(CHAT) $(if $(ADDR),-addr '$(ADDR)') $(if $(DB),-db '$(DB)')

.PHONY: chat-cluster
chat-cluster: $(CHAT) ## three servers of the chat behind a front, with the same ADDR and DB
	go build -o bin/cluster ./examples/cluster
	bin/cluster -chat $(CHAT) $(if $(ADDR),-addr '$(ADDR)') $(if $(DB),-db '$(DB)')

.PHONY: chat-dev
chat-dev: $(WEB)/node_modules | go npm ## the chat with hot reload on http://localhost:5173
	cd examples/chat && go build -o $(CURDIR)/$(CHAT)-dev .
	trap 'kill $$server $$vite 2>/dev/null || true' EXIT; \
	$(CHAT)-dev -dev-origin http://localhost:5173 & server=$$!; \
	cd $(WEB); node_modules/.bin/vite & vite=$$!; \
	while kill -0 $$server && kill -0 $$vite; do sleep 1; done 2>/dev/null; \
	! kill -0 $$vite 2>/dev/null # ending with the page is success, with the server failure

.PHONY: test
test: test-race test-rest ## run all tests

.PHONY: test-rest
test-rest: test-e2e test-interop test-shipped test-docs test-chat-web # the longest first: .ci/run makes several at a time

.PHONY: test-race
test-race: vet $(INSTALLED) | go ## the Go tests under the race detector, and what the shipped build allocates
	cd examples/chat && go run ../../cmd/socketio-ts -check -o web/src/events.ts .
	go test $(RACE) -vet=off $$(go list $(LONGEST) $(MODULES) | grep -v '/interop$$')
	go test -run 'TestAllocation|TestMemoryOf' ./internal/systemtest ./parser ./chat # with nothing beside them

.PHONY: vet
vet: | go ## go vet, which compiles what the tests need
	go vet $(RACE) $(MODULES)

.PHONY: test-interop
test-interop: interop/node_modules | go ## stock JavaScript clients against the server
	go test $(RACE) ./interop

.PHONY: test-shipped
test-shipped: | go ## the Go tests that the race detector changes, without it
	go test ./internal/engine # the system calls are others
	go test -run 'TestStressPayloads|TestCrashes|TestErasedWords' ./internal/systemtest ./chat/sqlite # likewise; and SQLite is slow under the race detector

.PHONY: test-e2e
test-e2e: $(WEB)/node_modules $(E2E)/node_modules | go ## drive the chat with Chromium (CHROMIUM is its path)
	$(MAKE) --no-print-directory $(CHAT) # as a prerequisite it would let the shorter stages begin first
	cd $(E2E) && CHAT_BIN=$(CURDIR)/$(CHAT) npm test

.PHONY: test-chat-web
test-chat-web: chat/web/node_modules | go ## the client of package chat against a real server, and tsc --strict
	cd chat/web && npm test

.PHONY: test-docs
test-docs: $(DOCS)/node_modules | go ## follow docs/tutorial.md and docs/chat.md step by step, with Chromium
	cd $(DOCS) && npm test

.PHONY: screenshots
screenshots: $(CHAT) $(E2E)/node_modules ## keep pictures of the chat in each of its states in bin/screenshots
	cd $(E2E) && CHAT_BIN=$(CURDIR)/$(CHAT) SCREENSHOTS=$(CURDIR)/bin/screenshots node --test states.test.mjs

.PHONY: fuzz
fuzz: | go ## run each fuzz target for FUZZTIME (1m)
	for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $${FUZZTIME:-1m} $$package; \
		done; \
	done

.PHONY: soak
soak: | go ## two servers under load for SOAK (30m), with clients that break off and a bus that is killed; checks every payload, and what is left
	cd internal/soak && SOAK=$${SOAK:-30m} go test -count 1 -timeout 24h -v -run TestSoak .

.PHONY: lint
lint: | go ## run the linters of .golangci.yml
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run $(MODULES)

.PHONY: bench
bench: | go ## compare Socket.IO servers, those that can be built here, in eight minutes
	cd bench && go build -o bin/bench . && bin/bench -short -d 500ms -warmup 300ms

.PHONY: bench-full
bench-full: | go ## the same at length, and write bench/RESULTS.md
	cd bench && go build -o bin/bench . && bin/bench -rounds 5 -d 3s -warmup 1s -results .

.PHONY: bench-cluster
bench-cluster: interop/cluster/node_modules | go ## two servers on each bus that is here, beside npm's; SHORT=1 for a glance
	cd bench/cluster && go test $(if $(SHORT),-short) -run '^$$' -bench . -benchtime 1x -timeout 1h .

.PHONY: bench-chat
bench-chat: | go ## package chat, from a post to the views of its readers; SHORT=1 for a glance, ROWS="posts|alone" for some rows
	cd bench/chat && go test $(if $(SHORT),-short) -run '^$$' -bench . -benchtime 1x -timeout 4h . -rows '$(or $(ROWS),.)' $(if $(SHORT),,-results RESULTS.md)

.PHONY: clientbundle
clientbundle: interop/node_modules ## renew the browser bundles from the socket.io-client of interop/
	rm -f $@/*.gz
	for file in $</socket.io-client/dist/*; do gzip -9nc "$$file" >"$@/$${file##*/}.gz"; done
	cp $</socket.io-client/LICENSE $@/

.PHONY: $(CHAT) # always made: go and vite know best what has changed
$(CHAT): $(WEB)/node_modules | go npm
	cd $(WEB) && npm run build
	cd examples/chat && go build -o $(CURDIR)/$@ .

%/node_modules: %/package-lock.json | go npm
	cd $* && npm ci
	@touch $@

# The versions are checked before any work: each check is one line that says
# what is there and what is needed.
.PHONY: go
go:
	@found=$$(go version 2>&1) || found='no Go that runs'; \
	[[ $$found =~ go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 25)) || \
		{ echo "Go 1.25 or newer is needed, found: $$found. See https://go.dev/dl" >&2; exit 1; }

.PHONY: npm
npm:
	@found=$$(node --version 2>&1) || found='no Node.js'; \
	command -v npm >/dev/null || found='no npm'; \
	[[ $$found =~ ^v([0-9]+)\.([0-9]+) ]] && { major=$${BASH_REMATCH[1]} minor=$${BASH_REMATCH[2]}; \
		((major == 20 && minor >= 19 || major == 22 && minor >= 12 || major > 22)); } || \
		{ echo "Node.js 20.19 or later of 20, or 22.12 or newer is needed, with npm, found: $$found. See https://nodejs.org" >&2; exit 1; }

# rtpfwd. `make` alone lists what there is. Everything sets itself up: a virtual environment in .venv, the web client's
# bundle in static/dist, and for the tests also Node packages in tests/node_modules and Debian's Chromium.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := .stamps
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

.DEFAULT_GOAL := help
.PHONY: help native run test check setup format lint types web bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(STAMPS)/run $(STAMPS)/native $(STAMPS)/web ## set up and serve calls (settings: .env, environment, rtpfwd.toml)
	@$(BIN)/rtpfwd serve

test: setup ## set up and run all tests, those in real browsers included
	@cd static && npm test --silent
	@$(BIN)/pytest $(PYTEST_ARGS)

check: setup ## lint, types and all tests: what has to pass before a commit
	@$(MAKE) --no-print-directory lint types test

setup: $(STAMPS)/dev $(STAMPS)/native $(STAMPS)/web $(STAMPS)/node-tests $(STAMPS)/chromium $(STAMPS)/namespaces $(STAMPS)/tshark $(STAMPS)/coturn ## everything that tests need

format: $(STAMPS)/dev ## format the Python code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: $(STAMPS)/dev ## style and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMPS)/dev $(STAMPS)/web ## mypy --strict, and the web client's TypeScript
	@$(BIN)/mypy && cd static && npm run --silent typecheck

web: $(STAMPS)/web ## build the web client into static/dist

bench: $(STAMPS)/run $(STAMPS)/native ## measure forwarding over real sockets
	@$(BIN)/rtpfwd bench

# The debug build checks the bounds of the kernel's tables; the other adds the sanitizers of addresses and undefined behaviour.
NATIVE_debug := -DRTPFWD_CHECKS -O1 -g
NATIVE_asan  := $(NATIVE_debug) -fsanitize=address,undefined -fno-sanitize=alignment -fno-omit-frame-pointer

native: $(STAMPS)/run ## build the compiled data plane again (NATIVE=debug or asan: with checks)
	@rm -f rtpfwd/dataplane/native/plane.c && touch $(STAMPS)/building
	@CFLAGS="$(NATIVE_$(NATIVE))" $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@find rtpfwd/dataplane/native -name '*.so' -newer $(STAMPS)/building | grep -q . || { echo "no compiler: the reference plane serves"; exit 1; }

lock: ## renew requirements.lock from what is installed now
	@$(BIN)/pip freeze --exclude-editable > requirements.lock

clean: ## remove all that this file made
	rm -rf $(VENV) $(STAMPS) static/dist static/node_modules tests/node_modules test-output build *.egg-info

# -- what the above stand on ------------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "rtpfwd needs Python 3.11 or newer; this is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@echo "== making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(STAMPS)/run: pyproject.toml requirements.lock | $(BIN)/python
	@echo "== installing Python packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: pyproject.toml requirements.lock | $(BIN)/python
	@echo "== installing Python packages for development"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/run

# The install builds it. This is for sources that are newer than what was built.
NATIVE_SOURCES := $(wildcard rtpfwd/dataplane/native/*.p[yx][xid] rtpfwd/dataplane/native/*.h)

$(STAMPS)/native: $(NATIVE_SOURCES) | $(STAMPS)/run
	@built=$$(ls -t rtpfwd/dataplane/native/*.so 2>/dev/null | head -n 1); \
	if [ -n "$$built" ] && [ -z "$$(find $(NATIVE_SOURCES) -newer "$$built")" ]; then :; \
	elif command -v "$${CC:-cc}" >/dev/null; then \
	  echo "== building the compiled data plane"; \
	  $(MAKE) --no-print-directory native >/dev/null 2>&1 || echo "It could not be built: the reference plane serves. See: make native"; \
	else \
	  echo "No C compiler: the reference data plane serves, which takes more CPU."; \
	fi
	@touch $@

$(STAMPS)/node:
	@command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
	  { echo "rtpfwd's web client needs Node.js 20 or newer with npm; found: $$(node --version 2>/dev/null || echo none)"; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

WEB_SOURCES := $(shell find static -path static/node_modules -prune -o -path static/dist -prune -o -path static/build -prune -o -type f -print)

$(STAMPS)/web-packages: static/package.json static/package-lock.json | $(STAMPS)/node
	@echo "== installing the web client's packages"
	@cd static && $(NPM_CI)
	@touch $@

$(STAMPS)/web: $(STAMPS)/web-packages $(WEB_SOURCES)
	@echo "== building the web client"
	@cd static && npm run --silent build
	@touch $@

$(STAMPS)/node-tests: tests/package.json tests/package-lock.json | $(STAMPS)/node
	@echo "== installing Node packages for tests"
	@cd tests && $(NPM_CI)
	@touch $@

$(STAMPS)/chromium:
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "== installing Chromium for the browser tests"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else \
	  echo "The browser tests need Chromium: apt-get install chromium, then again."; exit 1; \
	fi
	@mkdir -p $(STAMPS) && touch $@

# Tests over bad links make network namespaces of their own. Without these tools they say so and are skipped.
$(STAMPS)/namespaces:
	@if command -v nft >/dev/null && command -v ip >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "== installing ip and nft for the tests over bad links"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends iproute2 nftables >/dev/null; \
	else \
	  echo "Without ip and nft (iproute2, nftables) the tests over bad links are skipped."; \
	fi
	@mkdir -p $(STAMPS) && touch $@

# Captures are compared with what Wireshark makes of them. Without tshark those tests say so and are skipped.
$(STAMPS)/tshark:
	@if command -v tshark >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "== installing tshark for the tests of captures"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tshark >/dev/null; \
	else \
	  echo "Without tshark the tests that compare captures with Wireshark are skipped."; \
	fi
	@mkdir -p $(STAMPS) && touch $@

# Relayed calls go through a real TURN server. Without coturn those tests say so and are skipped.
$(STAMPS)/coturn:
	@if command -v turnserver >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "== installing coturn for the tests of relayed calls"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends coturn >/dev/null; \
	else \
	  echo "Without coturn the tests of relayed calls are skipped: apt-get install coturn."; \
	fi
	@mkdir -p $(STAMPS) && touch $@

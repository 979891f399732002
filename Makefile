# The commands of the project; `make help` lists them.

SHELL         := /bin/sh
.DEFAULT_GOAL := help

TARGET   := $(or $(CARGO_TARGET_DIR),target)
VENV     := .venv
PYTHON   := $(VENV)/bin/python
CROSSBAR := .venv-crossbar
EXAMPLE  := examples/caller-performance/.crossbar/config.json

BINARY   := $(TARGET)/debug/cloverleaf

FOREIGN_JS   := tests/foreign/drivers/javascript
FOREIGN_RUST := tests/foreign/drivers/rust/Cargo.toml

VECTORS := $(TARGET)/vectors

FUZZ_SECONDS ?= 20

# Tools that cargo installs are kept in the target directory.
export PATH := $(CURDIR)/$(VENV)/bin:$(abspath $(TARGET))/tools/bin:$(PATH)

.PHONY: help run test binaries test-rust test-interop test-foreign foreign-rust test-bench \
        test-autobahn check lockfile format clippy fuzz-targets docs arch sizes names \
        spec-coverage deny advisories bench bench-quick bench-wamp bench-peers \
        bench-instructions bench-system-calls bench-contention bench-attacks bench-codecs fuzz \
        wrk openssl valgrind strace node chromium

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and start the example caller-performance on port 8080.
	cargo build --release -p caller-performance
	exec $(TARGET)/release/caller-performance start --config $(EXAMPLE)

# --- tests ---------------------------------------------------------------------------------------

test: test-rust test-interop test-foreign test-bench ## Run every test; installs what they need.

# The binaries are built with the tests' features, so that the tests find them built.
binaries:
	cargo build --workspace --bins --tests

# WAMP_VECTORS names a folder with the WAMP project's test vectors; without it they are fetched.
ifndef WAMP_VECTORS
test-rust: export WAMP_VECTORS := $(abspath $(VECTORS))/testsuite
test-rust: $(VECTORS)/fetched
endif
test-rust: binaries
	if cargo nextest --version >/dev/null 2>&1; \
	then cargo nextest run --workspace --no-fail-fast; \
	else cargo test --workspace --bins --tests --no-fail-fast; fi
	cargo test --workspace --doc

# The vectors are part of the sources of Autobahn|Python and have a licence of their own. If they
# can't be fetched, the other Rust tests still run, and the tests of the vectors report a skip.
$(VECTORS)/fetched: tests/requirements.txt | $(VENV)/installed
	rm -rf $(VECTORS) && mkdir -p $(VECTORS)
	if $(VENV)/bin/pip download --quiet --disable-pip-version-check --no-deps \
	    --no-binary autobahn --dest $(VECTORS) \
	    "$$(sed -n 's/^autobahn\[[^]]*\]/autobahn/p' tests/requirements.txt)"; \
	then $(PYTHON) -m tarfile -e $(VECTORS)/autobahn-*.tar.gz $(VECTORS)/sources && \
	    mv $(VECTORS)/sources/*/.proto/testsuite $(VECTORS) && \
	    rm -rf $(VECTORS)/sources && touch $@; \
	else echo "The WAMP project's test vectors can't be fetched; they are skipped." >&2; fi

test-interop: $(VENV)/installed binaries
	CLOVERLEAF_BIN=$(abspath $(BINARY)) $(PYTHON) -m pytest tests/interop

test-foreign: $(VENV)/installed $(FOREIGN_JS)/node_modules/installed foreign-rust binaries \
              chromium
	CLOVERLEAF_BIN=$(abspath $(BINARY)) CHROMIUM="$$(command -v chromium)" \
	    $(PYTHON) -m pytest tests/foreign

# The drivers of foreign clients in Rust are a workspace of their own.
foreign-rust: openssl
	cargo build --locked --manifest-path $(FOREIGN_RUST) --target-dir $(TARGET)/foreign

# One short round with a debug build: checks the answers under load over HTTP and WAMP. The speed is
# measured by `make bench` and `make bench-wamp`.
test-bench: $(VENV)/installed binaries wrk
	$(PYTHON) -m pytest bench
	$(PYTHON) bench/http_bridge.py quick --rounds 1 --seconds 1 --binaries $(TARGET)/debug \
	    --router-command "$(TARGET)/debug/caller-performance start --config {config}" \
	    --results $(TARGET)/bench-smoke
	$(PYTHON) bench/wamp.py --rounds 1 --seconds 0.2 --many 500 --sizes --binaries $(TARGET)/debug \
	    --results $(TARGET)/bench-smoke
	$(PYTHON) bench/attacks.py --scale 0.02 --router $(TARGET)/debug/cloverleaf
	$(PYTHON) bench/peers.py --procedures add --rounds 1 --seconds 1 --binaries $(TARGET)/debug \
	    --peer-name itself \
	    --peer-command "$(abspath $(TARGET)/debug/caller-performance) start --config {config}" \
	    --results $(TARGET)/bench-smoke

# A release build, since the cases compress, inflate and compare gigabytes.
test-autobahn: $(VENV)/installed ## Run all of Autobahn's WebSocket cases; minutes.
	cargo build --release -p cloverleaf-node
	CLOVERLEAF_BIN=$(abspath $(TARGET))/release/cloverleaf $(PYTHON) -m pytest \
	    tests/interop/test_websocket_cases.py --every-case

# --- checks --------------------------------------------------------------------------------------

check: lockfile format clippy fuzz-targets docs arch sizes names spec-coverage
check: deny advisories ## Run all checks.

lockfile:
	@cargo metadata --locked --format-version 1 >/dev/null && echo "Cargo.lock is up to date"

# rustfmt formats code; `cargo xtask lines` checks the lengths of comments.
format:
	cargo fmt --all --check
	cargo fmt --all --check --manifest-path $(FOREIGN_RUST)
	cargo xtask lines

clippy: openssl
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --locked --manifest-path $(FOREIGN_RUST) --target-dir $(TARGET)/foreign \
	    -- -D warnings

# The fuzz targets are a workspace of their own, which no other check compiles.
fuzz-targets:
	cargo check --locked --manifest-path fuzz/Cargo.toml --target-dir $(TARGET)/fuzz-targets
	cargo check --locked --manifest-path bench/codecs/Cargo.toml --target-dir $(TARGET)/codecs

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# The arrows between the crates, and those between the files of each crate.
arch:
	cargo xtask arch

# The lengths of functions and files.
sizes:
	cargo xtask sizes

# A type name has one definition in the workspace.
names:
	cargo xtask names

# Counts the sections of the specification that code and tests cite; without --counts, lists them.
spec-coverage:
	cargo xtask spec-coverage --counts

deny: $(VENV)/installed
	@cargo-deny --version 2>/dev/null || \
	    cargo install --locked --root $(TARGET)/tools cargo-deny
	cargo-deny check --hide-inclusion-graph licenses bans sources

# The advisory database is on the network; without it the other checks still count.
advisories: deny
	@if timeout 60 cargo-deny fetch db >/dev/null 2>&1; \
	then cargo-deny check advisories; \
	else echo "advisories: NOT checked, the advisory database can't be reached"; fi

# --- measurements --------------------------------------------------------------------------------

bench: wrk ## Measure all cells of the results page and the ceilings.
	cargo build --release -p caller-performance -p cloverleaf-bench
	python3 bench/http_bridge.py full

bench-quick: wrk ## Measure the loopback procedures and the ceilings, in about two minutes.
	cargo build --release -p caller-performance -p cloverleaf-bench
	python3 bench/http_bridge.py quick

bench-wamp: ## Measure the router on the level of WAMP, in about four minutes.
	cargo build --release -p cloverleaf-node -p cloverleaf-bench
	python3 bench/wamp.py

bench-peers: wrk $(CROSSBAR)/installed ## Compare with Crossbar.io, in about seven minutes.
	cargo build --release -p caller-performance
	python3 bench/peers.py --crossbar $(CROSSBAR)

bench-instructions: valgrind ## Count instructions and allocations and show the changes.
	cargo build --release -p cloverleaf-instructions
	python3 bench/instructions.py

bench-system-calls: wrk strace ## Count the system calls of an HTTP request, in about a minute.
	cargo build --release -p caller-performance
	python3 bench/system_calls.py --router $(TARGET)/release/caller-performance

bench-contention: ## Measure the contention for the lock of a realm, in half a minute.
	cargo build --release -p cloverleaf-contention
	$(TARGET)/release/cloverleaf-contention

bench-attacks: ## Measure the latency of calls while another client attacks, in two minutes.
	cargo build --release -p cloverleaf-node
	python3 bench/attacks.py --router $(TARGET)/release/cloverleaf

bench-codecs: ## Compare the codecs with serde_json, rmp and minicbor, in a minute.
	cargo run --release --locked --manifest-path bench/codecs/Cargo.toml \
	    --target-dir $(TARGET)/codecs

# cargo-fuzz needs sanitizers: the stable compiler has them with RUSTC_BOOTSTRAP.
fuzz: ## Run each fuzz target for FUZZ_SECONDS (20).
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked --root $(TARGET)/tools cargo-fuzz
	@for target in $$(cargo fuzz list); do \
	    echo "fuzz: $$target"; \
	    RUSTC_BOOTSTRAP=1 cargo fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# --- requirements --------------------------------------------------------------------------------

$(VENV)/installed: tests/requirements.txt
$(CROSSBAR)/installed: bench/peers/requirements.txt
$(VENV)/installed $(CROSSBAR)/installed:
	@# Debian and Ubuntu ship venv in a package of its own.
	python3 -m venv $(@D) || { \
	    test "$$(id -u)" = 0 && apt-get update -q && apt-get install -q -y python3-venv \
	        && python3 -m venv --clear $(@D); \
	} || { echo "please install Python's venv: the Python tests run in one"; exit 1; }
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

wrk:
	@command -v wrk >/dev/null || { \
	    test "$$(id -u)" = 0 && apt-get update -q && apt-get install -q -y wrk; \
	} || { echo "please install wrk: the benchmarks drive the router with it"; exit 1; }

openssl:
	@pkg-config --exists openssl 2>/dev/null || { \
	    test "$$(id -u)" = 0 && apt-get update -q && \
	        apt-get install -q -y pkg-config libssl-dev; \
	} || { echo "please install OpenSSL's headers: a foreign client is built with them"; exit 1; }

valgrind:
	@command -v valgrind >/dev/null || { \
	    test "$$(id -u)" = 0 && apt-get update -q && apt-get install -q -y valgrind; \
	} || { echo "please install valgrind: it counts the instructions"; exit 1; }

strace:
	@command -v strace >/dev/null || { \
	    test "$$(id -u)" = 0 && apt-get update -q && apt-get install -q -y strace; \
	} || { echo "please install strace: it counts the system calls"; exit 1; }

# Install scripts of the libraries would only compile optional native code.
$(FOREIGN_JS)/node_modules/installed: $(FOREIGN_JS)/package-lock.json | node
	cd $(FOREIGN_JS) && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

# Debian has Node.js 20 since its release 13.
node:
	@{ command -v node && command -v npm; } >/dev/null || { \
	    test "$$(id -u)" = 0 && apt-get update -q && apt-get install -q -y nodejs npm; \
	} || { echo "please install Node.js and npm: the JavaScript clients run in it"; exit 1; }
	@node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { \
	    echo "please install Node.js 20 or newer: $$(node --version) is too old for the clients"; \
	    exit 1; }

chromium:
	@command -v chromium >/dev/null || { \
	    test "$$(id -u)" = 0 && apt-get update -q && apt-get install -q -y chromium; \
	} || { echo "please install Chromium: the browser client runs in it"; exit 1; }

# `make help` lists what can be made. `make demo ONCE=1` ends by itself. `make install` takes PREFIX and DESTDIR, and
# BINARY for one that was built elsewhere.

CARGO ?= cargo
PREFIX ?= /usr/local
BINARY ?= target/dist/driftless

.DEFAULT_GOAL := help

.PHONY: help build demo test lint bench install

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

build: ## Builds target/debug/driftless
	$(CARGO) build --locked

demo: ## Shows the daemon at work, with an S3 server and a git repository of its own (ONCE=1: ends by itself)
	$(CARGO) run --locked -- demo $(if $(filter 1,$(ONCE)),--once)

test: ## Runs every test: the crate's own, then the whole program against moto, LocalStack and Ceph
	@tests/run

lint: ## Checks format, clippy with and without features, licences and sources
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --no-default-features -- -D warnings
	.ci/deny

bench: ## Runs the benchmarks, several rounds of each contestant
	$(CARGO) bench --locked --profile dist --bench sweep

share = $(DESTDIR)$(PREFIX)/share

install: ## Builds what ships, and installs it with its manual pages and completions
	$(CARGO) build --locked --profile dist
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(share)/bash-completion/completions" \
		"$(share)/zsh/site-functions" "$(share)/fish/vendor_completions.d"
	install -m 0755 "$(BINARY)" "$(DESTDIR)$(PREFIX)/bin/driftless"
	"$(BINARY)" man --out "$(share)/man/man1"
	"$(BINARY)" completions bash >"$(share)/bash-completion/completions/driftless"
	"$(BINARY)" completions zsh >"$(share)/zsh/site-functions/_driftless"
	"$(BINARY)" completions fish >"$(share)/fish/vendor_completions.d/driftless.fish"

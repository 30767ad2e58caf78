# `make help` lists the targets. DEMO=1, DETACH=1 and NO_RUST=1 are switches, see there.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# Any Python starts the bootstrap; it looks for a supported one itself.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,\
	$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
NO_PYTHON := echo "engram: no Python is here. Type: sudo apt install python3 python3-venv"; exit 1;
BOOTSTRAP := $(or $(PYTHON),$(NO_PYTHON)) scripts/bootstrap.py $(if $(NO_RUST),--no-rust)
PYTEST := $(BIN)/python -m pytest
WORKERS ?= auto
PIN := $(BIN)/python -m piptools compile -q --upgrade --strip-extras --allow-unsafe --no-annotate \
	--no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

ifdef NO_RUST
export ENGRAM_CORE := python
endif

.PHONY: up down test test-twin test-aarch64 check bench scaling chaos requirements clean help

up: ## Set up and start a dev chain, 3 miners and a validator (DEMO=1: show it and stop; DETACH=1: leave it running)
	@$(BOOTSTRAP) run
	@$(BIN)/engram up $(if $(DEMO),--demo) $(if $(DETACH),--detach)

down: ## Stop what `make up DETACH=1` left running
	@test -x $(BIN)/engram || { echo "engram: nothing runs here (no .venv yet)"; exit 0; } && $(BIN)/engram down

test: ## Set up for development, then all checks and all tests (NO_RUST=1: with the Python twin)
	@$(BOOTSTRAP) dev
	@$(BIN)/python scripts/check.py
	@$(PYTEST) -n $(WORKERS) -m "not chaos"

test-twin: ## The shorter run without Rust: everything that touches the Python twin
	@$(BOOTSTRAP) dev
	@ENGRAM_CORE=python $(PYTEST) -n $(WORKERS) -m "not chaos and not slow" tests/core tests/storage tests/miner tests/sdk

test-aarch64: ## Golden embeddings on an emulated ARM processor (EVERY=1: all 1,000 texts, not each 20th)
	@$(BOOTSTRAP) dev
	@$(BIN)/python -m tests.embedding.golden.aarch64 $(if $(EVERY),--every $(EVERY))

check: ## Lint, format and types, in Python and Rust
	@$(BOOTSTRAP) dev
	@$(BIN)/python scripts/check.py

bench: ## Measure speed and recall on this machine; results go to benchmarks/results
	@$(BOOTSTRAP) bench
	@$(BIN)/python -m benchmarks

scaling: ## Compute what 256 miners and 10 million records do; results and plots for docs/scaling.md
	@$(BOOTSTRAP) bench
	@$(BIN)/python -m benchmarks.scaling

chaos: ## The long fault tests: 200 rounds of kill -9, full disks, torn files
	@$(BOOTSTRAP) dev
	@$(PYTEST) -m chaos --timeout 3600

requirements: ## Pin all dependencies anew (after a change in pyproject.toml or requirements/*.in)
	@$(BOOTSTRAP) dev
	@$(PIN) --build-deps-for editable -o requirements/run.txt pyproject.toml
	@for name in rust node dev bench; do $(PIN) -o requirements/$$name.txt requirements/$$name.in || exit; done

clean: ## Stop what runs; remove .venv, caches and build output (records in .engram stay)
	@if test -x $(BIN)/engram; then $(BIN)/engram down; fi
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist engram-core/target
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@sed -n 's/^\([a-z0-9-]*\): ## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

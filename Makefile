# Every target is a line or two that calls the sluice command or the tool of its name.
.DEFAULT_GOAL := help
.PHONY: help package wheels engine image test test-full check bench bench-serve lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
BASE ?= sluice-base:$(shell . /etc/os-release && echo $$VERSION_CODENAME)

help:  ## Say what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

package: $(VENV)/.build  ## From data to a gated delivery package in dist/
	@$(BIN)/sluice package build

wheels: $(VENV)/.build  ## The newest package's libraries, into out/wheels
	@$(BIN)/sluice package wheels

engine: $(VENV)/.build  ## A container engine and a base image, where there are none (Debian, root)
	@$(BIN)/python image/engine.py

image: $(VENV)/.build  ## The newest package as a container image on BASE, with no network
	@$(BIN)/sluice package image --base $(BASE)

test: $(VENV)/.dev  ## Run all tests
	$(BIN)/pytest

test-full: $(VENV)/.dev  ## The adversaries at full size: a million rows, hundreds of kills (an hour)
	$(BIN)/pytest --full tests/build/test_exactness.py tests/serve

check: $(VENV)/.dev  ## Linters and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/shellcheck .ci/run requirements/lock benchmarks/serve/peers/lock
	$(BIN)/hadolint image/Dockerfile

bench: $(VENV)/.build  ## Time the pipeline: from scratch, unchanged, one candidate, 1 to 100 times the rows
	@$(BIN)/python benchmarks/pipeline.py

bench-serve: $(VENV)/.build  ## Serving and batch beside MLServer, MLflow, BentoML, LitServe (an hour)
	@$(BIN)/python benchmarks/serve/main.py

lock: $(VENV)/.dev  ## Write requirements/*.txt anew from pyproject.toml
	@BIN=$(BIN) requirements/lock

clean:  ## Remove what was made; data and the DVC cache stay
	rm -rf out dist $(VENV)

$(VENV)/.build: requirements/build.txt pyproject.toml
	@echo "Setting up $(VENV): about two minutes, once"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sluice needs Python 3.11 or newer: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --require-hashes -r $<
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.build
	@echo "Adding the tools for tests and checks to $(VENV)"
	@$(INSTALL) --require-hashes -r $<
	@touch $@

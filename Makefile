# Two commands on a fresh machine with git, make and Python 3.11+: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := $(shell grep '^torch==' constraints.txt)

PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile
LOWEST := .venv-lowest

.PHONY: help run test test-fast test-lowest faults fuzz quality style docs clean
.DEFAULT_GOAL := help

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.core ## Install, then the whole story on the simulated benchmark
	$(BIN)/vlrouterbench run

test: $(VENV)/.test ## Install with the test extras, then the whole suite
	$(PYTEST)

test-fast: $(VENV)/.test ## The same without what is slow: under 2 minutes on 2 cores
	$(PYTEST) -m "not slow and not faults and not browser and not release"

# Not with the pinned versions: an own environment, with the lowest versions that setup.cfg allows.
test-lowest: ## The whole suite with the lowest versions that setup.cfg allows
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(PYTHON) tests/lowest.py > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet -c $(LOWEST)/lowest.txt -e ".[test]"
	$(LOWEST)/bin/python -m pytest -n auto --maxprocesses 8 --dist loadfile -m "not release"

faults: $(VENV)/.test ## Long series of kills and full disks, of which the suite runs a slice
	VLROUTERBENCH_TEST_SERIES=long $(PYTEST) -m faults

fuzz: $(VENV)/.test ## 1,500 mutated inputs of every kind, and long series of random values; the suite runs a slice
	VLROUTERBENCH_TEST_SERIES=long $(BIN)/python -m pytest -m fuzz
	VLROUTERBENCH_TEST_SERIES=long $(PYTEST) -m hypothesis

quality: $(VENV)/.test ## Lint, format and type checks
	$(BIN)/ruff check vlrouterbench tests spaces
	$(BIN)/ruff format --check vlrouterbench tests spaces
	$(BIN)/mypy

style: $(VENV)/.test ## Mend what the linters can mend
	$(BIN)/ruff format vlrouterbench tests spaces
	$(BIN)/ruff check --fix vlrouterbench tests spaces

docs: $(VENV)/.test ## The pages of docs/ as a site in build/docs, with warnings as errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

clean: ## Remove the environment and what runs left behind
	rm -rf $(VENV) $(LOWEST) runs build dist *.egg-info

# torch first and pinned: an open range takes a build with gigabytes of CUDA packages where there is no GPU.
$(VENV)/.core: setup.cfg constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed, $(PYTHON) is older. Give another: make PYTHON=python3.12 ..." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet "$(TORCH)"
	$(PIP) install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.core
	$(PIP) install --quiet -c constraints.txt -e ".[test]"
	@touch $@

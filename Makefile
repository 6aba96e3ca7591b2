# Two commands on a fresh machine with git, make and Python 3.11+: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := $(shell grep '^torch==' constraints.txt)

.PHONY: help run test quality style clean
.DEFAULT_GOAL := help

help: ## Say what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.core ## Install, then the whole story on the simulated benchmark
	$(BIN)/vlrouterbench run

test: $(VENV)/.test ## Install with the test extras, then the whole suite
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile

quality: $(VENV)/.test ## Lint, format and type checks
	$(BIN)/ruff check vlrouterbench tests spaces
	$(BIN)/ruff format --check vlrouterbench tests spaces
	$(BIN)/mypy

style: $(VENV)/.test ## Mend what the linters can mend
	$(BIN)/ruff format vlrouterbench tests spaces
	$(BIN)/ruff check --fix vlrouterbench tests spaces

clean: ## Remove the environment and what runs left behind
	rm -rf $(VENV) runs build dist *.egg-info

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

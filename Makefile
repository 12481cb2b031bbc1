# Two commands: `make run` sets up and runs the main job, `make test` sets up and checks everything.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DOCS := examples/quickstart/documents
TASK := $(shell cat examples/quickstart/task.txt)

.PHONY: run test lint types tests benchmarks clean

run: .venv/run
	@$(BIN)/agentkit models pull
	@$(BIN)/agentkit ask "$(TASK)" --docs $(DOCS)

test: lint types tests

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/basedpyright

tests: .venv/dev
	$(BIN)/agentkit models pull
	$(BIN)/agentkit models pull smollm2-135m
	$(BIN)/pytest || { code=$$?; $(BIN)/python tests/crash.py; exit $$code; }

benchmarks: .venv/dev
	@ls tests/benchmarks/bench_*.py

.venv/run: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade pip
	$(PIP) install --constraint constraints.txt --editable '.[retrieval,documents,quantize]'
	@touch $@

# torch comes first and with pip alone: whatever depends on it would take a build for GPUs.
.venv/dev: .venv/run
	$(PIP) install --constraint constraints.txt torch
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv

# `make quickstart` trains two models on this machine; `make test` runs the tests. Each builds .venv by itself.

.PHONY: quickstart test check external site format bench figures crash clean
.DEFAULT_GOAL := test

BIN := .venv/bin
# Many tests wait for processes of their own: two for each processor.
WORKERS := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) * 2 )))
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install

quickstart: .venv/.run
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/quickstart/story.sh

test: .venv/.dev
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

# Editors, policy tools and linters of workflows that others made, on what planform writes. Needs node and the package
# indexes.
external: .venv/.dev
	$(BIN)/pytest -m external $(ARGS)

# The documentation as a site, in site/.
site: .venv/.run
	$(PIP) 'mkdocs-material>=9.6'
	$(BIN)/mkdocs build --strict

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.run
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python benchmarks/run.py $(or $(ARGS),100 1000)

# The table of docs/benchmarks.md: the figures that planform promises, measured.
figures: .venv/.run
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python benchmarks/figures.py $(ARGS)

# Kill planform a thousand times, and Terraform beside it, and see what is left.
crash: .venv/.dev
	$(BIN)/python -m tests.crash $(or $(ARGS),1000)

clean:
	rm -rf .venv build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: .run has what planform needs to run, .dev also what its developers need.
.venv/.dev: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch .venv/.run $@

.venv/.run: pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(BIN)/python:
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  echo "$$python -m venv .venv"; \
	  $$python -m venv .venv && exit 0; \
	  rm -rf .venv; echo "make: $$python cannot create .venv; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	done; \
	echo "make: planform needs Python 3.11 or later, and none of python3, python3.11 ... python3.14 is on PATH" >&2; exit 1

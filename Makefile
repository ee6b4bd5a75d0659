# Two commands do everything on a fresh machine: `make book` and `make test`. Needed: python3 (3.11.4 to 3.13) with venv, make.
PYTHON ?= python3
BIN := .venv/bin
HTML := build/_build/html
STRICT ?=
SCREENSHOTS ?= --screenshots build/screenshots

.PHONY: help install check book reproduce-all test bench clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

install: .venv/.installed  ## make .venv with the locked packages, stresslib and stressbook

# uv does the same faster, where it is there and finds everything; as pip does, it compiles, or each process would anew.
.venv/.installed: requirements.txt pyproject.toml book/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11, 4) <= sys.version_info < (3, 14) and "Python 3.11.4 or later, 3.12 or 3.13 is needed; choose one with make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	command -v uv >/dev/null && VIRTUAL_ENV=.venv uv pip install --compile-bytecode -r requirements.txt || $(BIN)/python -m pip install -r requirements.txt
	$(BIN)/python -m pip install --no-deps -e . -e book
	touch $@

check: install  ## run the quick profile of every figure and compare it with results/
	$(BIN)/stresslib check

# The last steps need Chromium or Chrome and say so where there is none; STRICT=--strict makes that a failure.
book: check  ## run the figures on the shipped features, compare, and build the book
	$(BIN)/stresslib reproduce all --redraw -o book/generated
	$(BIN)/python book/tools/make_toc.py book/generated/_toc.yml
	$(BIN)/jupyter-book build . --toc book/generated/_toc.yml --path-output build -W -n --keep-going
	$(BIN)/python book/tools/make_pdf.py $(HTML)
	$(BIN)/python book/tools/check_offline.py $(HTML)
	$(BIN)/python book/tools/check_browser.py $(HTML) $(SCREENSHOTS) $(STRICT)
	@echo "The book is $(HTML)/index.html"

reproduce-all: install  ## run the full profile of every figure again, for hours, beside the committed tables; goes on after a stop
	$(BIN)/stresslib check --full

test: install  ## lint, check types, run the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 LOKY_MAX_CPU_COUNT=1 $(BIN)/python -m pytest -n auto --dist worksteal  # a process a core, of one thread, that starts no others

bench: install  ## measure speed against named peers
	$(BIN)/python benchmarks/extraction.py
	$(BIN)/python benchmarks/solver.py
	$(BIN)/python benchmarks/codec.py
	$(BIN)/python benchmarks/separation.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/offspring.py
	$(BIN)/python benchmarks/contextual.py

clean:  ## remove what was built; keep .venv
	rm -rf build book/generated .pytest_cache .mypy_cache .ruff_cache .hypothesis

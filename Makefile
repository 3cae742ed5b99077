# The oldest supported Snakemake: what the extra `dev` asks for at least.
OLDEST_SNAKEMAKE := $(shell sed -n 's/.*"snakemake\[reports\] >=\([0-9.]*\),.*/\1/p' pyproject.toml)

PYTHON ?= python3
VENV = .venv
OLDEST_VENV = .venv-oldest
# What depends on how Snakemake works inside, in less than two minutes.
OLDEST_TESTS = tests/plugin tests/reuse_workflows/test_dag.py tests/reuse_workflows/test_observing.py
PIP_INSTALL = pip install --quiet --disable-pip-version-check
PYTEST_ARGS = --numprocesses auto --dist loadgroup

# programs of the environment, also for the rules of a workflow
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help demo test test-all test-cluster test-peer test-oldest bench lint clean

help:
	@echo "make demo         run the example workflow with its report, then a clone that has nothing to do"
	@echo "make test         run the tests (PYTEST_ARGS=... are handed to pytest)"
	@echo "make test-all     run the slow tests too"
	@echo "make test-cluster run the tests on clusters: Slurm, and another executor"
	@echo "make test-peer    check what the table says of Snakemake's own cache, and of unobserved jobs"
	@echo "make test-oldest  run the tests of what touches Snakemake on its version $(OLDEST_SNAKEMAKE)"
	@echo "make bench        compare databases and workflows with others (minutes; more: docs/benchmarks*.md)"
	@echo "make lint         check style, types and workflows"
	@echo "make clean        remove environments and results"

demo: $(VENV)/demo
	cd example-workflow && snakemake && snakemake --report report.html
	@echo
	@echo "A fresh clone that uses the same store:"
	rm -rf build/demo && mkdir -p build/demo
	cd example-workflow && cp -R config profiles resources workflow $(CURDIR)/build/demo
	cd build/demo && SNAKEMAKE_STORAGE_SEQSTORE_ROOT=$(CURDIR)/example-workflow/.seqstore snakemake
	@echo
	@echo "Results:  example-workflow/results/"
	@echo "Report:   example-workflow/report.html"
	@echo "Store:    example-workflow/.seqstore/  (look into it: cd example-workflow && ../$(VENV)/bin/seqstore ls)"

test: $(VENV)/dev
	pytest --ignore tests/cluster $(PYTEST_ARGS)

test-all: $(VENV)/slow
	pytest -m "not peer" --ignore tests/cluster $(PYTEST_ARGS)
	$(MAKE) test-cluster

test-cluster: $(VENV)/cluster
	pytest -m "not peer" $(PYTEST_ARGS) tests/cluster

test-peer: $(VENV)/dev
	pytest -m peer tests/reuse $(PYTEST_ARGS)

test-oldest: $(OLDEST_VENV)/dev
	PATH="$(CURDIR)/$(OLDEST_VENV)/bin:$$PATH" pytest $(OLDEST_TESTS) $(PYTEST_ARGS)

bench: $(VENV)/bench
	python -m bench sequences uniprot 100000 --repeats 1 --out build/bench/results
	python -m bench reuse 100 --repeats 1 --out build/bench/results
	@echo
	@echo "Results:  build/bench/results/"

lint: $(VENV)/dev
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check example-workflow wrappers
	cd example-workflow && snakemake --lint

clean:
	rm -rf .venv .venv-oldest build dist
	cd example-workflow && rm -rf .snakemake .seqstore results logs report.html

# Each environment is made anew when what it holds may have changed.
$(VENV)/python $(OLDEST_VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(@D)
	touch $@

$(VENV)/demo: $(VENV)/python pyproject.toml
	$(@D)/bin/$(PIP_INSTALL) "snakemake[reports]>=$(OLDEST_SNAKEMAKE),<10" --editable ".[plots]"
	touch $@

$(VENV)/dev: $(VENV)/python pyproject.toml
	$(@D)/bin/$(PIP_INSTALL) --editable ".[dev]"
	touch $@ $(@D)/demo

$(VENV)/slow: $(VENV)/python pyproject.toml
	$(@D)/bin/$(PIP_INSTALL) --editable ".[dev,slow]"
	touch $@ $(@D)/demo $(@D)/dev

$(VENV)/cluster: $(VENV)/python pyproject.toml
	$(@D)/bin/$(PIP_INSTALL) --editable ".[dev,slow,cluster]"
	touch $@ $(@D)/demo $(@D)/dev $(@D)/slow

$(VENV)/bench: $(VENV)/python pyproject.toml
	$(@D)/bin/$(PIP_INSTALL) --editable ".[dev,bench]"
	touch $@

$(OLDEST_VENV)/dev: $(OLDEST_VENV)/python pyproject.toml Makefile
	$(@D)/bin/$(PIP_INSTALL) "snakemake==$(OLDEST_SNAKEMAKE)" --editable ".[dev]"
	touch $@

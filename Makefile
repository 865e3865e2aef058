# Everything a contributor does, from a machine that has only Python 3.11 or newer and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 2
UV_VERSION := 0.13.9

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
LOCKS := requirements-dev.lock
STAMPS := $(VENV)/.stamps
PYTEST := $(BIN)/python -m pytest

.PHONY: help setup web run test test-all lint format bench docs screenshots lock clean

help: ## list what make can do
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(STAMPS)/project ## make .venv and install the locked packages and the project into it

$(STAMPS)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Duyên needs Python 3.11 or newer; say which one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/packages: $(STAMPS)/uv $(LOCKS)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

$(STAMPS)/project: $(STAMPS)/packages pyproject.toml
	DUYEN_SKIP_WEB=1 $(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

web: setup $(STAMPS)/web ## build the tag and the console with the Node of a wheel

WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*')
$(STAMPS)/web: $(STAMPS)/packages hatch_build.py $(WEB_SOURCES)
	$(BIN)/python hatch_build.py build
	@touch $@

run: setup web ## start the living demo on http://127.0.0.1:8000
	$(BIN)/duyen serve --demo --port $(PORT)

test: setup web ## run the tests, except the slow ones
	$(PYTEST) -n $(WORKERS) --dist loadfile -m "not slow"

test-all: setup web ## run every test, the slow ones too, and look for new counterexamples
	$(PYTEST) -n $(WORKERS) --dist loadfile --hypothesis-profile explore

TYPED := src tests docs hatch_build.py $(wildcard bench)
lint: setup ## ruff, mypy, the floor plan, tsc and eslint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(TYPED)
	$(PYTEST) -q tests/test_floor_plan.py
	$(BIN)/python hatch_build.py lint

format: setup ## let ruff put the Python files in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure, each figure beside its baseline; prints a table and writes one JSON file
	$(BIN)/python -m bench

docs: setup ## write the reference pages of settings, commands and API again, and the console's client
	$(BIN)/python docs/generate.py
	$(BIN)/python hatch_build.py types ../docs/reference/openapi.json -o console/src/api/schema.d.ts

screenshots: setup web ## take the pictures of docs/images again, after some weeks of simulated life
	DUYEN_SCREENSHOTS=1 $(PYTEST) -q tests/browser/test_console.py -k pictures

lock: setup ## resolve the newest packages and write the two locks again
	$(UV) pip compile $(COMPILE) --group dev pyproject.toml -o requirements-dev.lock
	$(UV) pip compile $(COMPILE) --constraint requirements-dev.lock pyproject.toml -o requirements.lock

COMPILE := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

clean: ## remove the environment and everything built
	rm -rf $(VENV) web/node_modules web/*/node_modules src/duyen/web_dist dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

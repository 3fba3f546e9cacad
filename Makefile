# svclab. `make run` to learn, `make test` to check; both install what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
BIND ?= 127.0.0.1
WORKERS ?= auto

.PHONY: help run test lint fix bench kernel browser migrate

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: $(VENV)/run.stamp migrate ## the app on http://localhost:8000
	@echo "svclab is at http://localhost:$(PORT) (Ctrl-C ends it)"
	@$(BIN)/daphne --no-server-name --access-log /dev/null -b $(BIND) -p $(PORT) --application-close-timeout 5 svclab.asgi:application

migrate: $(VENV)/run.stamp
	@$(BIN)/python manage.py prepare

test: lint browser ## every test, the browser's included
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

lint: $(VENV)/dev.stamp ## style and the import ladder
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

fix: $(VENV)/dev.stamp ## format, and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp browser ## the figures of the README's table, measured here
	$(BIN)/python -m tests.bench

kernel: $(VENV)/dev.stamp ## compare the engine with this machine's kernel (Linux, root)
	$(BIN)/python -m tests.kernel

browser: ## Debian's chromium, where no browser is found
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q chromium; }

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/run.stamp

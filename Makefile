# Everything runs in .venv, which `make setup` fills from requirements.lock. Nothing else is needed but python3, make and git.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
TESTS ?= tests
WORKERS ?= auto

# Bytecode halves every start of Python; some machines switch it off.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# What tests draw is the same in each run (tests/support/chance.py), and so is the order of sets; TESTS_SEED draws otherwise.
test test-fast test-sqlite: export PYTHONHASHSEED = $(if $(TESTS_SEED),random,0)

.PHONY: help setup setup-tests demo test test-fast test-sqlite check format bench lock messages clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed ## The environment, from requirements.lock

$(VENV)/.installed: requirements.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh "$(PYTHON)" "$(VENV)"
	@touch $@

setup-tests: setup ## The browser and the OpenID provider that the tests use, from npm
	@$(RUN)/python scripts/node_packages.py tests/browser tests/idp

demo: setup ## Real projects to look at, and people to sign in as
	@$(RUN)/portal demo

test: setup-tests ## Every test
	@$(RUN)/python -m pytest $(TESTS) -n $(WORKERS) --dist worksteal

test-fast: setup ## The rules alone, in under a minute: no database, no browser
	@$(RUN)/python -m pytest $(TESTS) -n $(WORKERS) --dist worksteal -m "not database and not postgres and not browser and not slow"

test-sqlite: setup ## Everything on SQLite, no browser
	@$(RUN)/python -m pytest $(TESTS) -n $(WORKERS) --dist worksteal -m "not postgres and not browser and not slow"

check: setup ## Style, types, direction of imports, Dockerfile, translations
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/hadolint Dockerfile
	$(RUN)/python scripts/messages.py --check

format: setup ## Puts the style right
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

bench: setup ## Speed of our pages beside the limit of the framework
	@$(RUN)/python -m tests.bench

lock: setup ## Resolves pyproject.toml anew into requirements.lock
	@$(RUN)/python scripts/lock.py

messages: setup ## Collects the texts to translate into the catalogues
	@$(RUN)/python scripts/messages.py

clean: ## What can be made again
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/browser/node_modules tests/idp/node_modules

# Everything lives in the checkout: Poetry in .poetry, the environment in .venv, data in .payymo.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# Tests start many processes, of which each would compile the whole house anew.
unexport PYTHONDONTWRITEBYTECODE

RUN := ./.venv/bin
INSTALLED := .venv/.installed
# How many tests run at once.
WORKERS ?= 2
# Which books to match, such as "--sizes 100000 --seeds 1 2 3".
BOOKS ?=
# How many account-days a soak plays.
DAYS ?= 1000000

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: $(INSTALLED) ## Install everything into the checkout

$(INSTALLED): poetry.lock pyproject.toml tools/install
	@./tools/install

.PHONY: demo
demo: $(INSTALLED) ## Connect a bank of the sandbox, sync it, match its invoices, and say what happened
	$(RUN)/payymo demo

.PHONY: up
up: $(INSTALLED) ## The same, then serve API, worker and sandbox until Ctrl-C
	$(RUN)/payymo up --demo

.PHONY: dagster
dagster: $(INSTALLED) ## The same, with Dagster's pages: lineage, builds of the warehouse, checks
	$(RUN)/payymo up --with-dagster

.PHONY: check
check: lint types sql-lint migrations coverage soak-minute ## All that must hold before a change goes in

.PHONY: lint
lint: $(INSTALLED) ## Rules, formatting and import directions
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(RUN)/lint-imports

.PHONY: format
format: $(INSTALLED) ## Format the code, and mend what can be mended by itself
	$(RUN)/ruff check --fix-only
	$(RUN)/ruff format

.PHONY: types
types: $(INSTALLED) ## Check types
	$(RUN)/mypy

.PHONY: sql-lint
sql-lint: $(INSTALLED) ## Check the SQL of the warehouse's models
	$(RUN)/sqlfluff lint --disable-progress-bar dbt

.PHONY: sql
sql: $(INSTALLED) ## Format that SQL, and mend what can be mended by itself
	$(RUN)/sqlfluff fix --disable-progress-bar dbt

.PHONY: dbt
dbt: $(INSTALLED) ## Bring the warehouse up to date, and test it
	$(RUN)/payymo analytics build

.PHONY: dbt-docs
dbt-docs: $(INSTALLED) ## Write the documentation of the warehouse's models, with their lineage, to one page
	$(RUN)/python dbt/run.py docs generate --static --target offline --empty-catalog

.PHONY: migrations
migrations: $(INSTALLED) ## Compare the models with the migrations, on a database of its own
	$(RUN)/python tools/migrations.py check

.PHONY: test
test: $(INSTALLED) ## Run the tests
	$(RUN)/pytest --numprocesses $(WORKERS) --dist loadgroup

.PHONY: coverage
coverage: $(INSTALLED) ## Run the tests, and see that they reach enough of every file
	rm -f .coverage .coverage.*
	$(RUN)/pytest --numprocesses $(WORKERS) --dist loadgroup --cov --cov-report json:.coverage.json
	$(RUN)/python testing/check_coverage.py .coverage.json

.PHONY: crash
crash: $(INSTALLED) ## Kill a worker, and PostgreSQL, at every place at which a sync writes (half an hour)
	$(RUN)/python -m testing.crash --processes $(WORKERS)

.PHONY: soak
soak: $(INSTALLED) ## Play a million days of invented accounts against the ledger: 30 minutes
	$(RUN)/python -m testing.simulator --days $(DAYS) --processes $(WORKERS)

.PHONY: soak-minute
soak-minute: $(INSTALLED) ## Play some twenty thousand of them
	$(RUN)/python -m testing.simulator --days 20000 --processes $(WORKERS)

.PHONY: bench
bench: $(INSTALLED) ## Measure speed, as ratios within one run
	$(RUN)/python -m benchmarks

.PHONY: bench-matching
bench-matching: $(INSTALLED) ## Measure how well payments are matched, beside two other ways
	$(RUN)/python -m benchmarks.matching $(BOOKS)

.PHONY: train-matching
train-matching: $(INSTALLED) ## Learn the matching engine's weights anew from generated books
	$(RUN)/python -m benchmarks.matching.train

.PHONY: clean
clean: ## Remove environments and caches; data in .payymo stay
	rm -rf .venv .poetry dbt/target dbt/logs .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache dist htmlcov
	find src testing benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

# Everything a person runs. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up down status logs demo worker api test explore simulate check bench bench-long drill lock install

UV := $(or $(shell command -v uv),.local/uv/bin/uv)
PYTHON := >=3.11,<3.15
BILLING := .venv/.synced
AIRFLOW := .venv-airflow/.synced
PEERS := .venv-bench/.synced
STACK := .venv/bin/python -m infra.native
COMPILE := $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
export UV_PYTHON_DOWNLOADS := never

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(BILLING) $(AIRFLOW)  ## start the engines, Airflow, the worker, the notifier and the API   [ARGS='--without airflow']
	@$(STACK) up $(ARGS)

down: $(BILLING)  ## stop what `make up` started; the data stays
	@$(STACK) down $(ARGS)

status: $(BILLING)  ## what runs, with memory; fails when something that should run does not
	@$(STACK) status $(ARGS)

logs: $(BILLING)  ## the end of a service's log   s=kafka [n=100]
	@$(STACK) logs $(or $(s),$(error Which one? For example: make logs s=kafka)) $(n)

demo: $(BILLING) $(AIRFLOW)  ## from events to invoices, with the proof at the end   [ARGS=...]
	@$(STACK) up
	@.venv/bin/billing demo run $(ARGS)

worker: $(BILLING)  ## one more metering worker in this terminal   [WORKER_PORT=16068]
	@.venv/bin/faust -L uvloop -A streams.app worker

api: $(BILLING)  ## one more HTTP endpoint that core asks before it sends, in this terminal   [API_PORT=16080]
	@.venv/bin/billing wallets serve

# Tests wait for engines most of the time, so there are more processes than cores; each has databases of its own.
test: PROCESSES ?= 3
test: $(BILLING) $(AIRFLOW)  ## every test, on the real engines   [ARGS='tests/domain -k wallet']
	@$(STACK) install
	@$(STACK) up --only kafka,postgres,redis,clickhouse
	@.venv/bin/pytest $(or $(ARGS),--numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder --cov --cov-report=term)

# `make test` tries laws on the same examples each time. A failure here prints what it takes to see it again.
explore: PROCESSES ?= 2
explore: $(BILLING)  ## laws on new random examples, ten times as many as in `make test`   [examples=1000] [ARGS=tests/domain]
	@$(STACK) up --only kafka,postgres,redis,clickhouse
	@.venv/bin/pytest -m hypothesis --explore $(or $(examples),1000) --numprocesses $(PROCESSES) --dist loadfile $(ARGS)

simulate: $(BILLING)  ## the money path with a fault at every step, for a minute   [ARGS='--seeds 1 --start 42']
	@.venv/bin/python -m tests.simulation $(or $(ARGS),--seconds 60)

check: $(BILLING)  ## lint, format, types, import rules, tidiness
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/pytest --quiet tests/test_tidy.py

bench: $(BILLING) $(AIRFLOW) $(PEERS)  ## the measurements, into build/bench.json   [only=NAME]
	@$(STACK) up --only kafka,postgres,redis,clickhouse
	@.venv/bin/python -m tests.bench $(only)

bench-long: $(BILLING)  ## the measurements that take long   [only=NAME]
	@$(STACK) up --only kafka,postgres,redis,clickhouse
	@.venv/bin/python -m tests.bench --long $(only)

drill: $(BILLING)  ## kill everything under load, compare the books, into build/drill.json   [ARGS='--kills 20 --seed 7']
	@$(STACK) install
	@.venv/bin/python -m tests.drill $(ARGS)

# setuptools builds the project itself. Without the override, the old lz4 that PyPy needs would be taken for everybody.
lock:  ## resolve the three environments anew
	@echo 'setuptools>=80' | $(COMPILE) --extra dev --override <(echo 'lz4>=4') -o requirements-billing.lock pyproject.toml -
	@$(COMPILE) -o requirements-airflow.lock requirements-airflow.in
	@$(COMPILE) -o requirements-bench.lock requirements-bench.in

install: $(BILLING)  ## install the programs that are missing, or say which
	@$(STACK) install

.local/uv/bin/uv:
	@infra/native/bootstrap.sh

# The environments are apart because Airflow's croniter and Faust's exclude each other, and what the measurements compare
# with is no part of the project. Byte code is compiled once here, because a start of Airflow without it takes ten seconds
# longer.
$(BILLING): requirements-billing.lock pyproject.toml | $(UV)
	@echo "Making .venv ..."
	@test -x .venv/bin/python || $(UV) venv --quiet --python '$(PYTHON)' .venv
	@$(UV) pip sync --quiet --python .venv --compile-bytecode requirements-billing.lock
	@$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --config-setting editable_mode=compat --editable .
	@touch $@

$(AIRFLOW): requirements-airflow.lock | $(UV)
	@echo "Making .venv-airflow ..."
	@test -x .venv-airflow/bin/python || $(UV) venv --quiet --python '$(PYTHON)' .venv-airflow
	@$(UV) pip sync --quiet --python .venv-airflow --compile-bytecode requirements-airflow.lock
	@touch $@

$(PEERS): requirements-bench.lock | $(UV)
	@echo "Making .venv-bench ..."
	@test -x .venv-bench/bin/python || $(UV) venv --quiet --python '$(PYTHON)' .venv-bench
	@$(UV) pip sync --quiet --python .venv-bench --compile-bytecode requirements-bench.lock
	@touch $@

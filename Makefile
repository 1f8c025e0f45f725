# Two commands matter: `make demo` (from nothing to a prediction on a real cluster) and `make test` (sets up and passes the tests).
# Both work from a bare machine and install what they need. Everything slow is cached under ~/.cache/trimtab, outside the tree.

SHELL := /bin/bash
CACHE := $(or $(TRIMTAB_CACHE),$(HOME)/.cache/trimtab)
LOCK_KEY := $(shell sha256sum requirements.lock | cut -c1-16)
VENV := $(CACHE)/venv/$(LOCK_KEY)
PYTHON := $(VENV)/bin/python
export PYTHONPATH := operator:serving
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

BY_FILE := -n 2
# Two processes wait for a cluster each while two others compute; the long ones begin.
SIDE_BY_SIDE := -n 4 --no-loadscope-reorder

.PHONY: help demo test long story chaos check unit integration e2e bench generate reload up down venv

help:
	@echo 'make demo      a real Kubernetes, Trimtab by Helm, a year of flights: retrained, refused, promoted, taken back (ACTS=0: to the first prediction)'
	@echo 'make test      everything: lint, types, contracts, unit, integration, end to end'
	@echo 'make long      tests that take longer: rollouts under load on a cluster, the laws of all kinds on a real API server'
	@echo 'make story     the whole demo on a cluster of its own, and whether all that it promises was kept'
	@echo 'make chaos     the same while the operator is killed 20 times, and worker, serving pod, store and API server once each (SEED=1)'
	@echo 'make check     the fast part, under 90 s'
	@echo 'make generate  CRDs, chart and reference from the pydantic models'
	@echo 'make reload    build the images, load them into the running cluster, restart the operator'
	@echo 'make down      take the cluster down'

venv: $(VENV)/.done
$(VENV)/.done: | requirements.lock
	@dev/venv.sh $(VENV)

demo: venv
	@$(PYTHON) dev/demo

story: venv
	@TRIMTAB_CLUSTER_NAME=trimtab-story $(PYTHON) dev/demo; code=$$?; TRIMTAB_CLUSTER_NAME=trimtab-story python3 dev/cluster down; exit $$code

chaos: venv
	@CHAOS=$(or $(SEED),1) TRIMTAB_CLUSTER_NAME=trimtab-story $(PYTHON) dev/demo; code=$$?; TRIMTAB_CLUSTER_NAME=trimtab-story python3 dev/cluster down; exit $$code

test: check
	@echo "== end to end on two clusters, properties and integration beside them"
	@$(PYTHON) -m pytest $(SIDE_BY_SIDE) -vv --durations=10 tests/e2e tests/property tests/integration

long: venv
	@TRIMTAB_CLUSTER_NAME=trimtab-long $(PYTHON) -m pytest -v -s --durations=10 -m long tests

check: venv
	@$(PYTHON) dev/check.py

unit: venv
	@$(PYTHON) -m pytest $(BY_FILE) tests/unit tests/property tests/contract

integration: venv
	@$(PYTHON) -m pytest $(BY_FILE) tests/integration

e2e: venv
	@$(PYTHON) -m pytest tests/e2e

bench: venv
	@for script in tests/bench/*.py; do echo "== $$script"; $(PYTHON) $$script; done

generate: venv
	@$(PYTHON) dev/generate.py

reload: venv
	@$(PYTHON) dev/reload.py

up down:
	@python3 dev/cluster $@

# What a developer runs: `make run` for the demo, `make check test` before a commit. Environments live in .venv and are
# brought up to date when pyproject.toml changes.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
INTEROP := tests/interop
OLD_CLIENTS := tests/old_clients
# Most tests wait more than they compute: more workers than processors. A file's tests stay together, because they share
# servers, and files come in the order of tests/conftest.py.
PARALLEL := -n 4 --dist loadfile --no-loadscope-reorder
# The first Python that is new enough; `make PYTHON=...` names another.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Lock files name no registry, whatever the settings of whoever writes them.
export NPM_CONFIG_OMIT_LOCKFILE_REGISTRY_RESOLVED := true

.PHONY: run test check format clean npm programs

run: $(STAMPS)/server
	exec $(BIN)/python -m socketio demo $(ARGS)

test: $(STAMPS)/dev $(STAMPS)/uwsgi $(STAMPS)/python-socketio npm programs
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

check: $(STAMPS)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict
	$(BIN)/python -m pytest tests/test_layers.py tests/test_sizes.py tests/test_hygiene.py

format: $(STAMPS)/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis $(INTEROP)/node_modules $(OLD_CLIENTS)/node_modules tests/clients/node_modules benchmarks/.cache
	find src tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +

# pip has read dependency groups since 25.1.
$(STAMPS)/venv:
	@for python in $(PYTHON); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; \
	done; \
	if [[ -z $$python ]]; then echo "Python 3.11 or newer is needed; name it: make PYTHON=/path/to/python" >&2; exit 1; fi; \
	[[ -x $(BIN)/python ]] || "$$python" -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'
	mkdir -p $(STAMPS)
	touch $@

$(STAMPS)/server: pyproject.toml | $(STAMPS)/venv
	$(PIP) install --editable '.[server]'
	touch $@

$(STAMPS)/dev: pyproject.toml | $(STAMPS)/venv
	$(PIP) install --editable '.[all]' --group test --group check
	touch $@ $(STAMPS)/server

# The official JavaScript clients and servers, where there is a Node to run them.
npm:
	@if command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory --silent {$(INTEROP),$(OLD_CLIENTS)}/node_modules/.installed; \
	fi

%/node_modules/.installed: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	touch $@

# Programs that tests need, from Debian's packages. The tests say so themselves where there is none; one attempt an
# environment is enough. Services among them are not started: the tests start their own.
programs: | $(STAMPS)/venv
	@missing=(); \
	command -v chromium chromium-browser google-chrome >/dev/null || missing+=(chromium); \
	command -v ip >/dev/null || missing+=(iproute2); \
	command -v openssl >/dev/null || missing+=(openssl); \
	command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] || missing+=(nginx); \
	command -v redis-sentinel >/dev/null || missing+=(redis-server redis-sentinel); \
	command -v epmd >/dev/null && [[ -x /usr/sbin/rabbitmq-server ]] || missing+=(rabbitmq-server); \
	if (( $${#missing[@]} )) && [[ $$(id -u) == 0 && "$${missing[*]}" != "$$(cat $(STAMPS)/programs 2>/dev/null)" ]] && command -v apt-get >/dev/null; then \
		echo "$${missing[*]}" >$(STAMPS)/programs; \
		echo "Installing $${missing[*]}"; \
		policy=/usr/sbin/policy-rc.d; \
		if [[ ! -e $$policy ]]; then \
			trap "rm -f $$policy" EXIT; printf '#!/bin/sh\nexit 101\n' >$$policy; chmod +x $$policy; \
		fi; \
		{ timeout 120 apt-get -qq update && DEBIAN_FRONTEND=noninteractive timeout 400 \
			apt-get -qq install --yes --no-install-recommends "$${missing[@]}"; } </dev/null >/dev/null 2>&1 \
			|| echo "$${missing[*]} could not be installed" >&2; \
	fi

# What our servers share brokers with, in an environment of its own because the packages have the same names.
$(STAMPS)/python-socketio: | $(STAMPS)/venv
	@{ $(BIN)/python -m venv $(VENV)/python-socketio && timeout 300 $(VENV)/python-socketio/bin/python -m pip \
		--disable-pip-version-check --quiet install python-socketio==5.18.1 'redis>=5' 'kombu>=5.4' 'aio-pika>=9.5' \
		'kafka-python>=3.0' pyzmq eventlet uvicorn websockets; } >/dev/null 2>&1 \
		|| echo "python-socketio could not be installed" >&2
	touch $@

# uWSGI comes as source only: where it cannot be built, its tests are skipped.
$(STAMPS)/uwsgi: | $(STAMPS)/dev
	@timeout 300 $(PIP) install uwsgi >/dev/null 2>&1 || echo "uWSGI could not be built" >&2
	touch $@

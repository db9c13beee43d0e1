# `make help` lists what there is.
SHELL := /bin/bash
SWIFT ?= swift
PACKAGES := libyaml-dev libsqlite3-dev zlib1g-dev tzdata
PROXYD := .build/release/proxyd
# The referee of the benchmark lives outside; see Benchmarks/README.md.
BENCH ?= ../shared/bench/bench
FUZZ_RUNS ?= 100000
TEST_FLAGS ?=
CLIENTS_VENV ?= .build/clients-venv
FORMATTED := Package.swift Sources Tests Fuzz/Targets Fuzz/Support.swift

.DEFAULT_GOAL := help

## run: build proxyd and start it between two simulated providers (no account needed)
.PHONY: run
run: build
	$(PROXYD) demo

## build: the release binary, .build/release/proxyd
.PHONY: build
build: setup
	$(SWIFT) build -c release --product proxyd

## test: all unit tests (TEST_FLAGS= are further flags, as --sanitize=thread)
.PHONY: test
test: setup
	$(SWIFT) test $(TEST_FLAGS)

## test-blackbox: the contracts, checked from outside against the release binary (Python 3.9)
.PHONY: test-blackbox
test-blackbox: build
	Tests/BlackBox/run --proxyd $(PROXYD)

## test-clients: real clients against the release binary, and the table docs/clients.md (CLIENTS_VENV= says where they are)
.PHONY: test-clients
test-clients: build
	Tests/Clients/run --proxyd $(PROXYD) --venv $(CLIENTS_VENV) -q
	Tests/Clients/table --proxyd $(PROXYD) --venv $(CLIENTS_VENV)-loops --write
	python=$(CLIENTS_VENV)/bin/python; [ -x $$python ] || python=python3; $$python Tests/BlackBox/run --proxyd $(PROXYD) -k sdk

## bench: what a request and an event cost, beside nginx and HAProxy (BENCH= says where the referee is)
.PHONY: bench
bench: build
	@[ -x $(BENCH) ] || { echo "there is no $(BENCH): see Benchmarks/README.md" >&2; exit 69; }
	PROXYD=$(PROXYD) $(BENCH) --quick nginx haproxy-json proxyd

## fuzz: a run of every fuzz target (FUZZ_RUNS= says how many inputs each; Fuzz/README.md)
.PHONY: fuzz
fuzz: setup
	Fuzz/run $(FUZZ_RUNS)

## format: put all Swift sources in the house's form
.PHONY: format
format:
	$(SWIFT) format --in-place --parallel --recursive --configuration .swift-format $(FORMATTED)

## lint: what `format` would change, as an error
.PHONY: lint
lint:
	$(SWIFT) format lint --strict --parallel --recursive --configuration .swift-format $(FORMATTED)

## reference: write the configuration reference, its JSON Schema and the manual page anew
.PHONY: reference
reference: build
	mkdir -p docs/reference
	$(PROXYD) reference markdown > docs/reference/configuration.md
	$(PROXYD) reference schema > docs/reference/proxy.schema.json
	$(PROXYD) reference man > docs/reference/proxyd.1

## catalog: compile in anew what is data: the presets (Sources/ProxyCore/Configuration/Presets), the prices (etc/prices.yaml)
.PHONY: catalog
catalog:
	for script in Tools/*.py; do python3 $$script || exit 1; done

## docs: the documentation as a site, .build/site/index.html (Python 3 with venv; Tools/site)
.PHONY: docs
docs:
	@Tools/site/build

## deb: the Debian package of the release binary, in .build/packages
.PHONY: deb
deb: build
	@command -v dpkg-shlibdeps >/dev/null || { echo "there is no dpkg-shlibdeps: apt-get install dpkg-dev" >&2; exit 69; }
	@file=$$(deploy/packaging/deb --proxyd $(PROXYD)) && echo $$file && \
	if command -v lintian >/dev/null; then lintian --allow-root --fail-on error,warning $$file; else echo "lintian is not there, and was not asked"; fi

## tarball: the archive for every Linux with glibc 2.36, in .build/packages
.PHONY: tarball
tarball: build
	deploy/packaging/tarball --proxyd $(PROXYD)

## licenses: the licenses of what is linked in, and the bill of materials (SPDX), in .build/packages
.PHONY: licenses
licenses:
	@[ -e Package.resolved ] || $(SWIFT) package resolve
	deploy/packaging/licenses

## try-package: the package in a bare Debian 12, as deploy/README.md says (root, debootstrap; some minutes)
.PHONY: try-package
try-package: build
	deploy/packaging/try --proxyd $(PROXYD)

## ci: everything a change has to pass, as it runs on a server
.PHONY: ci
ci:
	.ci/run

## setup: install the system libraries that are missing (Debian, Ubuntu)
.PHONY: setup
setup:
	@command -v $(SWIFT) >/dev/null || { echo "there is no Swift toolchain: https://www.swift.org/install" >&2; exit 69; }; \
	command -v dpkg >/dev/null || { echo "no dpkg here: libyaml, SQLite and zlib with their headers have to be there already"; exit 0; }; \
	missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
		echo "installing$$missing"; sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	fi

## help: this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do printf '%-15s %s\n' "$$name" "$$what"; done

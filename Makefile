# `make help` lists what there is.
SHELL := /bin/bash
SWIFT ?= swift
PACKAGES := libyaml-dev libsqlite3-dev

.DEFAULT_GOAL := help

## run: build, and start proxyd with two simulated providers (no account needed)
.PHONY: run
run: setup
	$(SWIFT) build -c release --product proxyd
	.build/release/proxyd demo

## build: the release binary, .build/release/proxyd
.PHONY: build
build: setup
	$(SWIFT) build -c release --product proxyd

## test: all tests
.PHONY: test
test: setup
	$(SWIFT) test

## test-blackbox: the contracts, checked from outside against the release binary
.PHONY: test-blackbox
test-blackbox: build
	Tests/BlackBox/run --proxyd .build/release/proxyd

## test-clients: the official Python SDKs against the release binary, in a virtual environment
.PHONY: test-clients
test-clients: build
	python3 -m venv .venv && .venv/bin/pip install --quiet -r Tests/BlackBox/requirements.txt
	.venv/bin/python Tests/BlackBox/run --proxyd .build/release/proxyd -k sdk

## bench: what a request and an event cost, beside nginx and HAProxy (the referee is ../shared/bench/bench)
.PHONY: bench
bench: build
	../shared/bench/bench --quick nginx haproxy-json proxyd

## fuzz: a short run of every fuzz target
.PHONY: fuzz
fuzz:
	Fuzz/run

## format: put all Swift sources in the house's form
.PHONY: format
format:
	$(SWIFT) format --in-place --parallel --recursive --configuration .swift-format Package.swift Sources Tests

## lint: what `format` would change, as an error
.PHONY: lint
lint:
	$(SWIFT) format lint --strict --parallel --recursive --configuration .swift-format Package.swift Sources Tests

## reference: write the configuration reference and its JSON Schema anew
.PHONY: reference
reference: build
	mkdir -p docs/reference
	.build/release/proxyd reference markdown > docs/reference/configuration.md
	.build/release/proxyd reference schema > docs/reference/proxy.schema.json

## setup: install the system libraries that are missing
.PHONY: setup
setup:
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
		echo "installing$$missing"; sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -qq && $$sudo apt-get install -y -qq $$missing; \
	fi

## help: this list
.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

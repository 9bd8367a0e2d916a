# One door to everything. Needs make, npm and any Node from 20 on: `npm ci` brings the Node that the rest runs on.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
unexport NODE_OPTIONS
NODE := node --conditions=quaymaster-source
INSTALLED := node_modules/.package-lock.json
.DEFAULT_GOAL := help
.PHONY: help build up test check bench generate doctor clean cluster-up cluster-down

help: ## what can be done here
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

$(INSTALLED): package-lock.json package.json $(wildcard */package.json) test/cluster/package.json
	@npm ci --no-progress
	@touch $(INSTALLED)

build: $(INSTALLED) ## install and build; afterwards ./node_modules/.bin/qm is the CLI
	@$(NODE) tools/build.ts

up: build ## run examples/quickstart in the foreground until Ctrl-C
	@exec $(NODE) tools/up.ts up -f examples/quickstart --watch

test: $(INSTALLED) ## everything that must pass, with coverage
	@$(NODE) tools/doctor.ts --install
	@$(NODE) tools/test.ts

check: $(INSTALLED) ## types, lint, format, dead code, unit tests; under 90 seconds
	@$(NODE) tools/check.ts

bench: build ## direct, bare relay and hub in one run
	@$(NODE) test/bench/main.ts

cluster-up: ## a real Kubernetes on this machine: make cluster-up LEVEL=control|node (default: node where it can be)
	@test/cluster/cluster up dev $(if $(LEVEL),--level $(LEVEL),--level best)
	@echo 'eval "$$(test/cluster/cluster env dev)"'

cluster-down: ## take it down, leaving nothing behind
	@test/cluster/cluster down dev

generate: $(INSTALLED) ## rewrite every generated file (CRDs, schemas, reference pages)
	@$(NODE) tools/generate.ts

doctor: ## what this machine lacks
	@if [ -e $(INSTALLED) ]; then $(NODE) tools/doctor.ts; else command -v npm >/dev/null || echo "missing: npm (Debian: npm)"; echo "run make build first"; fi

clean: ## remove what was built; caches under ~/.cache/quaymaster stay
	@rm -rf .test-results coverage test/bench/out crds/dist hub-runtime/dist test/dist test/cluster/dist

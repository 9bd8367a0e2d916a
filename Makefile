# One door to everything. Needs make, npm and any Node from 20 on: `npm ci` brings the Node that the rest runs on.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
unexport NODE_OPTIONS
NODE := node --conditions=quaymaster-source
INSTALLED := node_modules/.package-lock.json
.DEFAULT_GOAL := help
CLUSTER ?= dev
.PHONY: help build up test soak fuzz check bench generate doctor clean cluster-up cluster-install cluster-down images images-pins cluster-images

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

soak: build ## the long and large forms: a thousand servers, minutes of silence and of outage
	@test/cluster/cluster build --level control
	@vitest run --project soak $(if $(ONLY),$(ONLY))

fuzz: $(INSTALLED) ## hostile input for TIME seconds (600); SEED=n plays a game again, ONLY=hub or a target
	@$(NODE) test/fuzz/main.ts --seconds $(or $(TIME),600) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

check: $(INSTALLED) ## types, lint, format, dead code, unit tests; under 90 seconds
	@$(NODE) tools/check.ts

bench: build ## direct, bare relay and hub in one run
	@$(NODE) test/bench/main.ts

cluster-up: ## a real Kubernetes on this machine: make cluster-up LEVEL=control|node (default: node where it can be)
	@test/cluster/cluster up $(CLUSTER) $(if $(LEVEL),--level $(LEVEL),--level best)
	@echo 'eval "$$(test/cluster/cluster env $(CLUSTER))"'

cluster-install: $(INSTALLED) ## this checkout into that cluster: images, package mirror, chart; prints the time of each step
	@$(NODE) tools/cluster-install.ts $(CLUSTER)

cluster-down: ## take it down, leaving nothing behind
	@test/cluster/cluster down $(CLUSTER)

images: $(INSTALLED) ## container images into dist/images; ARCH=amd64 for one architecture, ROOTS=1 for what the Dockerfiles copy
	@$(NODE) tools/images/main.ts $(if $(ARCH),--arch $(ARCH)) $(if $(ROOTS),--roots)

images-pins: $(INSTALLED) ## raise what the images are made of to what registries have today
	@$(NODE) tools/images/update-pins.ts

cluster-images: $(INSTALLED) ## build the images and load them into the cluster of make cluster-up
	@$(NODE) tools/images/main.ts --arch amd64 --newer
	@test/cluster/cluster load-image $(CLUSTER) dist/images/*-amd64.tar

generate: $(INSTALLED) ## rewrite every generated file (CRDs, schemas, reference pages)
	@$(NODE) tools/generate.ts

doctor: ## what this machine lacks
	@if [ -e $(INSTALLED) ]; then $(NODE) tools/doctor.ts; else command -v npm >/dev/null || echo "missing: npm (Debian: npm)"; echo "run make build first"; fi

clean: ## remove what was built; caches under ~/.cache/quaymaster stay
	@rm -rf dist .test-results coverage test/bench/out crds/dist hub-runtime/dist test/dist test/cluster/dist

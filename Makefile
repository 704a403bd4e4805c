# Every command a person types. `make help` lists them.

CARGO ?= cargo
CLUSTER = target/debug/cluster

.PHONY: help test bench lint generate cluster cluster-down build-all

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

test: build-all ## Run every test, on a cluster of real parts that is started for it and stopped behind it
	$(CLUSTER) with -- $(CARGO) test --workspace --locked

bench: ## Measure the controller on a cluster of real parts, a JSON line a scenario; ARGS="pure --runs 100" chooses and scales
	$(CARGO) build --release --locked -p sluice -p sluice-tests --bins
	target/release/cluster with -- target/release/bench $(ARGS)

lint: ## Check formatting, lints and documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

generate: build-all ## Write what is generated: crds/, schemas/, docs/reference/, parts of charts/ and deploy/
	SLUICE_GENERATE=1 $(CARGO) test --workspace --locked --test e2e generated

cluster: build-all ## Start a cluster of real parts and leave it running; `. target/cluster/env` to use it
	$(CLUSTER) up

cluster-down: ## End the cluster that `make cluster` started
	$(CLUSTER) down

# One build of one feature set for everything, so that no crate is compiled twice.
build-all:
	$(CARGO) build --workspace --all-targets --locked

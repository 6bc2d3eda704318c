# Souk. `make run` and `make test` need nothing but a Debian machine with Rust; see scripts/setup.sh for the rest.

# rustup's programs are not on every shell's PATH.
export PATH := $(PATH):$(HOME)/.cargo/bin
TARGET := $(or $(CARGO_TARGET_DIR),target)

.DEFAULT_GOAL := help
.PHONY: help setup run test bench simulate fmt clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Install what is missing: system packages, npm parts, Kafka's jars
	@scripts/setup.sh

run: setup ## Start everything with the demo economy; KAFKA=local streams through Apache Kafka, ARGS="…" go to `souk up`
	cargo build -p souk
	@exec $(TARGET)/debug/souk up --demo $(if $(filter local,$(KAFKA)),--kafka local) $(ARGS)

test: setup ## Every check and test
	@scripts/test.sh

bench: setup ## The speed and memory table; LOGS=n for another number of logs than 200,000
	@scripts/bench.sh

simulate: setup ## Seeded chains that reorganise, seeded exchanges beside an oracle, engines killed anywhere, slow readers; SEED=n repeats one, SEEDS=n is for the exchange
	$(if $(SEED),SOUK_SIMULATION_SEED=$(SEED)) cargo test -p souk-indexer --test pipeline -- --nocapture simulation
	SOUK_SIMULATION_SEED$(if $(SEED),=$(SEED),S=$(or $(SEEDS),10000)) cargo test -p souk-exchange --test engine
	$(if $(SEED),SOUK_SIMULATION_SEED=$(SEED),SOUK_CRASH_SEEDS=50) cargo test -p souk-sequencer --test sequencer -- lives
	$(if $(SEED),,SOUK_SIMULATION_SEEDS=1000 cargo test -p souk-api --lib -- readers_of_every_pace)

fmt: ## Format the Rust sources
	cargo fmt --all

clean: ## Remove what was built and fetched (never the data of a running or past instance)
	cargo clean
	rm -rf tools/node_modules tools/kafka/lib tools/.setup-stamp

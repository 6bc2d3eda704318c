#!/bin/sh
# The speed and memory table: every benchmark in release, and at the end one table of what they found. Fails only when one cannot be run;
# a figure that falls short is printed as such. LOGS=n measures the pipeline with another number of logs than 200,000.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH="$PATH:${HOME:-/root}/.cargo/bin"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
# Benchmarks of single crates append their rows of the table to this file.
SOUK_BENCH_ROWS=$(mktemp)
export SOUK_BENCH_ROWS
trap 'rm -f "$SOUK_BENCH_ROWS"' EXIT
failed=0
# Five hundred subscribers are a thousand sockets of one process.
ulimit -n 4096 2>/dev/null || true

cargo build --release -p souk || exit 1
cargo bench --quiet -p souk-provenance --bench lineage || failed=1
cargo bench --quiet -p souk-eventlog --bench throughput || failed=1
cargo bench --quiet -p souk-exchange --bench engine || failed=1
cargo bench --quiet -p souk-ledger --bench throughput || failed=1
cargo bench --quiet -p souk-payouts --bench payouts || failed=1
cargo bench --quiet -p souk-sequencer --bench throughput || failed=1
# Other order books, which only this fetches; a target folder of their own, because features differ.
cargo run --quiet --release --manifest-path exchange/bench-peers/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}/bench-peers" || failed=1
printf '\n'
"${CARGO_TARGET_DIR:-target}/release/souk" --log-level error bench --logs "${LOGS:-200000}" --also "$SOUK_BENCH_ROWS" || failed=1
exit "$failed"

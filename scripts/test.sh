#!/bin/sh
# Every check and test, one after another, none skipped because an earlier one failed. Ends with a line `N passed, N failed`, in which
# each check counts as one test; exits 0 only when nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH="$PATH:${HOME:-/root}/.cargo/bin"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
passed=0
failed=0
# Seconds for one test program, so that one that hangs takes no others with it.
program_limit=1500
# Seconds for all tests with their building, so that one that hangs is named and the summary still comes.
limit=${SOUK_TEST_LIMIT_SECS:-4500}

check() {
    name=$1
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    if "$@"; then
        passed=$((passed + 1))
        printf 'check %s ... ok\n' "$name"
    else
        failed=$((failed + 1))
        printf 'check %s ... FAILED\n' "$name"
    fi
}

check format cargo fmt --all --check
check lints cargo clippy --workspace --all-targets --quiet -- -D warnings
check contracts node contracts/build.mjs --check

host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
export "CARGO_TARGET_${host}_RUNNER=timeout --kill-after=10 $program_limit"
printf '\n== tests: cargo test --workspace\n'
log=$(mktemp)
status_file=$(mktemp)
trap 'rm -f "$log" "$status_file"' EXIT
{
    timeout --kill-after=60 "$limit" cargo test --workspace --no-fail-fast 2>&1
    echo $? >"$status_file"
} | tee "$log"
status=$(cat "$status_file")

# The runner's own summaries: `test result: ok. 12 passed; 0 failed; …`, one for each test program.
sum() { awk -v word="$1" '/^test result: / { for (i = 2; i <= NF; i++) if ($i == word) n += $(i - 1) } END { print n + 0 }' "$log"; }
tests_failed=$(sum 'failed;')
if [ "$status" = 124 ] || [ "$status" = 137 ]; then
    printf '\ntest programs ended after %s s; the last that was under way:\n' "$limit"
    grep -E '^ +Running |has been running for over' "$log" | tail -n 3
fi
# Something that did not compile, or a test program that died, leaves no summary.
[ "$status" = 0 ] || [ "$tests_failed" != 0 ] || tests_failed=1
passed=$((passed + $(sum 'passed;')))
failed=$((failed + tests_failed))

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]

//! Runs a property on random inputs from a fixed seed, and says on failure how to repeat it.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Any number would do; a fixed one makes every run the same.
const SEED: u64 = 0x0050_554b;

/// Runs `test` on `cases` inputs, or as many as `PROPTEST_CASES` says, and shrinks an input on which it panics.
pub fn for_all<S: Strategy>(cases: u32, inputs: &S, test: impl Fn(S::Value)) {
    let from_env = Config::default();
    let seed = match from_env.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => SEED,
    };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() {
        from_env.cases
    } else {
        cases
    };
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 400,
        ..from_env
    };
    let outcome = TestRunner::new(config).run(inputs, |input| {
        test(input);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}\nrepeat with PROPTEST_RNG_SEED={seed} PROPTEST_CASES={cases}");
    }
}

//! Runs a property on random inputs from a fixed seed, says on failure how to repeat it, and counts what the inputs led to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

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

/// Fewest times that an outcome must come up for a property to say something about it.
const ENOUGH: usize = 5;

/// How often each outcome came up over all inputs. A property says nothing about what no input comes near.
pub struct Coverage<K>(RefCell<BTreeMap<K, usize>>);

impl<K: Copy + Debug + Ord> Coverage<K> {
    /// Nothing came up yet.
    pub fn new() -> Self {
        Self(RefCell::new(BTreeMap::new()))
    }

    /// Counts one outcome.
    pub fn saw(&self, outcome: K) {
        *self.0.borrow_mut().entry(outcome).or_default() += 1;
    }

    /// Fails unless each outcome came up often enough.
    #[track_caller]
    pub fn require(&self, outcomes: &[K]) {
        let seen = self.0.borrow();
        for outcome in outcomes {
            let times = seen.get(outcome).copied().unwrap_or(0);
            assert!(times >= ENOUGH, "{outcome:?} came up {times} times only, of {seen:?}");
        }
    }
}

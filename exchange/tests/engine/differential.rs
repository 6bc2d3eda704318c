//! Engine and oracle fed the same commands: equal outcomes, equal views, and the laws hold for both. The engine itself is run twice, and
//! taken apart and put together again from snapshots on the way.

use alloy_primitives::{B256, keccak256};
use souk_exchange::Engine;
use souk_schema::exchange::command::Rules;

use crate::coverage::Coverage;
use crate::generator::{Generator, Step};
use crate::laws::Laws;
use crate::machine::Machine;
use crate::oracle::Oracle;
use crate::shrink::shrink;
use crate::{seeds, text};

/// Seeds of every run of the tests.
const USUAL: u64 = 400;
/// Commands of one seed.
const STEPS: usize = 260;
/// One command in so many is followed by a snapshot, restored, and by a comparison of hashes. Each costs a pass over the whole state. Which
/// commands depends on their own time alone, so that it stays the same when others are left out.
const SNAPSHOT_ONE_IN: u64 = 16;

/// The steps of a seed, as the oracle's answers shape them.
pub fn steps(seed: u64) -> Vec<Step> {
    steps_of(Generator::new(seed))
}

fn steps_of(mut generator: Generator) -> Vec<Step> {
    let mut oracle = Oracle::new();
    let mut steps = Vec::new();
    for _ in 0..STEPS {
        let step = generator.next(&oracle);
        let _ = oracle.apply(&step.command, step.at, &mut Vec::new());
        steps.push(step);
    }
    steps
}

/// Runs both over the steps.
///
/// # Errors
/// Says at which step they differ, or which law is broken.
fn compare(steps: &[Step], coverage: &mut Coverage) -> Result<(), String> {
    let (mut oracle, mut engine, mut twin) = (Oracle::new(), Engine::new(), Engine::new());
    let mut laws = Laws::default();
    for (place, step) in steps.iter().enumerate() {
        let at = |what: String| format!("after step {place}, {}: {what}", text::line(step));
        let (mut wanted, mut events, mut again) = (Vec::new(), Vec::new(), Vec::new());
        let expected = oracle.apply(&step.command, step.at, &mut wanted);
        let result = engine.apply(&step.command, step.at, &mut events);
        coverage.count(&result, &events);
        if (&expected, &wanted) != (&result, &events) {
            return Err(at(format!(
                "the oracle says {expected:?} {wanted:#?}, the engine {result:?} {events:#?}"
            )));
        }
        let view = engine.view();
        if view != oracle.view() {
            return Err(at(format!(
                "the oracle shows {:#?}, the engine {view:#?}",
                oracle.view()
            )));
        }
        laws.observe(step, &result, &events, &view).map_err(at)?;
        let repeated = twin.apply(&step.command, step.at, &mut again);
        if (&repeated, &again) != (&result, &events) {
            return Err(at(format!(
                "EX-2: a second engine says {repeated:?} {again:#?}, the first {events:#?}"
            )));
        }
        if step.at.0.is_multiple_of(SNAPSHOT_ONE_IN) {
            twin = restored(&engine, &twin).map_err(at)?;
        }
    }
    Ok(())
}

/// EX-2: both engines have one hash, and a snapshot of the first, restored, has it too. The restored one goes on as the second.
fn restored(engine: &Engine, twin: &Engine) -> Result<Engine, String> {
    let snapshot = engine.snapshot();
    let restored = Engine::restore(&snapshot).map_err(|error| format!("EX-2: {error}"))?;
    if engine.state_hash() != twin.state_hash() || engine.state_hash() != restored.state_hash() {
        return Err("EX-2: the state hashes differ".to_owned());
    }
    match restored.snapshot() == snapshot {
        true => Ok(restored),
        false => Err("EX-2: a restored engine has another snapshot".to_owned()),
    }
}

/// Whether the steps fail, however: a panic of the engine is a failure like any other.
fn failure(steps: &[Step]) -> Option<String> {
    let run = || compare(steps, &mut Coverage::default());
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(result) => result.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some(format!("a panic: {}", text.unwrap_or_default()))
        }
    }
}

#[test]
fn ex_2_engine_and_oracle_agree_on_every_command() {
    let mut coverage = Coverage::default();
    for seed in seeds::seeds(USUAL) {
        let steps = steps(seed);
        let mut of_seed = Coverage::default();
        let run = || compare(&steps, &mut of_seed);
        let fine = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        if !matches!(fine, Ok(Ok(()))) {
            let small = shrink(steps, |steps| failure(steps).is_some());
            let why = failure(&small).unwrap_or_default();
            panic!("seed {seed}: {why}\n{} commands:\n{}", small.len(), text::steps(&small));
        }
        coverage.merge(of_seed);
    }
    if seeds::cover(USUAL) {
        eprintln!("{}", coverage.report());
        let missing = coverage.missing();
        assert!(missing.is_empty(), "never occurred: {missing:?}");
    }
}

/// Outcomes and states of groups of the older rules, folded into one hash for each, as the build had them that brought the third.
#[test]
fn ex_2_groups_of_older_rules_come_to_what_they_always_did() {
    let known = [
        (
            Rules::Second,
            0,
            "0x0c5544206dbd6029639a9ad8f6a3c2ff4a92f7f1c370d3f1de188d92ebba1f1c",
        ),
        (
            Rules::First,
            2,
            "0xcc540f795741b3fa273c0be4dec73ddb42df53886fb7bb5e7233739569fc11ad",
        ),
    ];
    for (rules, first, hash) in known {
        let mut digest = B256::ZERO;
        for seed in (first..80).step_by(4) {
            let mut engine = Engine::new();
            for step in steps_of(Generator::of(seed, rules)) {
                let mut events = Vec::new();
                let result = engine.apply(&step.command, step.at, &mut events);
                let outcome = serde_json::to_vec(&(result, events)).expect("the vocabulary can be written as JSON");
                digest = keccak256([digest.as_slice(), &outcome, engine.state_hash().as_slice()].concat());
            }
        }
        assert_eq!(digest.to_string(), hash, "{rules:?}");
    }
}

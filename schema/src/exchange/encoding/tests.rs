//! Round trips of every command, event and rejection, and the golden files of every version that was ever written.

use proptest::prelude::*;

use super::specimens::{Dice, bodies, events, newer_bodies, newer_events, newest_bodies, newest_events, rejections};
use super::*;
use crate::exchange::command::{Command, CommandBody, Rules};
use crate::exchange::event::{Event, Outcome};
use crate::exchange::id::{CommandNumber, UnixMillis};

fn commands(seed: u64) -> CommandBatch {
    let mut dice = Dice(seed);
    let bodies = bodies(&mut dice);
    let commands = bodies.into_iter().map(|body| Command {
        source: dice.source(),
        body,
    });
    CommandBatch {
        written_at: UnixMillis(seed),
        commands: commands.collect(),
    }
}

/// What each version could say.
fn commands_of(version: u32, seed: u64) -> CommandBatch {
    let mut batch = commands(seed);
    let brought: [fn(&mut Dice) -> Vec<CommandBody>; 2] = [newer_bodies, newest_bodies];
    for (before, bodies) in (1..version).zip(brought) {
        let mut dice = Dice(seed + u64::from(before));
        let bodies = bodies(&mut dice).into_iter();
        let newer = bodies.map(|body| Command {
            source: dice.source(),
            body,
        });
        batch.commands.extend(newer.collect::<Vec<_>>());
    }
    batch
}

fn outcomes_of(version: u32, seed: u64) -> OutcomeBatch {
    let mut batch = outcomes(seed);
    if version == 1 {
        // Hashes of states that were less than they are now.
        batch.state_hash = None;
        return batch;
    }
    let brought: [fn(&mut Dice) -> Vec<Event>; 2] = [newer_events, newest_events];
    for (before, events) in (1..version).zip(brought) {
        let mut newer = batch.outcomes[1].clone();
        newer.number.0 += batch.outcomes.len() as u64;
        newer.result = Ok(events(&mut Dice(seed + u64::from(before))));
        batch.outcomes.push(newer);
    }
    batch
}

/// One outcome with every event, one without any, and one for every rejection.
fn outcomes(seed: u64) -> OutcomeBatch {
    let mut dice = Dice(seed);
    let mut results = vec![Ok(events(&mut dice)), Ok(Vec::new())];
    results.extend(rejections(&mut dice).into_iter().map(Err));
    let outcomes = (seed..).zip(results).map(|(number, result)| Outcome {
        number: CommandNumber(number),
        source: dice.source(),
        time: UnixMillis(seed),
        signed: if result.is_ok() {
            vec![dice.order(), dice.order()]
        } else {
            Vec::new()
        },
        result,
    });
    OutcomeBatch {
        command_sequence: seed,
        outcomes: outcomes.collect(),
        state_hash: (seed % 2 == 1).then(|| alloy_primitives::B256::repeat_byte(7)),
    }
}

/// Every golden file of every version decodes to what it was made of. `SOUK_WRITE_GOLDEN=1` writes the files of the current version;
/// those of older versions are never written again.
#[test]
fn golden_files_of_every_version_still_decode() {
    const SEED: u64 = 31337;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/exchange");
    let file = |version: u32, name: &str| folder.join(format!("v{version}/{name}.bin"));
    let (commands, outcomes) = (commands_of(CURRENT_VERSION, SEED), outcomes_of(CURRENT_VERSION, SEED));
    if std::env::var_os("SOUK_WRITE_GOLDEN").is_some() {
        std::fs::write(file(CURRENT_VERSION, "commands"), encode_commands(&commands)).unwrap();
        std::fs::write(file(CURRENT_VERSION, "outcomes"), encode_outcomes(&outcomes)).unwrap();
    }
    for version in 1..=CURRENT_VERSION {
        let stored = std::fs::read(file(version, "commands")).unwrap();
        assert_eq!(
            decode_commands(version, &stored).unwrap(),
            commands_of(version, SEED),
            "commands of version {version}"
        );
        let stored = std::fs::read(file(version, "outcomes")).unwrap();
        assert_eq!(
            decode_outcomes(version, &stored).unwrap(),
            outcomes_of(version, SEED),
            "outcomes of version {version}"
        );
    }
    for (name, encoded) in [
        ("commands", encode_commands(&commands)),
        ("outcomes", encode_outcomes(&outcomes)),
    ] {
        let stored = std::fs::read(file(CURRENT_VERSION, name)).unwrap();
        assert!(
            encoded == stored,
            "{name}: the encoding changed, which needs a new version"
        );
    }
}

#[test]
fn a_record_of_a_newer_version_asks_for_an_upgrade() {
    let error = decode_commands(CURRENT_VERSION + 1, &[]).unwrap_err();
    assert!(error.to_string().contains("upgrade souk"), "{error}");
    let error = decode_outcomes(CURRENT_VERSION + 1, &[]).unwrap_err();
    assert!(error.to_string().contains("upgrade souk"), "{error}");
}

#[test]
fn a_group_says_which_rules_it_goes_by() {
    let mut batch = commands(1);
    let CommandBody::OpenGroup(open) = &mut batch.commands[0].body else {
        panic!("the first specimen opens a group");
    };
    open.rules = Rules::Second;
    let encoded = encode_commands(&batch);
    assert_eq!(decode_commands(CURRENT_VERSION, &encoded).unwrap(), batch);

    let mut newer = command::put_batch(&batch);
    let Some(v1::command::Body::OpenGroup(open)) = &mut newer.commands[0].body else {
        panic!("the first specimen opens a group");
    };
    open.rules = 7;
    let error = decode_commands(CURRENT_VERSION, &newer.encode_to_vec()).unwrap_err();
    assert_eq!(error.to_string(), "the record's field `rules` is unknown value 7");
}

#[test]
fn a_damaged_record_names_the_field() {
    let mut batch = command::put_batch(&commands(1));
    let problem = |batch: &v1::CommandBatch| decode_commands(1, &batch.encode_to_vec()).unwrap_err().to_string();
    batch.commands[0].source = None;
    assert_eq!(problem(&batch), "the record's field `source` is missing");

    let mut batch = command::put_batch(&commands(1));
    let Some(v1::command::Body::PlaceOrder(order)) = &mut batch.commands[4].body else {
        panic!("the fifth specimen places an order");
    };
    order.base_amount = vec![0, 1].into();
    assert_eq!(
        problem(&batch),
        "the record's field `base_amount` is 2 bytes long, not at most 16 without leading zeros"
    );
    order_of(&mut batch).base_amount = vec![1; 17].into();
    assert!(problem(&batch).contains("`base_amount` is 17 bytes long"));
    order_of(&mut batch).base_amount = vec![1; 16].into();
    order_of(&mut batch).side = 2;
    assert_eq!(problem(&batch), "the record's field `side` is unknown value 2");

    let error = decode_outcomes(1, &[0xff]).unwrap_err().to_string();
    assert!(
        error.starts_with("the record is not a souk.exchange.v1.OutcomeBatch"),
        "{error}"
    );
}

fn order_of(batch: &mut v1::CommandBatch) -> &mut v1::SignedOrder {
    match &mut batch.commands[4].body {
        Some(v1::command::Body::PlaceOrder(order)) => order,
        other => panic!("the fifth specimen places an order, not {other:?}"),
    }
}

proptest! {
    #[test]
    fn every_command_survives_its_encoding(seed in any::<u64>()) {
        let batch = commands(seed);
        prop_assert_eq!(decode_commands(CURRENT_VERSION, &encode_commands(&batch)).unwrap(), batch);
    }

    #[test]
    fn every_outcome_survives_its_encoding(seed in 0..=u64::MAX / 2) {
        let batch = outcomes(seed);
        prop_assert_eq!(decode_outcomes(CURRENT_VERSION, &encode_outcomes(&batch)).unwrap(), batch);
    }

    /// What is written without the generated types is what they write, byte for byte.
    #[test]
    fn short_ways_write_what_the_long_ones_do(seed in 0..=u64::MAX / 2) {
        let batch = commands(seed);
        prop_assert_eq!(encode_commands(&batch).to_vec(), command::put_batch(&batch).encode_to_vec());
        let batch = outcomes(seed);
        prop_assert_eq!(encode_outcomes(&batch).to_vec(), event::put_batch(&batch).encode_to_vec());
    }

    /// What the short way reads, the long one reads alike, of damaged records too; and it does read what is written.
    #[test]
    fn the_short_way_reads_what_the_long_one_does(seed in any::<u64>(), place in any::<prop::sample::Index>(), bits in any::<u8>()) {
        let batch = commands(seed);
        let mut stored = encode_commands(&batch).to_vec();
        let read = command::read_batch(&stored);
        prop_assert_eq!(read.as_ref(), Some(&batch));
        let place = place.index(stored.len());
        stored[place] ^= bits;
        if let Some(short) = command::read_batch(&stored) {
            let long = command::batch(message(COMMAND_BATCH_TYPE, &stored).unwrap()).unwrap();
            prop_assert_eq!(short, long);
        }
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(bytes in any::<Vec<u8>>()) {
        let _ = decode_commands(CURRENT_VERSION, &bytes);
        let _ = decode_outcomes(CURRENT_VERSION, &bytes);
    }

    #[test]
    fn a_damaged_record_is_an_error_or_another_record(seed in any::<u64>(), place in any::<prop::sample::Index>(), bits in 1u8..) {
        let mut stored = encode_outcomes(&outcomes(seed / 2)).to_vec();
        let place = place.index(stored.len());
        stored[place] ^= bits;
        let _ = decode_outcomes(CURRENT_VERSION, &stored);
    }
}

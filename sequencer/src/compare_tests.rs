//! Whatever the batches, equal outcomes are equal, each is published once, and the first difference is found.

use souk_schema::exchange::{Event, Outcome, Source, UnixMillis};

use super::*;

fn outcome(number: u64) -> Outcome {
    Outcome {
        number: CommandNumber(number),
        source: Source::Gateway {
            id: 1,
            position: number,
        },
        time: UnixMillis(number),
        signed: Vec::new(),
        result: Ok(Vec::<Event>::new()),
    }
}

/// Outcomes `first` to `last`, both there.
fn batch(first: u64, last: u64, hash: Option<u8>) -> OutcomeBatch {
    OutcomeBatch {
        command_sequence: last,
        outcomes: (first..=last).map(outcome).collect(),
        state_hash: hash.map(B256::repeat_byte),
    }
}

fn own(first: u64, last: u64, hash: Option<u8>) -> Arc<OutcomeBatch> {
    Arc::new(batch(first, last, hash))
}

#[test]
fn batches_need_not_be_the_same() {
    let mut comparison = Comparison::new(CommandNumber(0));
    comparison.decided(own(1, 3, None)).unwrap();
    comparison.read(batch(1, 2, None)).unwrap();
    assert_eq!(comparison.published(), CommandNumber(2));
    comparison.read(batch(2, 5, Some(1))).unwrap();
    assert_eq!(
        (comparison.published(), comparison.is_behind()),
        (CommandNumber(3), true)
    );
    comparison.decided(own(4, 5, Some(1))).unwrap();
    assert_eq!(
        (comparison.published(), comparison.is_behind()),
        (CommandNumber(5), false)
    );
    assert_eq!(comparison.unpublished(), 0);
}

#[test]
fn what_the_stream_has_is_not_published_again() {
    let mut comparison = Comparison::new(CommandNumber(0));
    comparison.decided(own(1, 4, None)).unwrap();
    comparison.decided(own(5, 6, None)).unwrap();
    comparison.read(batch(1, 2, None)).unwrap();
    let published = comparison.to_publish(4);
    assert_eq!(published, [own(3, 4, None)], "the second does not fit");
    comparison.published_batches(published.len());
    assert_eq!(comparison.published(), CommandNumber(4));
    assert_eq!(comparison.to_publish(1), [own(5, 6, None)], "one always comes");
    comparison.published_batches(1);
    assert_eq!(
        (comparison.published(), comparison.unpublished()),
        (CommandNumber(6), 0)
    );
    assert!(comparison.to_publish(10).is_empty());
}

#[test]
fn the_first_difference_is_named() {
    let problem = |mine: OutcomeBatch, theirs: OutcomeBatch| {
        let mut comparison = Comparison::new(CommandNumber(0));
        comparison.decided(Arc::new(mine))?;
        comparison.read(theirs)
    };
    let mut other = batch(1, 3, None);
    other.outcomes[1].time = UnixMillis(77);
    let differs = |command, problem| {
        Err(Difference::Outcome {
            command: CommandNumber(command),
            problem,
        })
    };
    assert_eq!(problem(batch(1, 3, None), other), differs(2, "the outcomes differ"));
    assert_eq!(
        problem(batch(1, 3, Some(1)), batch(1, 3, Some(2))),
        differs(3, "the states after it differ")
    );
    assert_eq!(
        problem(batch(1, 3, Some(1)), batch(1, 3, None)),
        Ok(()),
        "only one was taken"
    );
    let gap = Difference::Gap {
        after: CommandNumber(0),
        found: CommandNumber(2),
    };
    assert_eq!(problem(batch(1, 3, None), batch(2, 3, None)), Err(gap));
}

#[test]
fn what_is_written_alike_is_equal_and_nothing_else_is() {
    let stored = encode_outcomes(&batch(1, 3, Some(1)));
    let mut comparison = Comparison::new(CommandNumber(0));
    assert!(!comparison.is_written_alike(&stored), "nothing was decided yet");
    comparison.decided(own(1, 3, Some(2))).unwrap();
    assert!(!comparison.is_written_alike(&stored), "another state");
    assert_eq!(
        (comparison.published(), comparison.unpublished()),
        (CommandNumber(0), 3)
    );
    let problem = comparison.read(batch(1, 3, Some(1))).unwrap_err();
    assert!(matches!(problem, Difference::Outcome { .. }), "{problem:?}");

    let mut comparison = Comparison::new(CommandNumber(0));
    comparison.decided(own(1, 3, Some(1))).unwrap();
    comparison.decided(own(4, 6, None)).unwrap();
    assert!(comparison.is_written_alike(&stored));
    assert_eq!(
        (comparison.published(), comparison.unpublished()),
        (CommandNumber(3), 3)
    );
    comparison.read(batch(4, 4, None)).unwrap();
    let rest = encode_outcomes(&batch(4, 6, None));
    assert!(!comparison.is_written_alike(&rest), "a part of it was compared already");
    comparison.read(batch(4, 6, None)).unwrap();
    assert_eq!(
        (comparison.published(), comparison.unpublished()),
        (CommandNumber(6), 0)
    );
}

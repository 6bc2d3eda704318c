//! What a hostile client could send without end.

use alloy_primitives::{B256, keccak256};
use souk_schema::exchange::command::OrderTarget;
use souk_schema::exchange::{Command, CommandBody, CommandNumber, OrderId, Rejection, Source};

use super::language;
use crate::Engine;

const CANCELS: u64 = 1_000_000;

/// Orders of the account that are gone, or that never were, by each of their names.
fn target(number: u64) -> OrderTarget {
    // Commands 7 and 9 of the script placed what was filled and what was cancelled; 11 placed what is open, and is left alone.
    let commands = [7, 9, 12, number + 20];
    let command = commands[(number / 3 % 4) as usize];
    match number % 3 {
        0 => OrderTarget::Id(OrderId::new(CommandNumber(command), 0)),
        1 => OrderTarget::ClientId(match command {
            7 => keccak256("filled"),
            9 => keccak256("cancelled"),
            other => B256::left_padding_from(&other.to_be_bytes()),
        }),
        _ => OrderTarget::Nonce(command),
    }
}

/// How much memory the lists hold that commands fill and empty.
fn lists(engine: &Engine) -> [usize; 4] {
    let scratch = &engine.scratch;
    [
        scratch.levels.capacity(),
        scratch.moved.capacity(),
        scratch.orders.capacity(),
        scratch.due.capacity(),
    ]
}

/// Each is refused, and all of them together leave what one would: a command number, a time, a position.
#[test]
fn a_million_cancels() {
    let (mut engine, position) = language::engine(
        "
            open
            list m1
            deposit A1 100000 usd
            deposit A2 1000 m1
            state m1 auction
            at 60
            tick
            place A1 bid 10 @ 100 nonce=7 cid=filled
            place A2 ask 10 @ 100 nonce=1
            place A1 bid 10 @ 90 nonce=9 cid=cancelled
            cancel A1 nonce=9
            place A1 bid 10 @ 80 nonce=11 cid=open
        ",
    );
    let (mut twin, start, size) = (engine.clone(), engine.time(), engine.snapshot().len());
    let (open, memory) = (engine.open_orders(), lists(&engine));
    assert_eq!(open, 1);
    let cancel = |number: u64| Command {
        source: Source::Gateway {
            id: 1,
            position: position + number + 1,
        },
        body: CommandBody::CancelOrder {
            account: language::address("A1"),
            order: target(number),
        },
    };
    let mut events = Vec::new();
    for number in 0..CANCELS {
        let mut at = start;
        at.0 += number / 100;
        let outcome = engine.apply(&cancel(number), at, &mut events);
        assert_eq!(outcome, Err(Rejection::UnknownOrder), "of {number}");
    }
    assert_eq!((events.capacity(), lists(&engine)), (0, memory));
    assert_eq!((engine.open_orders(), engine.snapshot().len()), (open, size));

    let refused = twin.apply(&cancel(CANCELS - 1), engine.time(), &mut events);
    assert_eq!(refused, Err(Rejection::UnknownOrder));
    assert_eq!(engine.commands().0, twin.commands().0 + CANCELS - 1);
    twin.commands = engine.commands();
    assert_eq!(twin.state_hash(), engine.state_hash());
    // What is no part of the logical state (tables, slots, timers) has not grown either.
    assert!(
        format!("{twin:?}") == format!("{engine:?}"),
        "something is left of them"
    );
}

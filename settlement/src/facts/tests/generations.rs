//! A chain that is told again: what is the same is not said twice, and what final blocks had said and are not any more is taken back.

use expect_test::expect;

use super::{ALICE, BOB, Stream, deposit, exit, exit_executed, exit_of, flushed, key, settled, skipped, withdrawn};

#[test]
fn a_generation_that_tells_the_same_chain_again_tells_only_what_is_new() {
    let mut stream = Stream::alone();
    let first = vec![deposit(1, ALICE, 5, 1), key(true), settled(1)];
    let second = vec![key(false), exit(1)];
    let third = vec![key(true), exit_executed(1), settled(2)];
    stream
        .block(0, first.clone())
        .block(0, second.clone())
        .block(0, third.clone())
        .finalize(3);
    stream.told.clear();
    stream.open(2);
    stream
        .block(0, first)
        .block(0, second)
        .finalize(2)
        .block(0, third)
        .finalize(3);
    stream.check(expect![""]);
    stream
        .block(0, vec![deposit(2, ALICE, 6, 1), settled(3)])
        .finalize(4)
        .check(expect![[r#"
        2.7.0 deposited #2 6
        2.7.1 settled through 3
        2.7.2 final 4 at 1004
    "#]]);
}

#[test]
fn deposits_of_a_chain_that_final_blocks_vanished_from_vanish() {
    let mut stream = Stream::alone();
    stream.block(0, vec![deposit(1, ALICE, 1, 1)]);
    stream.block(0, vec![deposit(2, ALICE, 2, 1), deposit(3, BOB, 3, 1)]);
    stream
        .block(0, vec![deposit(4, BOB, 4, 1), exit(1), key(true)])
        .finalize(3);
    stream.told.clear();
    stream.open(2);
    // Deposit 2 is in another block now, 3 is another deposit, 4 is gone until later, and so are the exit and the key.
    stream.block(0, vec![deposit(1, ALICE, 1, 1)]);
    stream.block(1, vec![deposit(2, ALICE, 2, 1), deposit(3, BOB, 33, 1)]);
    stream.block(1, vec![]).check(expect![[r#"
        2.3.0 exit #1 cancelled
        2.3.1 key revoked
    "#]]);
    stream.finalize(3).check(expect![[r#"
        2.4.0 vanished #3
        2.4.1 deposited #3 33
        2.4.2 vanished #4
    "#]]);
    stream
        .block(1, vec![deposit(4, BOB, 4, 1)])
        .finalize(4)
        .check(expect![[r#"
        2.6.0 deposited #4 4
        2.6.1 final 4 at 1004
    "#]]);
}

/// The vault counts exits, so that on another chain somebody else's may have the number of one that waits.
#[test]
fn an_exit_with_the_number_of_another_is_told_with_the_end_of_that_one() {
    let mut stream = Stream::alone();
    stream.block(0, vec![exit_of(BOB, 1)]).block(0, vec![]);
    stream.told.clear();
    stream.open(2);
    stream.block(1, vec![exit_of(ALICE, 1)]).check(expect![""]);
    stream.block(1, vec![]).check(expect![[r#"
        2.2.0 exit #1 cancelled
        2.2.1 exit #1 requested
    "#]]);
    stream.block(1, vec![exit_executed(1)]).finalize(3).check(expect![[r#"
        2.4.0 exit #1 paid 8
        2.4.1 final 3 at 1003
    "#]]);
}

#[test]
fn what_final_blocks_had_settled_and_paid_is_taken_back_before_the_deposits() {
    let mut stream = Stream::alone();
    stream.block(0, vec![deposit(1, ALICE, 1, 1), exit(1)]);
    stream.block(0, vec![deposit(2, BOB, 2, 1), settled(1), withdrawn(3)]);
    stream
        .block(
            0,
            vec![settled(2), skipped(3), settled(4), exit_executed(1), flushed(7)],
        )
        .finalize(3);
    stream.told.clear();
    stream.open(2);
    // The new chain is another from block 2 on. It has fill 1 and the withdrawal again there, and the flush later.
    stream.block(0, vec![deposit(1, ALICE, 1, 1), exit(1)]);
    stream.block(1, vec![settled(1), withdrawn(3)]);
    stream.block(1, vec![]).check(expect![""]);
    stream.finalize(3).check(expect![[r#"
        2.4.0 fills vanished from 1 on
        2.4.1 withdrawal vanished, nonce 3
        2.4.2 exit #1 vanished
        2.4.3 royalties vanished 3
        2.4.4 exit #1 requested
        2.4.5 settled through 1
        2.4.6 withdrawn nonce 3
        2.4.7 vanished #2
    "#]]);
    stream
        .block(1, vec![settled(2), settled(3), flushed(7)])
        .finalize(4)
        .check(expect![[r#"
            2.6.0 settled through 3
            2.6.1 royalties 3
            2.6.2 final 4 at 1004
        "#]]);
}

/// The first block that differs had said nothing before: that it says something now shows it.
#[test]
fn a_settlement_that_moved_to_an_earlier_block_counts_there() {
    let mut stream = Stream::alone();
    stream
        .block(0, vec![])
        .block(0, vec![])
        .block(0, vec![settled(1), settled(2)]);
    stream.block(0, vec![settled(3)]).finalize(4);
    stream.told.clear();
    stream.open(2);
    stream
        .block(0, vec![])
        .block(1, vec![settled(1)])
        .block(1, vec![settled(2)]);
    stream.finalize(3).check(expect![[r#"
        2.4.0 fills vanished from 1 on
        2.4.1 settled through 2
    "#]]);
    stream.block(1, vec![]).finalize(4).check(expect![[r#""#]]);
    stream.block(1, vec![settled(3)]).finalize(5).check(expect![[r#"
        2.8.0 settled through 3
        2.8.1 final 5 at 1005
    "#]]);
}

/// What is lost twice is taken back twice, and a chain that is told a third time without change says nothing.
#[test]
fn a_chain_may_break_its_promise_again() {
    let mut stream = Stream::alone();
    stream.block(0, vec![]).block(0, vec![settled(1)]).finalize(2);
    stream.told.clear();
    stream.open(2);
    stream
        .block(0, vec![])
        .block(1, vec![settled(1), settled(2)])
        .finalize(2);
    stream.check(expect![[r#"
        2.3.0 fills vanished from 1 on
        2.3.1 settled through 2
    "#]]);
    stream.open(3);
    stream
        .block(0, vec![])
        .block(1, vec![settled(1), settled(2)])
        .finalize(2);
    stream.check(expect![""]);
    stream.open(4);
    stream.block(0, vec![]).block(2, vec![]).finalize(2);
    stream.check(expect![[r#"
        4.3.0 fills vanished from 1 on
    "#]]);
}

/// An exit that had been paid out waits again where its request is still there.
#[test]
fn a_lost_payment_of_an_exit_has_it_wait_again() {
    let mut stream = Stream::alone();
    stream
        .block(0, vec![exit(1)])
        .block(0, vec![exit_executed(1)])
        .finalize(2);
    stream.told.clear();
    stream.open(2);
    stream
        .block(0, vec![exit(1)])
        .block(1, vec![])
        .finalize(1)
        .check(expect![""]);
    stream.finalize(2).check(expect![[r#"
        2.4.0 exit #1 vanished
        2.4.1 exit #1 requested
    "#]]);
    stream.block(1, vec![exit_executed(1)]).finalize(3).check(expect![[r#"
            2.6.0 exit #1 paid 8
            2.6.1 final 3 at 1003
        "#]]);
}

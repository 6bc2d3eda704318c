//! What the engine makes of commands, in a small text language: a script's lines, each with its outcome. See [`language`].
//!
//! Every script runs twice: once straight through, once with the engine saved and restored before each command.

mod language;

mod amendments;
mod auctions;
mod custody;
mod debts;
mod hostile;
mod orders;
mod refusals;
mod settlement;
mod stops;
mod trading;
mod vanished;

use expect_test::Expect;

/// Checks a script's transcript.
fn check(script: &str, expected: Expect) {
    let straight = language::run(script, false);
    assert_eq!(
        language::run(script, true),
        straight,
        "an engine that is restored before every command does the same"
    );
    expected.assert_eq(&straight);
}

/// Checks a script that starts with an open market `m1` and three accounts, each with 100000 of its quote and 1000 of its base instrument.
fn check_open(market: &str, script: &str, expected: Expect) {
    let mut opening = format!("open\nlist m1 {market}\n");
    for account in ["A1", "A2", "A3"] {
        opening += &format!("deposit {account} 100000 usd\ndeposit {account} 1000 m1\n");
    }
    opening += "state m1 auction\nat 60\ntick\n";
    let run = |restored| {
        let transcript = language::run(&(opening.clone() + script), restored);
        let (_, rest) = transcript.split_once("AuctionOver)\n").expect("the market opens");
        rest.to_owned()
    };
    let straight = run(false);
    assert_eq!(
        run(true),
        straight,
        "an engine that is restored before every command does the same"
    );
    expected.assert_eq(&straight);
}

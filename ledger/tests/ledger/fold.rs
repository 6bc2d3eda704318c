//! The pure core, without a database.

use std::collections::BTreeMap;

use souk_ledger::fold::{Changes, Context};
use souk_ledger::posting::LedgerAccount;
use souk_schema::amount::Balance;
use souk_schema::exchange::{Event, Outcome};

use crate::world::World;

/// Folds outcomes, taking the changes after every few.
fn fold(outcomes: &[Outcome], per_batch: usize) -> Vec<Changes> {
    let mut context = Context::default();
    let mut taken = Vec::new();
    for batch in outcomes.chunks(per_batch) {
        let mut changes = Changes::default();
        for outcome in batch {
            context.apply(outcome.clone(), &mut changes).expect("follows");
        }
        taken.push(context.take(&mut changes));
    }
    taken
}

fn signed(value: i128) -> Balance {
    value.to_string().parse().expect("digits")
}

#[test]
fn led_1_every_transaction_sums_to_zero_and_all_of_them_to_the_engines_balances() {
    for seed in 0..12 {
        let world = World::new(seed).live(2_500);
        let mut sums = BTreeMap::<_, Balance>::new();
        let mut pending = BTreeMap::<_, (Balance, Balance)>::new();
        for changes in fold(&world.outcomes, 40) {
            for transaction in &changes.transactions {
                transaction.assert_balanced();
                for posting in &transaction.postings {
                    for (account, change) in posting.sides() {
                        *sums.entry((posting.instrument, account)).or_default() += change;
                    }
                }
            }
            for (key, change) in &changes.balances {
                let (incoming, outgoing) = pending.entry(*key).or_default();
                *incoming += change.pending_in;
                *outgoing += change.pending_out;
            }
        }
        for balance in world.balances() {
            let mut posted = |account| sums.remove(&(balance.instrument, account)).unwrap_or_default();
            let (available, held) = (
                posted(LedgerAccount::Available(balance.account)),
                posted(LedgerAccount::Held(balance.account)),
            );
            let what = format!("seed {seed}, account {} of {}", balance.account, balance.instrument);
            assert_eq!(available, signed(balance.available), "{what}: available");
            assert_eq!(held.to_string(), balance.held.to_string(), "{what}: held");
            let (incoming, outgoing) = pending
                .remove(&(balance.account, balance.instrument))
                .unwrap_or_default();
            assert_eq!(
                incoming.to_string(),
                balance.pending_in.to_string(),
                "{what}: pending in"
            );
            assert_eq!(
                outgoing.to_string(),
                balance.pending_out.to_string(),
                "{what}: pending out"
            );
        }
        sums.retain(|(_, account), sum| *account != LedgerAccount::Custody && !sum.is_zero());
        assert!(sums.is_empty(), "seed {seed}: the engine does not have {sums:?}");
    }
}

#[test]
fn the_worlds_reach_what_the_ledger_must_survive() {
    let events: Vec<Event> = (0..12)
        .flat_map(|seed| World::new(seed).live(2_500).events().cloned().collect::<Vec<_>>())
        .collect();
    let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
    for (what, count) in [
        ("fills", count(|event| matches!(event, Event::Traded(_)))),
        ("amendments", count(|event| matches!(event, Event::OrderAmended { .. }))),
        ("reductions", count(|event| matches!(event, Event::OrderReduced { .. }))),
        ("triggers", count(|event| matches!(event, Event::OrderTriggered { .. }))),
        (
            "settlements",
            count(|event| matches!(event, Event::FillsSettled { .. })),
        ),
        ("busts", count(|event| matches!(event, Event::FillBusted { .. }))),
        (
            "reinstatements",
            count(|event| matches!(event, Event::FillReinstated { .. })),
        ),
        (
            "fills that are unsettled again",
            count(|event| matches!(event, Event::FillUnsettled { .. })),
        ),
        (
            "withdrawals that are under way again",
            count(|event| matches!(event, Event::WithdrawalVanished { .. })),
        ),
        ("deficits", count(|event| matches!(event, Event::DeficitTaken { .. }))),
        (
            "deficits that are repaid",
            count(|event| matches!(event, Event::DeficitRepaid { .. })),
        ),
        (
            "withdrawals",
            count(|event| matches!(event, Event::WithdrawalExecuted { .. })),
        ),
        ("stops", count(|event| matches!(event, Event::AccountStopped { .. }))),
    ] {
        assert!(count > 3, "{count} {what}");
    }
}

#[test]
fn log_2_outcomes_that_were_seen_change_nothing_and_gaps_are_refused() {
    let world = World::new(1).live(50);
    let mut context = Context::default();
    let mut changes = Changes::default();
    for outcome in &world.outcomes {
        context.apply(outcome.clone(), &mut changes).expect("follows");
    }
    let transactions = context.take(&mut changes).transactions.len();
    assert!(transactions > 20, "{transactions}");
    for outcome in &world.outcomes {
        context.apply(outcome.clone(), &mut changes).expect("is skipped");
    }
    assert!(context.take(&mut changes).transactions.is_empty());
    let mut later = world.outcomes.last().expect("there are some").clone();
    later.number.0 += 2;
    let refused = context.apply(later, &mut changes).expect_err("leaves a gap");
    assert!(refused.to_string().contains("follows command"), "{refused}");
}

//! The fold and the oracle over the same random economies, block by block, with reorganisations.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use souk_payouts::fact::{BlockFacts, Fact};
use souk_payouts::rule::MANY_PATHS;
use souk_payouts::state::{HoldKey, PortionChange, PortionStatus};
use souk_payouts::{Output, Role, Route, State};

use crate::economy::{Economy, contracts};
use crate::oracle::{Oracle, Task};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    asset: U256,
    route: Route,
    role: Role,
    recipient: Address,
    amount: U256,
    paths: u32,
    vested: bool,
    held: Vec<HoldKey>,
}

fn of_state(state: &mut State, revenue: U256) -> Vec<Seen> {
    let lines = state.lines(revenue);
    let record = state.revenue(revenue).expect("it arrived").clone();
    let mut seen: Vec<Seen> = lines
        .iter()
        .map(|line| {
            let status = state.portion_status(&record, line.portion);
            Seen {
                asset: line.asset,
                route: line.kind.route,
                role: line.kind.role,
                recipient: line.recipient,
                amount: line.amount,
                paths: line.paths,
                vested: matches!(status, PortionStatus::Vested(_)),
                held: if let PortionStatus::Held(keys) = status {
                    keys
                } else {
                    vec![]
                },
            }
        })
        .collect();
    seen.sort();
    seen
}

fn of_oracle(oracle: &Oracle, revenue: U256) -> Vec<Seen> {
    let mut seen = Vec::new();
    for portion in oracle.revenues[&revenue]
        .portions
        .iter()
        .filter(|portion| !portion.ended)
    {
        for (recipient, role, amount) in &portion.lines {
            seen.push(Seen {
                asset: portion.asset,
                route: portion.route,
                role: *role,
                recipient: *recipient,
                amount: *amount,
                paths: (portion.paths.len() as u32).min(MANY_PATHS),
                vested: portion.vested,
                held: if portion.vested {
                    vec![]
                } else {
                    portion.holds.iter().copied().collect()
                },
            });
        }
    }
    seen.sort();
    seen
}

fn compare(state: &mut State, oracle: &Oracle, block: u64, economy: &mut Economy) {
    for (id, revenue) in &oracle.revenues {
        let elsewhere = (!revenue.is_ours()).then_some(revenue.went_to);
        assert_eq!(state.paid_elsewhere(*id), elsewhere, "revenue {id}");
        if elsewhere.is_some() {
            assert!(
                state.revenue(*id).is_none() && state.lines(*id).is_empty(),
                "revenue {id}"
            );
            continue;
        }
        let seen = of_state(state, *id);
        assert_eq!(seen, of_oracle(oracle, *id), "revenue {id}");
        let sum = seen.iter().fold(U256::ZERO, |sum, line| sum + line.amount);
        assert_eq!(sum, revenue.payment.amount, "PAY-1 for revenue {id}");
    }
    for at in [block, block.saturating_sub(economy.below(8))] {
        let entries = state.entries(at);
        let ours: BTreeMap<(Address, Address), U256> = entries
            .iter()
            .map(|entry| ((entry.account, entry.token), entry.cumulative))
            .collect();
        assert_eq!(ours.len(), entries.len());
        assert_eq!(ours, oracle.entries(at), "entries at block {at}");
        let is_new = entries != state.entries(0);
        assert!(state.has_news(at) || !is_new, "news at block {at} go unseen");
    }
    let pending = state.pending_root();
    assert_eq!(
        pending.as_ref().map(|root| root.epoch),
        oracle.pending.map(|(epoch, _)| epoch)
    );
    assert_eq!(
        pending.is_some_and(|root| !root.spoiled.is_empty()),
        oracle.is_spoiled()
    );
}

/// What must have happened in some economy, or the comparison says little.
const WANTED: [&str; 15] = [
    "ProtocolFee",
    "Own",
    "RoyaltyLap",
    "RoyaltyLrp",
    "Returned",
    "Forfeited",
    "Held",
    "Released",
    "Ended",
    "Restored",
    "Vested",
    "several paths",
    "paid elsewhere",
    "escrowed shares are paid",
    "a change between two revenues of a block",
];

/// What of these happened in a block, by the world after it.
fn seen_of_tasks_and_routers(block: &BlockFacts, after: &Oracle) -> Vec<String> {
    let (mut seen, mut paid_before) = (Vec::new(), None);
    for (_, fact) in &block.facts {
        let Fact::RevenueReceived(payment) = fact else { continue };
        let revenue = &after.revenues[&payment.revenue];
        if !revenue.is_ours() {
            seen.push("paid elsewhere");
        }
        if paid_before.is_some_and(|before| before != revenue.went_to) {
            seen.push("a change between two revenues of a block");
        }
        paid_before = Some(revenue.went_to);
        let in_escrow = |task: &Task| task.asset == payment.asset && !task.left.is_zero();
        if after.tasks.values().any(in_escrow) {
            seen.push("escrowed shares are paid");
        }
    }
    seen.into_iter().map(str::to_owned).collect()
}

/// Runs one economy and returns what happened in it.
fn run(seed: u64, blocks: u64) -> BTreeSet<String> {
    let mut happened = BTreeSet::new();
    let mut economy = Economy::new(seed);
    let mut state = State::new(&contracts());
    let mut output = Output::default();
    // The canonical chain so far, with the world and the state's hash before each block.
    let mut chain: Vec<(BlockFacts, Oracle, alloy_primitives::B256)> = Vec::new();
    let mut oracle = Oracle::default();
    let mut number = 1;
    let mut steps = 0;
    while steps < blocks {
        steps += 1;
        let block = economy.block(&oracle, number);
        chain.push((block.clone(), oracle.clone(), state.state_hash()));
        state
            .apply(&block, &mut output)
            .unwrap_or_else(|refused| panic!("block {number}: {refused}"));
        oracle.apply(&block);
        happened.extend(output.lines.iter().map(|line| format!("{:?}", line.kind.route)));
        happened.extend(
            output
                .lines
                .iter()
                .filter(|line| line.paths > 1)
                .map(|_| "several paths".to_owned()),
        );
        happened.extend(seen_of_tasks_and_routers(&block, &oracle));
        let name = |change: &PortionChange| format!("{:?}", change.change).split('(').next().map(str::to_owned);
        happened.extend(output.changes.iter().filter_map(name));
        compare(&mut state, &oracle, number, &mut economy);
        number += 1;
        if economy.below(4) == 0 {
            for _ in 0..=economy.below(6) {
                let Some((block, before, hash)) = chain.pop() else {
                    break;
                };
                state.revert(block.block).expect("the head");
                assert_eq!(state.state_hash(), hash, "block {} was undone", block.block.number);
                oracle = before;
                number -= 1;
            }
        }
    }
    let mut once = State::new(&contracts());
    for (block, ..) in &chain {
        once.apply(block, &mut output).expect("it was folded before");
        once.finalise(block.block.number);
    }
    assert_eq!(
        once.state_hash(),
        state.state_hash(),
        "as if the canonical chain had been folded once"
    );
    happened
}

fn seeds() -> u64 {
    std::env::var("SOUK_PAYOUT_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(25)
}

#[test]
fn random_economies_are_split_as_the_rule_says_whatever_is_undone() {
    let mut happened = BTreeSet::new();
    for seed in 0..seeds() {
        let ran = std::panic::catch_unwind(|| run(seed, 60));
        match ran {
            Ok(seen) => happened.extend(seen),
            Err(panic) => {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    for wanted in WANTED {
        assert!(happened.contains(wanted), "{wanted} happened nowhere");
    }
}

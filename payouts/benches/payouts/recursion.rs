//! The rule as one would first write it: recursion over every path. It only says what the fast one saves; it is no oracle.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use souk_payouts::State;
use souk_payouts::rule::{AssetNo, Lineage, Splitter};
use souk_schema::event::RoyaltyPolicy;

const WHOLE: u64 = 100_000_000;

/// The lines of a revenue of an asset.
pub fn split(state: &State, asset: U256, amount: U256) -> Vec<(AssetNo, U256)> {
    let source = state.number(asset).expect("it is registered");
    let mut amounts = BTreeMap::new();
    walk(state, source, amount, amount, true, &mut amounts);
    let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
    for (asset, amount) in amounts {
        splitter.split_one(&state.recipients(asset), amount, |share| {
            lines.push((asset, share.amount))
        });
    }
    lines
}

/// Walks every path up with a stack of its own. `received` is what comes by LRP on this path, if it is by LRP alone.
fn walk(
    state: &State,
    source: AssetNo,
    net: U256,
    received: U256,
    by_lrp: bool,
    amounts: &mut BTreeMap<AssetNo, U256>,
) {
    let mut stack = vec![(source, received, by_lrp)];
    while let Some((asset, received, by_lrp)) = stack.pop() {
        let mut kept = received;
        for edge in state.lineage().edges(asset) {
            let share = |of: U256| of * U256::from(edge.share) / U256::from(WHOLE);
            match edge.policy {
                RoyaltyPolicy::Lap => {
                    *amounts.entry(edge.parent).or_default() += share(net);
                    stack.push((edge.parent, U256::ZERO, false));
                }
                RoyaltyPolicy::Lrp if by_lrp => {
                    let part = share(received);
                    kept -= part;
                    stack.push((edge.parent, part, true));
                }
                _ => stack.push((edge.parent, U256::ZERO, false)),
            }
        }
        *amounts.entry(asset).or_default() += kept;
    }
}

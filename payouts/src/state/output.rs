//! What a block changed for those who keep lines elsewhere.

use alloy_primitives::{Address, U256};

use super::HoldKey;
use crate::rule::Kind;
use crate::snapshot::Archived;

/// What one recipient gets of one revenue for one asset in one way (PAY-2 explains it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The revenue.
    pub revenue: U256,
    /// The portion that it is part of: the revenue's number for (asset, route). With recipient and role it names the line.
    pub portion: u32,
    /// For which asset.
    pub asset: U256,
    /// How it came to the asset, and as what the recipient has it.
    pub kind: Kind,
    /// Paths that lead to the asset by that route; [`crate::rule::MANY_PATHS`] for any number above 10⁸.
    pub paths: u32,
    /// Who is paid.
    pub recipient: Address,
    /// In which ERC-20.
    pub token: Address,
    /// How much, in base units; positive.
    pub amount: U256,
}

/// What became of a portion, and so of all its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortionChange {
    /// The revenue.
    pub revenue: U256,
    /// The portion; `None` for every portion of the revenue, as when a root vests all of it.
    pub portion: Option<u32>,
    /// What happened.
    pub change: Change,
}

/// What can become of a portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is held by this, maybe beside others.
    Held(HoldKey),
    /// This holds it no more.
    Released(HoldKey),
    /// It does not count any more: it was recomputed.
    Ended,
    /// It counts again: a root that counts it was finalised in spite of the judgement.
    Restored,
    /// It is in the finalised root of this epoch.
    Vested(u64),
}

/// Changes of one block, in order. Keep one and pass it again: it keeps its memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Lines that came to be, those of a portion one after the other. They count unless a change says otherwise.
    pub lines: Vec<Line>,
    /// What became of portions, in order.
    pub changes: Vec<PortionChange>,
    /// Revenues that were settled, for whoever keeps them.
    pub settled: Vec<Archived>,
}

impl Output {
    /// Makes it empty.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.changes.clear();
        self.settled.clear();
    }

    pub(super) fn change(&mut self, revenue: U256, portion: impl Into<Option<u32>>, change: Change) {
        self.changes.push(PortionChange {
            revenue,
            portion: portion.into(),
            change,
        });
    }
}

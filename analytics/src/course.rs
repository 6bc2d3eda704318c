//! What became of a line up to some time, from the changes of its portion in their order.

#![deny(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use souk_payouts::state::{Change, HoldKey, Line, PortionChange};
use souk_schema::{Address, U256};

use crate::record::{Dated, Period};

/// How a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The next root may count it.
    InNextRoot,
    /// These hold it.
    Held(BTreeSet<HoldKey>),
    /// It was recomputed, and other lines stand in its place.
    Recomputed,
    /// The finalised root of this epoch counts it. That is for ever.
    Vested(u64),
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Standing::InNextRoot => "in next root",
            Standing::Held(_) => "held",
            Standing::Recomputed => "recomputed",
            Standing::Vested(_) => "vested",
        })
    }
}

/// What holds, in words: `dispute 7`, `challenge 3`.
pub fn hold_text(key: &HoldKey) -> String {
    match key {
        HoldKey::Dispute(id) => format!("dispute {id}"),
        HoldKey::Challenge(id) => format!("challenge {id}"),
    }
}

/// How often something happened to a line: its amount moved so often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// It came to be.
    pub earned: u32,
    /// It was recomputed, and so counted no more.
    pub recomputed: u32,
    /// It counted again.
    pub restored: u32,
    /// A finalised root counts it.
    pub vested: u32,
}

/// A line and what became of it until the period's end.
#[derive(Clone, Debug)]
pub struct Course {
    /// The line.
    pub line: Dated<Line>,
    /// What happened before the period.
    pub before: Moves,
    /// What happened in it.
    pub within: Moves,
    is_ended: bool,
    vested: Option<u64>,
    holds: BTreeSet<HoldKey>,
}

impl Course {
    fn new(line: Dated<Line>, period: Period) -> Course {
        let mut course = Course {
            line,
            before: Moves::default(),
            within: Moves::default(),
            is_ended: false,
            vested: None,
            holds: BTreeSet::new(),
        };
        course.moves(line.at, period).earned = 1;
        course
    }

    /// How it stands at the period's end.
    pub fn standing(&self) -> Standing {
        match self.vested {
            Some(epoch) => Standing::Vested(epoch),
            None if self.is_ended => Standing::Recomputed,
            None if !self.holds.is_empty() => Standing::Held(self.holds.clone()),
            None => Standing::InNextRoot,
        }
    }

    fn moves(&mut self, at: u64, period: Period) -> &mut Moves {
        match period.is_after(at) {
            true => &mut self.before,
            false => &mut self.within,
        }
    }

    /// A change for every portion of a revenue is one of those that it has by then and that count.
    fn is_meant_by(&self, change: &Dated<PortionChange>) -> bool {
        match change.what.portion {
            Some(portion) => portion == self.line.what.portion,
            None => self.line.block <= change.block && !self.is_ended && self.vested.is_none(),
        }
    }

    /// What a finalised root counts is never taken back, so nothing moves after that.
    fn apply(&mut self, change: Change, at: u64, period: Period) {
        match change {
            Change::Held(key) => {
                self.holds.insert(key);
            }
            Change::Released(key) => {
                self.holds.remove(&key);
            }
            Change::Ended if !self.is_ended && self.vested.is_none() => {
                self.is_ended = true;
                self.moves(at, period).recomputed += 1;
            }
            Change::Restored | Change::Vested(_) if self.is_ended => {
                self.is_ended = false;
                self.moves(at, period).restored += 1;
                self.vest(change, at, period);
            }
            Change::Ended | Change::Restored => {}
            Change::Vested(_) => self.vest(change, at, period),
        }
    }

    fn vest(&mut self, change: Change, at: u64, period: Period) {
        if let (Change::Vested(epoch), None) = (change, self.vested) {
            self.vested = Some(epoch);
            self.moves(at, period).vested += 1;
        }
    }
}

/// The account's lines that came before the period's end, in their order, and what became of each. Changes are in the order in which they
/// happened; those of other revenues, and later ones, do not matter.
pub fn courses(
    lines: &[Dated<Line>],
    changes: &[Dated<PortionChange>],
    account: Address,
    period: Period,
) -> Vec<Course> {
    let is_asked = |line: &&Dated<Line>| line.what.recipient == account && !period.is_over_at(line.at);
    let asked = lines.iter().filter(is_asked);
    let mut courses: Vec<Course> = asked.map(|line| Course::new(*line, period)).collect();
    let mut by_revenue: BTreeMap<U256, Vec<usize>> = BTreeMap::new();
    for (index, course) in courses.iter().enumerate() {
        by_revenue.entry(course.line.what.revenue).or_default().push(index);
    }
    for change in changes.iter().filter(|change| !period.is_over_at(change.at)) {
        for index in by_revenue.get(&change.what.revenue).into_iter().flatten() {
            if let Some(course) = courses.get_mut(*index).filter(|course| course.is_meant_by(change)) {
                course.apply(change.what.change, change.at, period);
            }
        }
    }
    courses
}

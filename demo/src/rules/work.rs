//! The rules of the contracts of the economy: tasks, executions, rounds, disputes, gateway. Time does not pass here: what a plan does
//! behind a deadline is only looked at for whether that deadline is a short one. Start at [`Rules::work`].

mod executions;
mod tasks;

use std::collections::{HashMap, HashSet};

use alloy::primitives::{Address, B256};
use souk_schema::event::PrivacyMode;

use super::{Checked, Rules, ensure, take};
use crate::action::{AccountNo, Action, AssetNo};
use crate::events::{EventCounts, EventKind};
use crate::work::{Office, Venue, Work};
use executions::{Opened, Requested};
use tasks::{HandedIn, Posted};

/// Of a dev chain, in millionths of a test dollar.
const BOND_MICROS: u64 = 10_000_000;
/// Deadlines that a load lives to see.
const SOON_SECS: u64 = 10;
const YEAR_SECS: u64 = 366 * 86_400;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Open,
    Judged,
    Over,
}

/// State of these contracts.
#[derive(Default)]
pub(super) struct Boards {
    records: HashSet<(Venue, AssetNo)>,
    takes_dollars: HashSet<(Venue, AccountNo)>,
    takes_shares: HashSet<AccountNo>,
    takes_points: HashSet<AccountNo>,
    points_exist: bool,
    points: HashMap<AccountNo, u64>,
    tasks: HashMap<B256, Posted>,
    submissions: HashMap<B256, HandedIn>,
    executions: HashMap<B256, Requested>,
    rounds: HashMap<B256, Opened>,
    challenges: HashMap<B256, (B256, bool)>,
    disputes: HashMap<B256, (AccountNo, Case)>,
    announced: HashSet<(AssetNo, u64)>,
    mirrored: HashSet<(u64, Address, Address, u64)>,
}

impl Rules<'_> {
    pub(super) fn work(&mut self, from: AccountNo, action: &Action) -> Checked<Option<EventCounts>> {
        let Action::Work(work) = action else {
            return Ok(None);
        };
        let office = work.office().map(|office| match office {
            Office::Admin => 0,
            Office::Judge => 1,
            Office::Relayer => 2,
        });
        let officers = &self.economy.officers;
        match office {
            Some(place) => ensure(from == officers.start + place, "only who holds the office does that")?,
            None => ensure(!officers.contains(&from), "officers do nothing else")?,
        }
        let made = match work {
            Work::Post(_) | Work::Submit(_) | Work::Review(_) | Work::CloseTask(..) => self.tasks(from, work)?,
            Work::Request(_) | Work::NameOutput(..) | Work::Complete(_) | Work::Cancel(_) => {
                self.executions(from, work)?
            }
            Work::OpenRound(_) | Work::Update(_) | Work::Aggregate(_) => self.rounds(from, work)?,
            Work::Challenge(..) | Work::DecideChallenge(..) => self.challenges(from, work)?,
            Work::Dispute(..) | Work::WithdrawDispute(_) | Work::Judge(..) | Work::Resolve(_) => {
                self.disputes(from, work)?
            }
            Work::Announce(..) | Work::Mirror(_) => self.gateway(from, work)?,
            _ => self.consent(from, work)?,
        };
        Ok(Some(made))
    }

    fn consent(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        let points_exist = self.boards.points_exist;
        Ok(match work {
            Work::LetRecord(venue, assets) => {
                for asset in assets {
                    self.owned(*asset, from)?;
                    self.boards.records.insert((*venue, *asset));
                }
                EventCounts::of(EventKind::RecorderAuthorised, assets.len())
            }
            Work::LetTakeDollars(venue) => {
                self.boards.takes_dollars.insert((*venue, from));
                EventCounts::of(EventKind::DollarsApproved, 1)
            }
            Work::LetTakeShares => {
                self.boards.takes_shares.insert(from);
                EventCounts::of(EventKind::SharesApproved, 1)
            }
            Work::CreatePoints => {
                ensure(!points_exist, "points are created once")?;
                let creator = self.economy.points.map(|(creator, _)| creator);
                ensure(creator == Some(from), "who the economy says creates the points")?;
                self.boards.points_exist = true;
                EventCounts::default()
            }
            Work::LetTakePoints => {
                ensure(points_exist, "the points exist")?;
                self.boards.takes_points.insert(from);
                EventCounts::of(EventKind::PointsApproved, 1)
            }
            Work::MakePoints(points) => {
                ensure(points_exist, "the points exist")?;
                *self.boards.points.entry(from).or_default() += points;
                EventCounts::of(EventKind::PointsTransferred, 1)
            }
            _ => return Err("there is no rule for this work".into()),
        })
    }

    fn disputes(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        let bond = EventCounts::of(EventKind::DollarsTransferred, 1);
        match work {
            Work::Dispute(asset, _, claim) => {
                self.exists(*asset)?;
                self.hand_over(from, Venue::DisputeCourt, BOND_MICROS)?;
                let fresh = self
                    .boards
                    .disputes
                    .insert(claim.evidence, (from, Case::Open))
                    .is_none();
                ensure(fresh, "evidence is unique")?;
                Ok(bond.and(EventKind::DisputeRaised, 1))
            }
            Work::Judge(name, ..) => {
                self.case(name, Case::Open, Case::Judged)?;
                Ok(EventCounts::of(EventKind::DisputeJudged, 1))
            }
            Work::Resolve(name) => {
                self.case(name, Case::Judged, Case::Over)?;
                Ok(bond.and(EventKind::DisputeResolved, 1))
            }
            Work::WithdrawDispute(name) => {
                ensure(
                    self.case(name, Case::Open, Case::Over)? == from,
                    "its challenger withdraws",
                )?;
                Ok(bond.and(EventKind::DisputeResolved, 1))
            }
            _ => Err("there is no rule for this work".into()),
        }
    }

    /// Moves a dispute on, and says who raised it.
    fn case(&mut self, name: &B256, before: Case, after: Case) -> Checked<AccountNo> {
        let (challenger, case) = self.boards.disputes.get_mut(name).ok_or("the dispute exists")?;
        ensure(*case == before, "the dispute is as far as that")?;
        *case = after;
        Ok(*challenger)
    }

    fn gateway(&mut self, from: AccountNo, work: &Work) -> Checked<EventCounts> {
        match work {
            Work::Announce(asset, chain) => {
                self.owned(*asset, from)?;
                ensure(
                    self.boards.announced.insert((*asset, *chain)),
                    "an asset is announced once",
                )?;
                Ok(EventCounts::of(EventKind::AssetAnnounced, 1))
            }
            Work::Mirror(mirror) => {
                let origin = (
                    mirror.origin_chain,
                    mirror.origin_gateway,
                    mirror.origin_registry,
                    mirror.origin_asset,
                );
                ensure(self.boards.mirrored.insert(origin), "an asset is mirrored once")?;
                Ok(EventCounts::of(EventKind::AssetMirrored, 1)
                    .and(EventKind::AssetRegistered, 1)
                    .and(EventKind::AssetTransferred, 1))
            }
            _ => Err("there is no rule for this work".into()),
        }
    }

    fn exists(&self, asset: AssetNo) -> Checked {
        ensure((asset as usize) < self.assets.len(), "the asset exists")
    }

    fn private(&self, privacy: PrivacyMode, epsilon_micros: u64) -> Checked {
        let differential = privacy == PrivacyMode::DifferentialPrivacy;
        ensure(
            differential == (epsilon_micros > 0),
            "differential privacy alone costs an epsilon",
        )
    }

    fn hand_over(&mut self, from: AccountNo, to: Venue, micros: u64) -> Checked {
        ensure(
            self.boards.takes_dollars.contains(&(to, from)),
            "the contract takes dollars",
        )?;
        take(&mut self.dollars, from, micros, "the payer has the money")
    }
}

//! Contributions are soulbound: nobody moves one, and only who recorded it voids it.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Log, U256};
use alloy::sol;
use alloy::sol_types::{SolCall, SolEvent};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use souk_contracts::ContributionBook;
use souk_contracts::ContributionBook::{ContributionInput, ContributionRecorded, ContributionVoided};

use crate::property::{Coverage, for_all};
use crate::world::{ACTORS, World};

sol! {
    /// Every way in which a token standard moves something.
    interface Movers {
        function transfer(address to, uint256 id) external;
        function transferFrom(address from, address to, uint256 id) external;
        function safeTransferFrom(address from, address to, uint256 id) external;
        function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data) external;
        function approve(address to, uint256 id) external;
        function setApprovalForAll(address operator, bool approved) external;
    }
}

/// The owner of both assets; the other actors may be authorised as recorders.
const OWNER: Address = ACTORS[0];
const ASSETS: u64 = 2;
/// In place of an actor: whoever recorded the contribution.
const RECORDER: usize = ACTORS.len();

#[derive(Clone, Debug)]
enum Op {
    Authorise {
        by: usize,
        asset: u64,
        recorder: usize,
        allowed: bool,
    },
    Record {
        by: usize,
        inputs: Vec<(u64, usize, u8, u64)>,
    },
    /// See [`Book::aim`].
    Void {
        by: usize,
        id: u64,
    },
    Move {
        by: usize,
        to: usize,
        id: u64,
        how: u8,
    },
}

fn ops() -> impl Strategy<Value = Op> {
    let actor = || 0..ACTORS.len();
    // Four good inputs to one with a flaw in it, perhaps.
    let good = || (1..ASSETS + 1, actor(), 0..7_u8, 1..4_u64);
    let input = prop_oneof![4 => good(), 1 => (1..ASSETS + 2, 0..ACTORS.len() + 1, 0..8_u8, 0..5_u64)];
    prop_oneof![
        4 => (prop_oneof![5 => 0..1_usize, 1 => actor()], 1..ASSETS + 1, 1..3_usize, any::<bool>())
            .prop_map(|(by, asset, recorder, allowed)| Op::Authorise { by, asset, recorder, allowed }),
        6 => (0..3_usize, vec(input, 1..3)).prop_map(|(by, inputs)| Op::Record { by, inputs }),
        4 => (prop_oneof![1 => actor(), 4 => Just(RECORDER)], any::<u64>())
            .prop_map(|(by, id)| Op::Void { by, id }),
        2 => (actor(), actor(), 0..12_u64, 0..6_u8).prop_map(|(by, to, id, how)| Op::Move { by, to, id, how }),
    ]
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Contribution {
    asset: u64,
    contributor: Address,
    recorded_by: Address,
    voided: bool,
}

/// What the logs said, and who may record.
#[derive(Default)]
struct Book {
    contributions: BTreeMap<u64, Contribution>,
    recorders: BTreeMap<(u64, Address), bool>,
}

#[test]
fn contributions_are_soulbound_and_voided_by_their_recorder() {
    let coverage = Coverage::new();
    for_all(128, &vec(ops(), 1..50), |ops| {
        let mut world = World::new();
        let mut book = Book::default();
        for asset in 1..=ASSETS {
            world.register(OWNER);
            let start = Op::Authorise {
                by: 0,
                asset,
                recorder: 1,
                allowed: true,
            };
            assert!(start.send(&mut world).is_some());
            book.recorders.insert((asset, ACTORS[1]), true);
        }
        for op in ops {
            let op = &book.aim(op);
            let expected = book.allows(op);
            let before = book.contributions.clone();
            let outcome = op.send(&mut world);
            assert_eq!(outcome.is_some(), expected, "{op:?}");
            coverage.saw((book.describe(op), expected));
            if let (
                Some(_),
                Op::Authorise {
                    asset,
                    recorder,
                    allowed,
                    ..
                },
            ) = (&outcome, op)
            {
                book.recorders.insert((*asset, ACTORS[*recorder]), *allowed);
            }
            book.take(&outcome.unwrap_or_default());
            for (id, was) in before {
                assert_eq!(
                    book.contributions[&id].contributor, was.contributor,
                    "contribution {id} moved"
                );
                assert!(
                    book.contributions[&id].voided || !was.voided,
                    "contribution {id} came back"
                );
            }
            book.compare(&mut world);
        }
    });
    coverage.require(&[
        ("authorise", true),
        ("authorise", false),
        ("record", true),
        ("record", false),
        ("void", true),
        ("void twice", false),
        ("void another's", false),
        ("void after the right to record", false),
        ("move", false),
    ]);
}

impl Book {
    fn may_record(&self, asset: u64, account: Address) -> bool {
        account == OWNER || self.recorders.get(&(asset, account)).copied().unwrap_or(false)
    }

    /// Turns the numbers of an [`Op::Void`] into a contribution that exists, or the next one, and an actor.
    fn aim(&self, op: Op) -> Op {
        let Op::Void { by, id } = op else { return op };
        let id = id % (self.contributions.len() as u64 + 1) + 1;
        let recorder = self.contributions.get(&id).map_or(OWNER, |c| c.recorded_by);
        let position = |account| ACTORS.iter().position(|&actor| actor == account);
        let by = if by == RECORDER {
            position(recorder).unwrap_or(0)
        } else {
            by
        };
        Op::Void { by, id }
    }

    /// What an op tries, so that each way to go wrong is counted.
    fn describe(&self, op: &Op) -> &'static str {
        match op {
            Op::Authorise { .. } => "authorise",
            Op::Record { .. } => "record",
            Op::Move { .. } => "move",
            Op::Void { by, id } => match self.contributions.get(id) {
                None => "void nothing",
                Some(c) if c.recorded_by != ACTORS[*by] => "void another's",
                Some(c) if !self.may_record(c.asset, c.recorded_by) => "void after the right to record",
                Some(c) if c.voided => "void twice",
                Some(_) => "void",
            },
        }
    }

    fn allows(&self, op: &Op) -> bool {
        match op {
            Op::Authorise { by, .. } => ACTORS[*by] == OWNER,
            Op::Record { by, inputs } => inputs.iter().all(|&(asset, contributor, role, weight)| {
                (1..=ASSETS).contains(&asset)
                    && self.may_record(asset, ACTORS[*by])
                    && contributor < ACTORS.len()
                    && role <= 6
                    && (1..4).contains(&weight)
            }),
            Op::Void { by, id } => self
                .contributions
                .get(id)
                .is_some_and(|c| c.recorded_by == ACTORS[*by] && !c.voided && self.may_record(c.asset, c.recorded_by)),
            Op::Move { .. } => false,
        }
    }

    fn take(&mut self, logs: &[Log]) {
        for log in logs {
            if let Ok(e) = ContributionRecorded::decode_log(log) {
                let id = e.contributionId.to::<u64>();
                assert_eq!(id, self.contributions.len() as u64 + 1, "ids count from 1");
                let contribution = Contribution {
                    asset: e.assetId.to(),
                    contributor: e.contributor,
                    recorded_by: e.recordedBy,
                    voided: false,
                };
                self.contributions.insert(id, contribution);
            } else if let Ok(e) = ContributionVoided::decode_log(log) {
                let contribution = self
                    .contributions
                    .get_mut(&e.contributionId.to())
                    .expect("a recorded contribution");
                assert_eq!(
                    (contribution.asset, contribution.recorded_by),
                    (e.assetId.to(), e.voidedBy)
                );
                assert!(!std::mem::replace(&mut contribution.voided, true), "voided twice");
            }
        }
    }

    fn compare(&self, world: &mut World) {
        let at = world.at.contribution_book;
        let count = world.view(at, &ContributionBook::contributionCountCall {});
        assert_eq!(count, U256::from(self.contributions.len()));
        for (&id, contribution) in &self.contributions {
            let found = world.view(
                at,
                &ContributionBook::recordOfCall {
                    contributionId: U256::from(id),
                },
            );
            assert_eq!(found.assetId, U256::from(contribution.asset));
            assert_eq!(
                (found.recordedBy, found.voided),
                (contribution.recorded_by, contribution.voided)
            );
        }
    }
}

impl Op {
    fn send(&self, world: &mut World) -> Option<Vec<Log>> {
        let book = world.at.contribution_book;
        match self {
            Self::Authorise {
                by,
                asset,
                recorder,
                allowed,
            } => {
                let call = ContributionBook::authoriseRecorderCall {
                    assetId: U256::from(*asset),
                    recorder: ACTORS[*recorder],
                    allowed: *allowed,
                };
                world.send(ACTORS[*by], book, &call).ok().map(|done| done.logs)
            }
            Self::Record { by, inputs } => {
                let inputs: Vec<_> = inputs.iter().map(|&input| contribution(input)).collect();
                // One is recorded by the single call, so that both ways are tried.
                if let [one] = &inputs[..] {
                    let ContributionInput {
                        assetId,
                        contributor,
                        role,
                        weight,
                        evidenceHash,
                    } = one.clone();
                    let call = ContributionBook::recordCall {
                        assetId,
                        contributor,
                        role,
                        weight,
                        evidenceHash,
                    };
                    return world.send(ACTORS[*by], book, &call).ok().map(|done| done.logs);
                }
                let call = ContributionBook::recordBatchCall { inputs };
                world.send(ACTORS[*by], book, &call).ok().map(|done| done.logs)
            }
            Self::Void { by, id } => {
                let call = ContributionBook::voidCall {
                    contributionId: U256::from(*id),
                    reason: "wrong".into(),
                };
                world.send(ACTORS[*by], book, &call).ok().map(|done| done.logs)
            }
            Self::Move { by, to, id, how } => {
                let data = movement(*how, ACTORS[*by], ACTORS[*to], U256::from(*id));
                world
                    .send_raw(ACTORS[*by], book, data.into())
                    .ok()
                    .map(|(_, logs)| logs)
            }
        }
    }
}

/// Weight 4 stands for one that is too large, contributor 4 for the zero address.
fn contribution((asset, contributor, role, weight): (u64, usize, u8, u64)) -> ContributionInput {
    ContributionInput {
        assetId: U256::from(asset),
        contributor: ACTORS.get(contributor).copied().unwrap_or_default(),
        role,
        weight: if weight == 4 {
            U256::ONE << 128
        } else {
            U256::from(weight)
        },
        evidenceHash: B256::repeat_byte(role),
    }
}

fn movement(how: u8, from: Address, to: Address, id: U256) -> Vec<u8> {
    match how {
        0 => Movers::transferCall { to, id }.abi_encode(),
        1 => Movers::transferFromCall { from, to, id }.abi_encode(),
        2 => Movers::safeTransferFrom_0Call { from, to, id }.abi_encode(),
        3 => Movers::safeTransferFrom_1Call {
            from,
            to,
            id,
            value: U256::ONE,
            data: [].into(),
        }
        .abi_encode(),
        4 => Movers::approveCall { to, id }.abi_encode(),
        _ => Movers::setApprovalForAllCall {
            operator: to,
            approved: true,
        }
        .abi_encode(),
    }
}

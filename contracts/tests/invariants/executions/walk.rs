//! A random walk beside a naive model: a fee is revenue or comes back, a bond leaves once, a contribution is recorded with its
//! delivery and voided with its challenge.

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolEvent;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use souk_contracts::AssetRegistry::NotAuthorised;
use souk_contracts::ExecutionLog::{
    self, ChallengeNotOpen, ChallengeResolved, ExecutionCompleted, ExecutionInput, ExecutionNotOpen, NotChallengeable,
    OnlyProvider, OnlyRequester, OwnableUnauthorizedAccount, UnknownExecution, WindowOver, WindowStillOpen,
};

use super::{cancel, challenge, complete, lapse, name_output, open, request, resolve};
use crate::property::{Coverage, for_all};
use crate::wired::{BOND, CHALLENGE_SECS, DECISION_SECS, Expected, TREASURY, ensure, refused};
use crate::world::{ACTORS, DEPLOYER, DISTRIBUTOR, START_BALANCE, World};

/// Owners of assets 1 to 5, in order.
const OWNERS: [usize; 5] = [0, 0, 1, 2, 2];

/// Who acts is one of the actors, or, with a higher number, whoever may. Executions and challenges are numbers that are taken modulo
/// how many there are and one that there is not.
#[derive(Clone, Debug)]
enum Op {
    Request {
        by: usize,
        asset: u64,
        provider: usize,
        token: usize,
        fee: u64,
        secs: u64,
    },
    Name {
        by: usize,
        execution: usize,
        asset: u64,
    },
    Complete {
        by: usize,
        execution: usize,
        output: u64,
    },
    Cancel {
        by: usize,
        execution: usize,
    },
    Challenge {
        by: usize,
        execution: usize,
    },
    Resolve {
        owner: bool,
        challenge: usize,
        upheld: bool,
    },
    Lapse {
        by: usize,
        challenge: usize,
    },
    Authorise {
        asset: u64,
        allowed: bool,
    },
    Pass {
        secs: u64,
    },
}

fn ops() -> impl Strategy<Value = Op> {
    let by = || 0..ACTORS.len();
    let anyone = || 0..3 * ACTORS.len();
    let execution = || 0..60_usize;
    let mostly = || prop_oneof![4 => Just(true), 1 => Just(false)];
    prop_oneof![
        5 => (by(), 1..6_u64, 0..2_usize, 0..2_usize, 0..50_u64, 1..500_u64).prop_map(
            |(by, asset, provider, token, fee, secs)| Op::Request { by, asset, provider: provider + 2, token, fee, secs }
        ),
        3 => (anyone(), execution(), 0..6_u64).prop_map(|(by, execution, asset)| Op::Name { by, execution, asset }),
        9 => (anyone(), execution(), prop_oneof![1 => 0..6_u64, 1 => Just(0), 2 => 4..6_u64])
            .prop_map(|(by, execution, output)| Op::Complete { by, execution, output }),
        2 => (anyone(), execution()).prop_map(|(by, execution)| Op::Cancel { by, execution }),
        5 => (by(), execution()).prop_map(|(by, execution)| Op::Challenge { by, execution }),
        4 => (mostly(), 0..60_usize, any::<bool>())
            .prop_map(|(owner, challenge, upheld)| Op::Resolve { owner, challenge, upheld }),
        1 => (1..6_u64, mostly()).prop_map(|(asset, allowed)| Op::Authorise { asset, allowed }),
        2 => (by(), 0..60_usize).prop_map(|(by, challenge)| Op::Lapse { by, challenge }),
        3 => (1..150_u64).prop_map(|secs| Op::Pass { secs }),
        1 => (DECISION_SECS - 150..DECISION_SECS + 1).prop_map(|secs| Op::Pass { secs }),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Cancelled,
    Completed { until: u64, contribution: u64 },
    Challenged { until: u64, contribution: u64 },
    Refuted,
}

#[derive(Debug)]
struct Execution {
    requester: usize,
    provider: usize,
    token: usize,
    fee: u64,
    deadline: u64,
    named: u64,
    stage: Stage,
}

#[derive(Debug)]
struct Challenge {
    by: usize,
    execution: usize,
    decidable_until: u64,
    bond_to: Option<Address>,
}

/// The log, the obvious way. Ids are places in the lists, from 1.
#[derive(Default)]
struct Model {
    executions: Vec<Execution>,
    challenges: Vec<Challenge>,
    unrecorded: [bool; 6],
    /// Asset of each contribution, and whether it was voided.
    contributions: Vec<(u64, bool)>,
    revenues: u64,
}

#[test]
fn the_log_does_what_the_model_says() {
    let coverage = Coverage::new();
    for_all(160, &vec(ops(), 20..90), |ops| {
        let mut world = open();
        let mut model = Model::default();
        for op in &ops {
            if let Some(outcome) = model.step(&mut world, op) {
                coverage.saw(outcome);
            }
            model.compare(&mut world);
        }
    });
    let steps = ["name", "complete", "cancel", "challenge", "resolve", "lapse"];
    coverage.require(&steps.map(|step| (step, true)));
    coverage.require(&steps.map(|step| (step, false)));
    coverage.require(&[("request", true), ("void", true), ("record", true), ("pay", true)]);
}

fn id(place: usize) -> U256 {
    U256::from(place + 1)
}

impl Model {
    fn step(&mut self, world: &mut World, op: &Op) -> Option<(&'static str, bool)> {
        let (at, now) = (world.log(), world.now_secs());
        match *op {
            Op::Request {
                by,
                asset,
                provider,
                token,
                fee,
                secs,
            } => {
                let deadline = now + secs;
                let input = ExecutionInput {
                    assetId: U256::from(asset),
                    provider: ACTORS[provider],
                    fee: U256::from(fee),
                    feeToken: if fee == 0 { Address::ZERO } else { tokens(world)[token] },
                    deadline,
                    ..world.inference()
                };
                world.must(ACTORS[by], at, &request(input));
                let (requester, named, stage) = (by, 0, Stage::Open);
                self.executions.push(Execution {
                    requester,
                    provider,
                    token,
                    fee,
                    deadline,
                    named,
                    stage,
                });
                Some(("request", true))
            }
            Op::Name { by, execution, asset } => {
                let (execution, by) = (self.place(execution), self.requester(by, execution));
                let expected = self.may_name(by, execution, asset);
                let went = world
                    .expect(ACTORS[by], at, &name_output(id(execution), asset), expected)
                    .is_some();
                if went {
                    self.executions[execution].named = asset;
                }
                Some(("name", went))
            }
            Op::Complete { by, execution, output } => {
                let execution = self.place(execution);
                let provider = self.executions.get(execution).map_or(0, |found| found.provider);
                let by = if by < ACTORS.len() { by } else { provider };
                Some(self.complete(world, by, execution, output))
            }
            Op::Cancel { by, execution } => {
                let (execution, by) = (self.place(execution), self.requester(by, execution));
                let expected = self.may_cancel(by, execution, now);
                let went = world.expect(ACTORS[by], at, &cancel(id(execution)), expected).is_some();
                if went {
                    self.executions[execution].stage = Stage::Cancelled;
                }
                Some(("cancel", went))
            }
            Op::Challenge { by, execution } => Some(self.challenge(world, by, self.place(execution))),
            Op::Resolve {
                owner,
                challenge,
                upheld,
            } => {
                let challenge = challenge % (self.challenges.len() + 1);
                Some(self.resolve(world, owner, challenge, upheld))
            }
            Op::Lapse { by, challenge } => {
                let challenge = challenge % (self.challenges.len() + 1);
                Some(self.lapse(world, by, challenge))
            }
            Op::Authorise { asset, allowed } => {
                world.authorise_log(ACTORS[OWNERS[asset as usize - 1]], asset, allowed);
                self.unrecorded[asset as usize] = !allowed;
                None
            }
            Op::Pass { secs } => {
                world.pass(secs);
                None
            }
        }
    }

    fn place(&self, execution: usize) -> usize {
        execution % (self.executions.len() + 1)
    }

    fn requester(&self, by: usize, execution: usize) -> usize {
        let requester = self
            .executions
            .get(self.place(execution))
            .map_or(0, |found| found.requester);
        if by < ACTORS.len() { by } else { requester }
    }

    fn open(&self, execution: usize) -> Result<&Execution, [u8; 4]> {
        ensure::<UnknownExecution>(execution < self.executions.len())?;
        let found = &self.executions[execution];
        ensure::<ExecutionNotOpen>(found.stage == Stage::Open)?;
        Ok(found)
    }

    fn may_name(&self, by: usize, execution: usize, asset: u64) -> Expected {
        ensure::<OnlyRequester>(self.open(execution)?.requester == by)?;
        ensure::<NotAuthorised>(asset == 0 || owns(by, asset))
    }

    fn may_complete(&self, by: usize, execution: usize, output: u64, now: u64) -> Expected {
        let found = self.open(execution)?;
        ensure::<OnlyProvider>(found.provider == by)?;
        ensure::<WindowOver>(now < found.deadline)?;
        ensure::<NotAuthorised>(output == 0 || output == found.named || owns(by, output))
    }

    fn may_cancel(&self, by: usize, execution: usize, now: u64) -> Expected {
        let found = self.open(execution)?;
        if found.provider == by {
            return Ok(());
        }
        ensure::<OnlyRequester>(found.requester == by)?;
        ensure::<WindowStillOpen>(now >= found.deadline)
    }

    fn complete(&mut self, world: &mut World, by: usize, execution: usize, output: u64) -> (&'static str, bool) {
        let (at, now) = (world.log(), world.now_secs());
        let expected = self.may_complete(by, execution, output, now);
        let call = complete(id(execution), output, 3);
        let Some(done) = world.expect(ACTORS[by], at, &call, expected) else {
            return ("complete", false);
        };
        let records = output != 0 && !self.unrecorded[output as usize];
        if records {
            self.contributions.push((output, false));
        }
        let contribution = if records { self.contributions.len() as u64 } else { 0 };
        let found = &mut self.executions[execution];
        let until = now + CHALLENGE_SECS;
        found.stage = Stage::Completed { until, contribution };
        let pays = found.fee != 0;
        self.revenues += u64::from(pays);
        let event = ExecutionCompleted::decode_log(done.logs.last().expect("logs")).expect("the event");
        assert_eq!(event.contributionId, U256::from(contribution));
        assert_eq!(event.revenueId, U256::from(if pays { self.revenues } else { 0 }));
        (
            if records {
                "record"
            } else if pays {
                "pay"
            } else {
                "complete"
            },
            true,
        )
    }

    fn challenge(&mut self, world: &mut World, by: usize, execution: usize) -> (&'static str, bool) {
        let now = world.now_secs();
        let expected = match self.executions.get(execution).map(|found| found.stage) {
            None => refused::<UnknownExecution>(),
            Some(Stage::Completed { until, .. }) => ensure::<WindowOver>(now < until),
            Some(_) => refused::<NotChallengeable>(),
        };
        let went = world
            .expect(ACTORS[by], world.log(), &challenge(id(execution)), expected)
            .is_some();
        if went {
            let found = &mut self.executions[execution];
            if let Stage::Completed { until, contribution } = found.stage {
                found.stage = Stage::Challenged { until, contribution };
            }
            let bond_to = None;
            let decidable_until = now + DECISION_SECS;
            self.challenges.push(Challenge {
                by,
                execution,
                decidable_until,
                bond_to,
            });
        }
        ("challenge", went)
    }

    /// Until when an open challenge is decided.
    fn undecided(&self, challenge: usize) -> Result<u64, [u8; 4]> {
        let found = self.challenges.get(challenge);
        ensure::<ChallengeNotOpen>(found.is_some_and(|found| found.bond_to.is_none()))?;
        Ok(self.challenges[challenge].decidable_until)
    }

    fn lapse(&mut self, world: &mut World, by: usize, challenge: usize) -> (&'static str, bool) {
        let due = self.undecided(challenge);
        let expected = due.and_then(|end| ensure::<WindowStillOpen>(world.now_secs() >= end));
        let went = world
            .expect(ACTORS[by], world.log(), &lapse(id(challenge)), expected)
            .is_some();
        if went {
            let found = &mut self.challenges[challenge];
            found.bond_to = Some(ACTORS[found.by]);
            let execution = &mut self.executions[found.execution];
            if let Stage::Challenged { until, contribution } = execution.stage {
                execution.stage = Stage::Completed { until, contribution };
            }
        }
        ("lapse", went)
    }

    fn resolve(&mut self, world: &mut World, owner: bool, challenge: usize, upheld: bool) -> (&'static str, bool) {
        let expected = ensure::<OwnableUnauthorizedAccount>(owner)
            .and_then(|()| ensure::<WindowOver>(world.now_secs() < self.undecided(challenge)?));
        let by = if owner { DEPLOYER } else { ACTORS[0] };
        let Some(done) = world.expect(by, world.log(), &resolve(id(challenge), upheld), expected) else {
            return ("resolve", false);
        };
        let found = &mut self.challenges[challenge];
        found.bond_to = Some(if upheld { ACTORS[found.by] } else { TREASURY });
        let execution = &mut self.executions[found.execution];
        let Stage::Challenged { until, contribution } = execution.stage else {
            panic!("a challenge of what was not challenged: {execution:?}");
        };
        execution.stage = if upheld {
            Stage::Refuted
        } else {
            Stage::Completed { until, contribution }
        };
        let mut voided = 0;
        if upheld && contribution != 0 {
            let record = &mut self.contributions[contribution as usize - 1];
            if !self.unrecorded[record.0 as usize] {
                record.1 = true;
                voided = contribution;
            }
        }
        let event = done.logs.iter().find_map(|log| ChallengeResolved::decode_log(log).ok());
        assert_eq!(event.expect("the event").voidedContributionId, U256::from(voided));
        (if voided == 0 { "resolve" } else { "void" }, true)
    }

    fn compare(&self, world: &mut World) {
        let at = world.log();
        let waiting = self
            .challenges
            .iter()
            .filter(|challenge| challenge.bond_to.is_none())
            .count() as u64;
        assert_eq!(
            world.view(at, &ExecutionLog::bondsHeldCall {}),
            U256::from(waiting * BOND)
        );
        for (place, token) in tokens(world).into_iter().enumerate() {
            let bonds = if place == 0 {
                self.bonds()
            } else {
                vec![0; ACTORS.len() + 2]
            };
            let of = |stages: &dyn Fn(Stage) -> bool, by: Option<usize>| -> u64 {
                let chosen = self.executions.iter().filter(|execution| {
                    execution.token == place && stages(execution.stage) && by.is_none_or(|by| execution.requester == by)
                });
                chosen.map(|execution| execution.fee).sum()
            };
            let open = |stage| stage == Stage::Open;
            let earned = |stage| !matches!(stage, Stage::Open | Stage::Cancelled);
            let held = world.balance(token, at);
            assert_eq!(
                held,
                U256::from(of(&open, None) + bonds[ACTORS.len()]),
                "fees and bonds that wait"
            );
            assert_eq!(world.balance(token, DISTRIBUTOR), U256::from(of(&earned, None)));
            assert_eq!(world.balance(token, TREASURY), U256::from(bonds[ACTORS.len() + 1]));
            for (by, actor) in ACTORS.into_iter().enumerate() {
                let spent = of(&|stage| stage != Stage::Cancelled, Some(by)) + bonds[by];
                assert_eq!(world.balance(token, actor), U256::from(START_BALANCE as u64 - spent));
            }
        }
        assert_eq!(world.recorded(), U256::from(self.contributions.len()));
        for (place, (_, voided)) in self.contributions.iter().enumerate() {
            assert_eq!(world.is_voided(id(place)), *voided);
        }
    }

    /// What each actor has in bonds or lost by them, then what the log holds of them, then what the treasury got.
    fn bonds(&self) -> Vec<u64> {
        let mut bonds = vec![0; ACTORS.len() + 2];
        for challenge in &self.challenges {
            match challenge.bond_to {
                Some(TREASURY) => bonds[ACTORS.len() + 1] += BOND,
                Some(_) => continue,
                None => bonds[ACTORS.len()] += BOND,
            }
            bonds[challenge.by] += BOND;
        }
        bonds
    }
}

fn owns(by: usize, asset: u64) -> bool {
    OWNERS[asset as usize - 1] == by
}

/// The token of bonds, and one that calls back once armed.
fn tokens(world: &World) -> [Address; 2] {
    [world.at.test_usd, world.reentrant_token]
}

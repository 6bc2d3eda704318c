//! The court: examples of each rule, and a random walk beside a naive model: bonds in are bonds out, each once, to who was right.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolConstructor, SolEvent};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use souk_contracts::AssetRegistry::UnknownAsset;
use souk_contracts::DisputeCourt::{
    self, DisputeJudged, DisputeRaised, DisputeResolved, InvalidAccount, InvalidBond, InvalidTag, InvalidWindow,
    JudgeChanged, NotJudged, NotOpen, OnlyChallenger, OnlyJudge, OwnableUnauthorizedAccount,
    ReentrancyGuardReentrantCall, SameRuling, TransferNotExact, UnknownDispute, WindowOver, WindowStillOpen,
};

use crate::property::{Coverage, for_all};
use crate::wired::{APPEAL_SECS, BOND, DECISION_SECS, Expected, JUDGE, TREASURY, court_arguments, ensure};
use crate::world::{ACTORS, DEPLOYER, START_BALANCE, START_SECS, TestToken, World};

const ALICE: Address = ACTORS[0];
const BOB: Address = ACTORS[1];
const RULING: B256 = B256::repeat_byte(0x1e);

fn raise(asset: u64, tag: u8) -> DisputeCourt::raiseCall {
    DisputeCourt::raiseCall {
        assetId: U256::from(asset),
        tag,
        evidenceHash: B256::repeat_byte(0xe1),
        evidenceUri: "ipfs://evidence".into(),
    }
}

fn judge(dispute: u64, upheld: bool) -> DisputeCourt::judgeCall {
    DisputeCourt::judgeCall {
        disputeId: U256::from(dispute),
        upheld,
        rulingHash: RULING,
    }
}

fn overrule(dispute: u64, upheld: bool) -> DisputeCourt::overruleCall {
    DisputeCourt::overruleCall {
        disputeId: U256::from(dispute),
        upheld,
        rulingHash: RULING,
    }
}

fn resolve(dispute: u64) -> DisputeCourt::resolveCall {
    let dispute = U256::from(dispute);
    DisputeCourt::resolveCall { disputeId: dispute }
}

fn lapse(dispute: u64) -> DisputeCourt::lapseCall {
    let dispute = U256::from(dispute);
    DisputeCourt::lapseCall { disputeId: dispute }
}

fn withdraw(dispute: u64) -> DisputeCourt::withdrawCall {
    let dispute = U256::from(dispute);
    DisputeCourt::withdrawCall { disputeId: dispute }
}

/// A world in which Alice owns assets 1 and 2, and everybody can put up bonds.
fn open() -> World {
    let mut world = World::new();
    world.register(ALICE);
    world.register(ALICE);
    for actor in ACTORS {
        world.approve_all(actor, world.court());
    }
    world
}

impl World {
    fn court(&self) -> Address {
        self.at.dispute_court.expect("a deployment has a court")
    }

    fn money(&mut self, account: Address) -> U256 {
        self.balance(self.at.test_usd, account)
    }
}

#[test]
fn a_dispute_goes_from_the_judge_to_its_end() {
    let mut world = open();
    let at = world.court();
    world.must_refuse::<InvalidTag>(BOB, at, &raise(1, 4));
    world.must_refuse::<UnknownAsset>(BOB, at, &raise(3, 0));
    let done = world.must(BOB, at, &raise(1, 3));
    let raised = DisputeRaised::decode_log(&done.logs[0]).expect("the event").data;
    let expected = DisputeRaised {
        disputeId: U256::ONE,
        assetId: U256::ONE,
        challenger: BOB,
        tag: 3,
        bond: U256::from(BOND),
        evidenceHash: B256::repeat_byte(0xe1),
        evidenceUri: "ipfs://evidence".into(),
    };
    assert_eq!(raised, expected);
    assert_eq!(world.money(at), U256::from(BOND));
    world.must_refuse::<OnlyJudge>(DEPLOYER, at, &judge(1, true));
    world.must_refuse::<UnknownDispute>(JUDGE, at, &judge(2, true));
    world.must_refuse::<NotJudged>(BOB, at, &resolve(1));
    world.must_refuse::<NotJudged>(DEPLOYER, at, &overrule(1, true));
    let done = world.must(JUDGE, at, &judge(1, true));
    let judged = DisputeJudged::decode_log(&done.logs[0]).expect("the event").data;
    let expected = DisputeJudged {
        disputeId: U256::ONE,
        assetId: U256::ONE,
        judge: JUDGE,
        upheld: true,
        resolvableAt: START_SECS + APPEAL_SECS,
        rulingHash: RULING,
    };
    assert_eq!(judged, expected);
    world.must_refuse::<NotOpen>(JUDGE, at, &judge(1, false));
    world.must_refuse::<NotOpen>(BOB, at, &withdraw(1));
    world.pass(APPEAL_SECS);
    let done = world.must(ALICE, at, &resolve(1));
    let resolved = DisputeResolved::decode_log(&done.logs[0]).expect("the event");
    assert_eq!(
        (resolved.outcome, resolved.bondTo, resolved.bond),
        (1, BOB, U256::from(BOND))
    );
    assert_eq!((resolved.disputeId, resolved.assetId), (U256::ONE, U256::ONE));
    assert_eq!(world.money(BOB), U256::from(START_BALANCE));
    world.must_refuse::<NotJudged>(ALICE, at, &resolve(1));
    world.must_refuse::<NotOpen>(BOB, at, &withdraw(1));
}

/// The owner may overrule until, and anyone resolves from, the same second.
#[test]
fn the_appeal_window_ends_at_its_second() {
    let mut world = open();
    let at = world.court();
    world.must(BOB, at, &raise(1, 0));
    world.must(JUDGE, at, &judge(1, true));
    world.must_refuse::<OwnableUnauthorizedAccount>(JUDGE, at, &overrule(1, false));
    world.must_refuse::<SameRuling>(DEPLOYER, at, &overrule(1, true));
    world.pass(APPEAL_SECS - 1);
    world.must_refuse::<WindowStillOpen>(BOB, at, &resolve(1));
    let mut late = World::with_state(world.state());
    late.pass(APPEAL_SECS);
    late.must_refuse::<WindowOver>(DEPLOYER, at, &overrule(1, false));
    late.must(BOB, at, &resolve(1));

    let done = world.must(DEPLOYER, at, &overrule(1, false));
    let event = DisputeJudged::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((event.judge, event.upheld), (DEPLOYER, false));
    assert_eq!(
        event.resolvableAt,
        START_SECS + APPEAL_SECS,
        "overruling puts nothing off"
    );
    world.pass(APPEAL_SECS);
    let done = world.must(BOB, at, &resolve(1));
    let event = DisputeResolved::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((event.outcome, event.bondTo), (0, TREASURY));
    assert_eq!(world.money(TREASURY), U256::from(BOND));
}

#[test]
fn a_dispute_is_withdrawn_by_who_raised_it() {
    let mut world = open();
    let at = world.court();
    world.must(BOB, at, &raise(1, 0));
    world.must_refuse::<OnlyChallenger>(ALICE, at, &withdraw(1));
    let done = world.must(BOB, at, &withdraw(1));
    let event = DisputeResolved::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((event.outcome, event.bondTo), (2, BOB));
    assert_eq!(world.money(BOB), U256::from(START_BALANCE));
    world.must_refuse::<NotOpen>(JUDGE, at, &judge(1, true));
}

/// The judge judges until, and anyone has the dispute lapse from, the same second; nobody is found wrong.
#[test]
fn a_dispute_that_nobody_judges_lapses() {
    let mut world = open();
    let at = world.court();
    world.must_refuse::<UnknownDispute>(ALICE, at, &lapse(1));
    world.must(BOB, at, &raise(1, 0));
    world.must(BOB, at, &raise(1, 1));
    world.must(JUDGE, at, &judge(2, true));
    world.pass(DECISION_SECS - 1);
    world.must_refuse::<WindowStillOpen>(ALICE, at, &lapse(1));
    let mut judged = World::with_state(world.state());
    judged.must(JUDGE, at, &judge(1, false));
    judged.pass(1);
    judged.must_refuse::<NotOpen>(ALICE, at, &lapse(1));

    world.pass(1);
    world.must_refuse::<WindowOver>(JUDGE, at, &judge(1, false));
    let done = world.must(ALICE, at, &lapse(1));
    let event = DisputeResolved::decode_log(&done.logs[0]).expect("the event").data;
    let expected = DisputeResolved {
        disputeId: U256::ONE,
        assetId: U256::ONE,
        outcome: 3,
        bondTo: BOB,
        bond: U256::from(BOND),
    };
    assert_eq!(event, expected);
    assert_eq!(world.money(BOB), U256::from(START_BALANCE) - U256::from(BOND));
    world.must_refuse::<NotOpen>(ALICE, at, &lapse(1));
    world.must_refuse::<NotOpen>(BOB, at, &withdraw(1));
    // One that was judged is resolved, however late.
    world.must_refuse::<NotOpen>(ALICE, at, &lapse(2));
    world.must(ALICE, at, &resolve(2));
    assert_eq!(world.money(BOB), U256::from(START_BALANCE));
    assert_eq!(world.money(TREASURY), U256::ZERO);
}

#[test]
fn the_judge_is_the_owners_to_appoint() {
    let mut world = open();
    let at = world.court();
    let set = |to| DisputeCourt::setJudgeCall { newJudge: to };
    world.must_refuse::<OwnableUnauthorizedAccount>(JUDGE, at, &set(ALICE));
    world.must_refuse::<InvalidAccount>(DEPLOYER, at, &set(Address::ZERO));
    world.must_refuse::<InvalidAccount>(DEPLOYER, at, &set(at));
    let done = world.must(DEPLOYER, at, &set(ALICE));
    let event = JudgeChanged::decode_log(&done.logs[0]).expect("the event");
    assert_eq!((event.previous, event.current), (JUDGE, ALICE));
    world.must(BOB, at, &raise(1, 0));
    world.must_refuse::<OnlyJudge>(JUDGE, at, &judge(1, true));
    world.must(ALICE, at, &judge(1, false));
}

#[test]
fn a_court_is_deployed_within_bounds() {
    let mut world = World::new();
    let good = court_arguments(world.at.asset_registry, world.at.test_usd);
    let mut refusal = |change: &dyn Fn(&mut DisputeCourt::CourtConfig)| {
        let mut arguments = good.clone();
        change(&mut arguments.config);
        let outcome = world.try_create("DisputeCourt", &arguments.abi_encode());
        outcome.expect_err("a refusal")
    };
    assert!(refusal(&|config| config.appealWindowSecs = 0).is::<InvalidWindow>());
    assert!(refusal(&|config| config.appealWindowSecs = 30 * 86_400 + 1).is::<InvalidWindow>());
    assert!(refusal(&|config| config.bond = U256::ZERO).is::<InvalidBond>());
    assert!(refusal(&|config| config.treasury = Address::ZERO).is::<InvalidAccount>());
    assert!(refusal(&|config| config.judge = Address::ZERO).is::<InvalidAccount>());
}

/// A bond is there in full, and leaves once, whatever its token does.
#[test]
fn hostile_bond_tokens_gain_nothing() {
    let mut world = open();
    let arguments = court_arguments(world.at.asset_registry, world.fee_token);
    let at = world.create("DisputeCourt", &arguments.abi_encode());
    world.approve_all(BOB, at);
    world.must_refuse::<TransferNotExact>(BOB, at, &raise(1, 0));

    let token = world.reentrant_token;
    let arguments = court_arguments(world.at.asset_registry, token);
    let at = world.create("DisputeCourt", &arguments.abi_encode());
    world.approve_all(BOB, at);
    for _ in 0..3 {
        world.must(BOB, at, &raise(1, 0));
    }
    world.must(JUDGE, at, &judge(2, true));
    world.must(JUDGE, at, &judge(3, true));
    world.pass(DECISION_SECS);
    for payload in [
        lapse(1).abi_encode(),
        resolve(3).abi_encode(),
        resolve(2).abi_encode(),
        raise(1, 0).abi_encode(),
    ] {
        let arm = TestToken::armCall {
            target: at,
            payload: payload.into(),
        };
        world.must(BOB, token, &arm);
        world.must_refuse::<ReentrancyGuardReentrantCall>(BOB, at, &resolve(2));
        world.must_refuse::<ReentrancyGuardReentrantCall>(BOB, at, &withdraw(1));
        world.must_refuse::<ReentrancyGuardReentrantCall>(BOB, at, &lapse(1));
        world.must_refuse::<ReentrancyGuardReentrantCall>(BOB, at, &raise(1, 0));
    }
    assert_eq!(world.balance(token, at), U256::from(3 * BOND));
}

#[derive(Clone, Debug)]
enum Op {
    Raise { by: usize, asset: u64 },
    Judge { by: usize, dispute: u64, upheld: bool },
    Overrule { by: usize, dispute: u64, upheld: bool },
    Resolve { by: usize, dispute: u64 },
    Withdraw { by: usize, dispute: u64 },
    Lapse { by: usize, dispute: u64 },
    Pass { secs: u64 },
}

fn ops() -> impl Strategy<Value = Op> {
    let by = || 0..ACTORS.len();
    let judge = prop_oneof![5 => 4..5_usize, 1 => by()];
    let owner = prop_oneof![5 => 5..6_usize, 1 => by()];
    let dispute = || 1..6_u64;
    prop_oneof![
        3 => (by(), 0..4_u64).prop_map(|(by, asset)| Op::Raise { by, asset }),
        4 => (judge, dispute(), any::<bool>()).prop_map(|(by, dispute, upheld)| Op::Judge { by, dispute, upheld }),
        2 => (owner, dispute(), any::<bool>()).prop_map(|(by, dispute, upheld)| Op::Overrule { by, dispute, upheld }),
        4 => (by(), dispute()).prop_map(|(by, dispute)| Op::Resolve { by, dispute }),
        2 => (by(), dispute()).prop_map(|(by, dispute)| Op::Withdraw { by, dispute }),
        2 => (by(), dispute()).prop_map(|(by, dispute)| Op::Lapse { by, dispute }),
        3 => (1..APPEAL_SECS + 1).prop_map(|secs| Op::Pass { secs }),
        1 => (DECISION_SECS - APPEAL_SECS..DECISION_SECS + 1).prop_map(|secs| Op::Pass { secs }),
    ]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open { judgeable_until: u64 },
    Judged { upheld: bool, resolvable_at: u64 },
    Over { bond_to: Address },
}

/// The court, the obvious way: who raised each dispute, and how far it is. Ids are places in the list, from 1.
#[derive(Default)]
struct Model(Vec<(Address, Stage)>);

#[test]
fn the_court_does_what_the_model_says() {
    let coverage = Coverage::new();
    for_all(160, &vec(ops(), 1..60), |ops| {
        let mut world = open();
        let mut model = Model::default();
        for op in &ops {
            if let Some(outcome) = model.step(&mut world, op) {
                coverage.saw(outcome);
            }
            model.compare(&mut world);
        }
    });
    let steps = ["raise", "judge", "overrule", "resolve", "withdraw", "lapse"];
    coverage.require(&steps.map(|step| (step, true)));
    coverage.require(&steps.map(|step| (step, false)));
}

fn caller(by: usize) -> Address {
    ACTORS
        .get(by)
        .copied()
        .unwrap_or(if by == 4 { JUDGE } else { DEPLOYER })
}

impl Model {
    fn stage(&self, dispute: u64) -> Result<(Address, Stage), [u8; 4]> {
        let found = self.0.get(dispute as usize - 1).copied();
        found.ok_or(<UnknownDispute as alloy::sol_types::SolError>::SELECTOR)
    }

    /// Until when an open dispute is judged.
    fn open(&self, dispute: u64) -> Result<u64, [u8; 4]> {
        match self.stage(dispute)?.1 {
            Stage::Open { judgeable_until } => Ok(judgeable_until),
            _ => Err(<NotOpen as alloy::sol_types::SolError>::SELECTOR),
        }
    }

    fn may_judge(&self, by: Address, dispute: u64, now: u64) -> Expected {
        ensure::<OnlyJudge>(by == JUDGE)?;
        ensure::<WindowOver>(now < self.open(dispute)?)
    }

    fn may_lapse(&self, dispute: u64, now: u64) -> Expected {
        ensure::<WindowStillOpen>(now >= self.open(dispute)?)
    }

    fn judged(&self, dispute: u64) -> Result<(bool, u64), [u8; 4]> {
        match self.stage(dispute)?.1 {
            Stage::Judged { upheld, resolvable_at } => Ok((upheld, resolvable_at)),
            _ => Err(<NotJudged as alloy::sol_types::SolError>::SELECTOR),
        }
    }

    fn may_overrule(&self, by: Address, dispute: u64, upheld: bool, now: u64) -> Expected {
        ensure::<OwnableUnauthorizedAccount>(by == DEPLOYER)?;
        let (before, resolvable_at) = self.judged(dispute)?;
        ensure::<WindowOver>(now < resolvable_at)?;
        ensure::<SameRuling>(before != upheld)
    }

    fn may_resolve(&self, dispute: u64, now: u64) -> Expected {
        ensure::<WindowStillOpen>(now >= self.judged(dispute)?.1)
    }

    fn may_withdraw(&self, by: Address, dispute: u64) -> Expected {
        self.open(dispute)?;
        ensure::<OnlyChallenger>(self.stage(dispute)?.0 == by)
    }

    fn step(&mut self, world: &mut World, op: &Op) -> Option<(&'static str, bool)> {
        let (at, now) = (world.court(), world.now_secs());
        match *op {
            Op::Raise { by, asset } => {
                let expected = ensure::<UnknownAsset>((1..=2).contains(&asset));
                let went = world.expect(caller(by), at, &raise(asset, 0), expected).is_some();
                if went {
                    let judgeable_until = now + DECISION_SECS;
                    self.0.push((caller(by), Stage::Open { judgeable_until }));
                }
                Some(("raise", went))
            }
            Op::Judge { by, dispute, upheld } => {
                let expected = self.may_judge(caller(by), dispute, now);
                let resolvable_at = now + APPEAL_SECS;
                let went = world
                    .expect(caller(by), at, &judge(dispute, upheld), expected)
                    .is_some();
                Some((
                    "judge",
                    self.set(went, dispute, Stage::Judged { upheld, resolvable_at }),
                ))
            }
            Op::Overrule { by, dispute, upheld } => {
                let expected = self.may_overrule(caller(by), dispute, upheld, now);
                let resolvable_at = self.judged(dispute).map_or(0, |(_, end)| end);
                let went = world
                    .expect(caller(by), at, &overrule(dispute, upheld), expected)
                    .is_some();
                Some((
                    "overrule",
                    self.set(went, dispute, Stage::Judged { upheld, resolvable_at }),
                ))
            }
            Op::Resolve { by, dispute } => {
                let expected = self.may_resolve(dispute, now);
                let went = world.expect(caller(by), at, &resolve(dispute), expected).is_some();
                let upheld = self.judged(dispute).is_ok_and(|(upheld, _)| upheld);
                let challenger = self.stage(dispute).map_or(TREASURY, |(by, _)| by);
                let bond_to = if upheld { challenger } else { TREASURY };
                Some(("resolve", self.set(went, dispute, Stage::Over { bond_to })))
            }
            Op::Withdraw { by, dispute } => {
                let expected = self.may_withdraw(caller(by), dispute);
                let went = world.expect(caller(by), at, &withdraw(dispute), expected).is_some();
                let bond_to = caller(by);
                Some(("withdraw", self.set(went, dispute, Stage::Over { bond_to })))
            }
            Op::Lapse { by, dispute } => {
                let expected = self.may_lapse(dispute, now);
                let went = world.expect(caller(by), at, &lapse(dispute), expected).is_some();
                let bond_to = self.stage(dispute).map_or(TREASURY, |(by, _)| by);
                Some(("lapse", self.set(went, dispute, Stage::Over { bond_to })))
            }
            Op::Pass { secs } => {
                world.pass(secs);
                None
            }
        }
    }

    fn set(&mut self, went: bool, dispute: u64, stage: Stage) -> bool {
        if went {
            self.0[dispute as usize - 1].1 = stage;
        }
        went
    }

    fn compare(&self, world: &mut World) {
        let at = world.court();
        let waiting = self
            .0
            .iter()
            .filter(|(_, stage)| !matches!(stage, Stage::Over { .. }))
            .count() as u64;
        assert_eq!(
            world.money(at),
            U256::from(waiting * BOND),
            "the court holds the bonds that wait"
        );
        assert_eq!(
            world.view(at, &DisputeCourt::bondsHeldCall {}),
            U256::from(waiting * BOND)
        );
        let paid_to = |account| {
            let over = |(_, stage): &&(Address, Stage)| *stage == Stage::Over { bond_to: account };
            self.0.iter().filter(over).count() as u64 * BOND
        };
        for actor in ACTORS {
            let put_up = self.0.iter().filter(|(by, _)| *by == actor).count() as u64 * BOND;
            let expected = START_BALANCE as u64 - put_up + paid_to(actor);
            assert_eq!(world.money(actor), U256::from(expected));
        }
        assert_eq!(world.money(TREASURY), U256::from(paid_to(TREASURY)));
    }
}

//! A random walk beside a naive model, which says of every call whether it goes through, and if not why.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, U256};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use souk_contracts::PayoutDistributor::{
    self, DisputeOpen, InvalidProof, NotDisputed, NotPending, NothingToClaim, OnlyProposer, OwnableUnauthorizedAccount,
    WindowOver, WindowStillOpen, WrongEpoch,
};

use super::tree::{Entry, Tree};
use super::{claim, claim_all, dispute, finalise, lapse, open, propose, resolve, withdraw};
use crate::property::{Coverage, for_all};
use crate::wired::{BOND, DECISION_SECS, DISPUTE_SECS, Expected, PROPOSER, TREASURY, ensure, refused};
use crate::world::{ACTORS, DEPLOYER, START_BALANCE, World};

/// Who acts: the actors, then the proposer and the owner.
const CALLERS: usize = ACTORS.len() + 2;

#[derive(Clone, Debug)]
enum Op {
    /// Revenue arrives, and the account has earned it.
    Earn {
        account: usize,
        token: usize,
        amount: u64,
    },
    /// A root over what was earned, as the epoch after the last finalised or one beside it.
    Propose {
        by: usize,
        beside: u64,
    },
    /// The rest name the root that waits, or one that does not.
    Dispute {
        by: usize,
        right: bool,
    },
    Resolve {
        by: usize,
        right: bool,
        upheld: bool,
    },
    Withdraw {
        by: usize,
        right: bool,
    },
    Lapse {
        by: usize,
        right: bool,
    },
    Finalise {
        by: usize,
        right: bool,
    },
    /// A claim against the finalised tree, the one before, or with something changed.
    Claim {
        by: usize,
        place: usize,
        lie: Lie,
    },
    ClaimAll,
    Pass {
        secs: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lie {
    None,
    More,
    AnotherAccount,
    AnotherToken,
    AnotherProof,
    BeforeTheLast,
    Unfinalised,
}

fn lies() -> impl Strategy<Value = Lie> {
    prop_oneof![
        6 => Just(Lie::None),
        1 => Just(Lie::More),
        1 => Just(Lie::AnotherAccount),
        1 => Just(Lie::AnotherToken),
        1 => Just(Lie::AnotherProof),
        2 => Just(Lie::BeforeTheLast),
        2 => Just(Lie::Unfinalised),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    let by = || 0..CALLERS;
    let proposer = || prop_oneof![4 => ACTORS.len()..ACTORS.len() + 1, 1 => by()];
    let owner = || prop_oneof![4 => ACTORS.len() + 1..CALLERS, 1 => by()];
    let right = || prop_oneof![5 => Just(true), 1 => Just(false)];
    let secs = prop_oneof![
        1 => 1..DISPUTE_SECS,
        2 => DISPUTE_SECS - 1..DISPUTE_SECS + 2,
        2 => DECISION_SECS - DISPUTE_SECS..DECISION_SECS + 1,
    ];
    prop_oneof![
        4 => (0..ACTORS.len(), 0..3_usize, 1..10_000_u64)
            .prop_map(|(account, token, amount)| Op::Earn { account, token, amount }),
        4 => (proposer(), prop_oneof![5 => 1..2_u64, 1 => 0..4_u64]).prop_map(|(by, beside)| Op::Propose { by, beside }),
        3 => (0..ACTORS.len(), right()).prop_map(|(by, right)| Op::Dispute { by, right }),
        1 => (by(), right()).prop_map(|(by, right)| Op::Dispute { by, right }),
        2 => (owner(), right(), any::<bool>()).prop_map(|(by, right, upheld)| Op::Resolve { by, right, upheld }),
        1 => (proposer(), right()).prop_map(|(by, right)| Op::Withdraw { by, right }),
        4 => (by(), right()).prop_map(|(by, right)| Op::Lapse { by, right }),
        5 => (by(), right()).prop_map(|(by, right)| Op::Finalise { by, right }),
        12 => (by(), 0..12_usize, lies()).prop_map(|(by, place, lie)| Op::Claim { by, place, lie }),
        1 => Just(Op::ClaimAll),
        5 => secs.prop_map(|secs| Op::Pass { secs }),
    ]
}

/// What waits: its tree, when it can be finalised, and who put a bond up against it.
#[derive(Clone)]
struct Waiting {
    tree: Tree,
    finalisable_at: u64,
    /// With the time until which that is decided.
    disputer: Option<(Address, u64)>,
}

type Ledger = BTreeMap<(Address, Address), U256>;

/// The distributor, the obvious way.
#[derive(Default)]
struct Model {
    earned: Ledger,
    claimed: Ledger,
    arrived: BTreeMap<Address, U256>,
    epoch: u64,
    finalised: Tree,
    before: Tree,
    waiting: Option<Waiting>,
    lost_bonds: u64,
}

/// PAY-3, where the money is: a finalised amount never falls. So a claim never pays twice, and a new root never loses an unclaimed amount.
#[test]
fn the_distributor_does_what_the_model_says() {
    let coverage = Coverage::new();
    for_all(160, &vec(ops(), 20..90), |ops| {
        let mut world = open();
        let mut model = Model::default();
        for op in &ops {
            model.step(&mut world, op, &coverage);
            model.compare(&mut world);
        }
        model.pay_everybody(&mut world);
    });
    let steps = ["propose", "dispute", "resolve", "withdraw", "lapse", "finalise"];
    coverage.require(&steps.map(|step| (step, Lie::None, true)));
    coverage.require(&steps.map(|step| (step, Lie::None, false)));
    coverage.require(&[("claim", Lie::None, true), ("claim", Lie::None, false)]);
    let lies = [
        Lie::More,
        Lie::AnotherAccount,
        Lie::AnotherToken,
        Lie::AnotherProof,
        Lie::BeforeTheLast,
        Lie::Unfinalised,
    ];
    coverage.require(&lies.map(|lie| ("claim", lie, false)));
}

fn caller(by: usize) -> Address {
    let roles = [PROPOSER, DEPLOYER];
    ACTORS.get(by).copied().unwrap_or_else(|| roles[by - ACTORS.len()])
}

impl Model {
    fn step(&mut self, world: &mut World, op: &Op, coverage: &Coverage<(&'static str, Lie, bool)>) {
        let at = world.distributor();
        match *op {
            Op::Earn { account, token, amount } => {
                let token = world.tokens()[token];
                let arrived = world.earn(ACTORS[0], token, amount);
                *self.arrived.entry(token).or_default() += arrived;
                *self.earned.entry((ACTORS[account], token)).or_default() += arrived;
                world.mine(1);
            }
            Op::Propose { by, beside } => {
                let tree = self.tree();
                if tree.entries.is_empty() {
                    return;
                }
                let (by, epoch) = (caller(by), self.epoch + beside);
                let expected = ensure::<OnlyProposer>(by == PROPOSER).and(ensure::<WrongEpoch>(beside == 1));
                let call = propose(epoch, tree.root(), world.block() - 1);
                let went = world.expect(by, at, &call, expected).is_some();
                coverage.saw(("propose", Lie::None, went));
                if went {
                    let finalisable_at = world.now_secs() + DISPUTE_SECS;
                    let disputer = None;
                    self.waiting = Some(Waiting {
                        tree,
                        finalisable_at,
                        disputer,
                    });
                }
            }
            Op::Claim { by, place, lie } => self.claim(world, caller(by), place, lie, coverage),
            Op::ClaimAll => {
                if world
                    .expect(DEPLOYER, at, &claim_all(&self.finalised), Ok(()))
                    .is_some()
                {
                    for entry in &self.finalised.entries {
                        self.claimed.insert((entry.account, entry.token), entry.cumulative);
                    }
                }
            }
            Op::Pass { secs } => world.pass(secs),
            _ => self.step_of_a_root(world, op, coverage),
        }
    }

    fn step_of_a_root(&mut self, world: &mut World, op: &Op, coverage: &Coverage<(&'static str, Lie, bool)>) {
        let (at, now, epoch) = (world.distributor(), world.now_secs(), self.epoch + 1);
        let root = |right: bool| match &self.waiting {
            Some(waiting) if right => waiting.tree.root(),
            _ => B256::repeat_byte(0x99),
        };
        let pending = |right: bool| ensure::<NotPending>(right && self.waiting.is_some());
        let waits = self.waiting.as_ref();
        let end = waits.map_or(0, |waiting| waiting.finalisable_at);
        let disputed = waits.is_some_and(|waiting| waiting.disputer.is_some());
        let decidable_until = waits.and_then(|waiting| waiting.disputer).map_or(0, |(_, end)| end);
        match *op {
            Op::Dispute { by, right } => {
                let expected = pending(right)
                    .and(ensure::<WindowOver>(now < end))
                    .and(ensure::<DisputeOpen>(!disputed));
                let went = world.expect(
                    caller(by),
                    at,
                    &dispute(epoch, root(right)),
                    self.with_bond(by, expected),
                );
                coverage.saw(("dispute", Lie::None, went.is_some()));
                if let (Some(_), Some(waiting)) = (went, self.waiting.as_mut()) {
                    waiting.disputer = Some((caller(by), now + DECISION_SECS));
                }
            }
            Op::Resolve { by, right, upheld } => {
                let expected = ensure::<OwnableUnauthorizedAccount>(caller(by) == DEPLOYER)
                    .and(pending(right))
                    .and(ensure::<NotDisputed>(disputed))
                    .and(ensure::<WindowOver>(now < decidable_until));
                let went = world.expect(caller(by), at, &resolve(epoch, root(right), upheld), expected);
                coverage.saw(("resolve", Lie::None, went.is_some()));
                if let (Some(_), Some(waiting)) = (went, self.waiting.as_mut()) {
                    waiting.disputer = None;
                    self.lost_bonds += u64::from(!upheld);
                    if upheld {
                        self.waiting = None;
                    }
                }
            }
            Op::Lapse { by, right } => {
                let expected = pending(right)
                    .and(ensure::<NotDisputed>(disputed))
                    .and(ensure::<WindowStillOpen>(now >= decidable_until));
                let went = world.expect(caller(by), at, &lapse(epoch, root(right)), expected);
                coverage.saw(("lapse", Lie::None, went.is_some()));
                if went.is_some() {
                    self.waiting = None;
                }
            }
            Op::Withdraw { by, right } => {
                let expected = ensure::<OnlyProposer>(caller(by) == PROPOSER).and(pending(right));
                let went = world.expect(caller(by), at, &withdraw(epoch, root(right)), expected);
                coverage.saw(("withdraw", Lie::None, went.is_some()));
                if went.is_some() {
                    self.waiting = None;
                }
            }
            Op::Finalise { by, right } => {
                let expected = pending(right)
                    .and(ensure::<DisputeOpen>(!disputed))
                    .and(ensure::<WindowStillOpen>(now >= end));
                let went = world.expect(caller(by), at, &finalise(epoch, root(right)), expected);
                coverage.saw(("finalise", Lie::None, went.is_some()));
                if went.is_some() {
                    let waiting = self.waiting.take().expect("what was finalised had waited");
                    self.before = std::mem::replace(&mut self.finalised, waiting.tree);
                    self.epoch = epoch;
                    world.mine(1);
                }
            }
            _ => unreachable!("the other steps are taken elsewhere"),
        }
    }

    /// The proposer and the owner have no dollars and approved nobody.
    fn with_bond(&self, by: usize, expected: Expected) -> Expected {
        let has_bond = by < ACTORS.len();
        expected.and(ensure::<souk_contracts::TestUSD::ERC20InsufficientAllowance>(has_bond))
    }

    fn claim(
        &mut self,
        world: &mut World,
        by: Address,
        place: usize,
        lie: Lie,
        coverage: &Coverage<(&'static str, Lie, bool)>,
    ) {
        let unfinalised = self.waiting.as_ref().map(|waiting| &waiting.tree);
        let tree = match lie {
            Lie::BeforeTheLast => Some(&self.before),
            Lie::Unfinalised => unfinalised,
            _ => Some(&self.finalised),
        };
        let Some(tree) = tree.filter(|tree| !tree.entries.is_empty()) else {
            return;
        };
        let place = place % tree.entries.len();
        let mut entry: Entry = tree.entries[place];
        let mut proof = tree.proof(place);
        match lie {
            Lie::More => entry.cumulative += U256::ONE,
            Lie::AnotherAccount => entry.account = Address::repeat_byte(0x66),
            Lie::AnotherToken => entry.token = Address::repeat_byte(0x67),
            Lie::AnotherProof => proof.push(tree.root()),
            _ => {}
        }
        // A tree that was proposed again, unchanged, proves what it always proved.
        let honest = lie == Lie::None || tree.root() == self.finalised.root() && lie >= Lie::BeforeTheLast;
        let key = (entry.account, entry.token);
        let paid = self.claimed.get(&key).copied().unwrap_or_default();
        let expected = if !honest {
            refused::<InvalidProof>()
        } else {
            ensure::<NothingToClaim>(entry.cumulative > paid)
        };
        let done = world.expect(by, world.distributor(), &claim(entry, proof), expected);
        coverage.saw(("claim", if honest { Lie::None } else { lie }, done.is_some()));
        if let Some(done) = done {
            assert_eq!(done.value, entry.cumulative - paid);
            self.claimed.insert(key, entry.cumulative);
        }
    }

    /// What everybody earned up to now.
    fn tree(&self) -> Tree {
        let entry = |(&(account, token), &cumulative): (&(Address, Address), &U256)| Entry {
            account,
            token,
            cumulative,
        };
        Tree {
            entries: self.earned.iter().map(entry).collect(),
        }
    }

    fn compare(&self, world: &mut World) {
        let at = world.distributor();
        let bonds = u64::from(self.waiting.as_ref().is_some_and(|waiting| waiting.disputer.is_some())) * BOND;
        assert_eq!(world.view(at, &PayoutDistributor::bondsHeldCall {}), U256::from(bonds));
        for token in world.tokens() {
            let arrived = self.arrived.get(&token).copied().unwrap_or_default();
            let of_token = self.claimed.iter().filter(|((_, of), _)| *of == token);
            let paid: U256 = of_token.map(|(_, amount)| *amount).sum();
            let held = if token == world.at.test_usd {
                U256::from(bonds)
            } else {
                U256::ZERO
            };
            assert_eq!(
                world.balance(token, at),
                arrived - paid + held,
                "what arrived is here or was paid"
            );
        }
        // This token is neither of bonds nor shrinks on its way; the first actor is who pays all revenue.
        let token = world.reentrant_token;
        for actor in ACTORS {
            let paid = self.claimed.get(&(actor, token)).copied().unwrap_or_default();
            let arrived = self.arrived.get(&token).copied().unwrap_or_default();
            let spent = if actor == ACTORS[0] { arrived } else { U256::ZERO };
            assert_eq!(
                world.balance(token, actor),
                U256::from(START_BALANCE) - spent + paid,
                "paid to the account"
            );
        }
        assert_eq!(world.dollars(TREASURY), U256::from(self.lost_bonds * BOND));
        let root = self.waiting.as_ref().map(|waiting| waiting.tree.root());
        assert_eq!(world.pending().root, root.unwrap_or_default());
        assert_eq!(
            world.view(at, &PayoutDistributor::finalisedRootCall {}),
            self.finalised.root()
        );
        for (&(account, token), &amount) in &self.claimed {
            let call = PayoutDistributor::claimedCall { account, token };
            assert_eq!(world.view(at, &call), amount);
        }
    }

    /// A last root over everything: each is paid what they earned, whatever was claimed or lost on the way.
    fn pay_everybody(&mut self, world: &mut World) {
        let (at, epoch) = (world.distributor(), self.epoch + 1);
        let tree = self.tree();
        if tree.entries.is_empty() {
            return;
        }
        world.mine(1);
        world.must(PROPOSER, at, &propose(epoch, tree.root(), world.block() - 1));
        world.pass(DISPUTE_SECS);
        world.must(ACTORS[0], at, &finalise(epoch, tree.root()));
        world.must(ACTORS[0], at, &claim_all(&tree));
        for (token, _) in self.arrived.clone() {
            assert_eq!(
                world.balance(token, at),
                U256::ZERO,
                "everything was earned by somebody"
            );
        }
    }
}

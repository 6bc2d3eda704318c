//! The distributor: examples of each rule, and a random walk of honest and hostile callers beside a naive model.
//!
//! Start at [`walk`].

mod claims;
mod roots;
mod tree;
mod walk;

use alloy::primitives::{Address, B256, U256};
use souk_contracts::PayoutDistributor::{self, PendingRoot};
use souk_contracts::RevenueRouter;

use crate::wired::{DISPUTE_SECS, PROPOSER};
use crate::world::{ACTORS, DEPLOYER, START_BLOCK, World};
use tree::{Entry, Tree};

/// Any text would do.
const REASON: &str = "the payee of revenue 7 is another";

fn propose(epoch: u64, root: B256, block: u64) -> PayoutDistributor::proposeRootCall {
    PayoutDistributor::proposeRootCall {
        epoch,
        root,
        blockNumber: block,
        blockHash: B256::repeat_byte(0xbb),
    }
}

fn dispute(epoch: u64, root: B256) -> PayoutDistributor::disputeRootCall {
    let reason = REASON.into();
    PayoutDistributor::disputeRootCall { epoch, root, reason }
}

fn resolve(epoch: u64, root: B256, upheld: bool) -> PayoutDistributor::resolveDisputeCall {
    PayoutDistributor::resolveDisputeCall { epoch, root, upheld }
}

fn lapse(epoch: u64, root: B256) -> PayoutDistributor::lapseDisputeCall {
    PayoutDistributor::lapseDisputeCall { epoch, root }
}

fn withdraw(epoch: u64, root: B256) -> PayoutDistributor::withdrawRootCall {
    PayoutDistributor::withdrawRootCall { epoch, root }
}

fn finalise(epoch: u64, root: B256) -> PayoutDistributor::finaliseRootCall {
    PayoutDistributor::finaliseRootCall { epoch, root }
}

fn claim(entry: Entry, proof: Vec<B256>) -> PayoutDistributor::claimCall {
    PayoutDistributor::claimCall {
        account: entry.account,
        token: entry.token,
        cumulative: entry.cumulative,
        proof,
    }
}

/// The claim of the entry at `place`.
fn claim_of(tree: &Tree, place: usize) -> PayoutDistributor::claimCall {
    claim(tree.entries[place], tree.proof(place))
}

/// Everything as one batch, in order.
fn claim_all(tree: &Tree) -> PayoutDistributor::claimBatchCall {
    let claim = |place: usize| {
        let entry = tree.entries[place];
        PayoutDistributor::Claim {
            account: entry.account,
            token: entry.token,
            cumulative: entry.cumulative,
            proof: tree.proof(place),
        }
    };
    PayoutDistributor::claimBatchCall {
        claims: (0..tree.entries.len()).map(claim).collect(),
    }
}

/// A world whose router pays the distributor, with one asset, and whose accounts can put up bonds.
fn open() -> World {
    let mut world = World::new();
    let distributor = world.distributor();
    let set = RevenueRouter::setDistributorCall {
        newDistributor: distributor,
    };
    world.must(DEPLOYER, world.at.revenue_router, &set);
    world.register(ACTORS[0]);
    for actor in ACTORS {
        world.approve_all(actor, distributor);
    }
    world.mine(1);
    world
}

impl World {
    fn distributor(&self) -> Address {
        self.at.payout_distributor.expect("a deployment has a distributor")
    }

    fn pending(&mut self) -> PendingRoot {
        self.view(self.distributor(), &PayoutDistributor::pendingRootCall {})
    }

    /// Pays the asset; what arrived at the distributor.
    fn earn(&mut self, payer: Address, token: Address, amount: u64) -> U256 {
        let distributor = self.distributor();
        let before = self.balance(token, distributor);
        let pay = RevenueRouter::payCall {
            assetId: U256::ONE,
            token,
            amount: U256::from(amount),
            reason: 1,
            r#ref: B256::ZERO,
        };
        self.must(payer, self.at.revenue_router, &pay);
        self.balance(token, distributor) - before
    }

    /// Has the tree's root finalised as the next epoch.
    fn finalised(&mut self, tree: &Tree) -> u64 {
        let distributor = self.distributor();
        let epoch = 1 + self.view(distributor, &PayoutDistributor::finalisedEpochCall {});
        let block = self.block() - 1;
        self.must(PROPOSER, distributor, &propose(epoch, tree.root(), block));
        self.pass(DISPUTE_SECS);
        self.must(ACTORS[0], distributor, &finalise(epoch, tree.root()));
        self.mine(1);
        epoch
    }

    fn dollars(&mut self, account: Address) -> U256 {
        self.balance(self.at.test_usd, account)
    }
}

/// A tree in which these accounts earned these amounts of one token.
fn tree_of(token: Address, amounts: &[(Address, u64)]) -> Tree {
    let entry = |&(account, amount): &(Address, u64)| Entry {
        account,
        token,
        cumulative: U256::from(amount),
    };
    Tree {
        entries: amounts.iter().map(entry).collect(),
    }
}

/// The first block that a root can be computed at, in [`open`]'s world.
const FIRST_BLOCK: u64 = START_BLOCK;

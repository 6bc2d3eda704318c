//! Distributors that pay by Merkle claims: Morpho's universal rewards distributor, and Merkl's. Both emit the same `Claimed`, and hash
//! their leaves differently: the address says which of them it is.

use alloy::sol;
use alloy_primitives::B256;
use souk_schema::event::ForeignEvent;
use souk_schema::event::foreign::{DistributionClaimed, DistributionHalted, DistributionRootSet, LeafHash};
use souk_schema::record::RawLog;

use super::{Means, Variant, one, text};
use crate::decoder::Undecodable;

sol! {
    event Claimed(address indexed account, address indexed reward, uint256 amount);

    event RootSet(bytes32 indexed newRoot, bytes32 indexed newIpfsHash);
    event PendingRootSet(address indexed caller, bytes32 indexed newRoot, bytes32 indexed newIpfsHash);
    event PendingRootRevoked(address indexed caller);

    event TreeUpdated(bytes32 merkleRoot, bytes32 ipfsHash, uint48 endOfDisputePeriod);
    event Revoked();
    event Disputed(string reason);
    event DisputeResolved(bool valid);
}

/// Morpho's names before its first release.
mod earlier {
    alloy::sol! {
        event PendingRootSet(bytes32 indexed newRoot, bytes32 indexed newIpfsHash);
        event RootProposed(bytes32 indexed newRoot, bytes32 indexed newIpfsHash);
        event RootRevoked();
    }
}

/// A distributor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claims {
    Morpho,
    Merkl,
}

impl Claims {
    pub(super) fn variants(self) -> Vec<Variant<Claims>> {
        match self {
            Claims::Morpho => vec![
                Variant::of::<Claimed>(),
                Variant::of::<RootSet>(),
                Variant::of::<PendingRootSet>(),
                Variant::of::<PendingRootRevoked>(),
                Variant::of::<earlier::PendingRootSet>(),
                Variant::of::<earlier::RootProposed>(),
                Variant::of::<earlier::RootRevoked>(),
            ],
            Claims::Merkl => vec![
                Variant::of::<Claimed>(),
                Variant::of::<TreeUpdated>(),
                Variant::of::<Revoked>(),
                Variant::of::<Disputed>(),
                Variant::of::<DisputeResolved>(),
            ],
        }
    }

    fn leaf_hash(self) -> LeafHash {
        match self {
            Claims::Morpho => LeafHash::Double,
            Claims::Merkl => LeafHash::Single,
        }
    }

    fn root(
        self,
        log: &RawLog,
        root: B256,
        tree_hash: B256,
        pending: bool,
        effective_at: Option<u64>,
    ) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(DistributionRootSet {
            distributor: log.address,
            leaf_hash: self.leaf_hash(),
            root,
            tree_hash,
            pending,
            effective_at,
        })
    }
}

fn halted(log: &RawLog, reason: String, valid: Option<bool>) -> Result<Vec<ForeignEvent>, Undecodable> {
    one(DistributionHalted {
        distributor: log.address,
        reason: text("reason", reason)?,
        valid,
    })
}

impl Means<Claims> for Claimed {
    fn meaning(self, log: &RawLog, claims: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        one(DistributionClaimed {
            distributor: log.address,
            leaf_hash: claims.leaf_hash(),
            account: self.account,
            token: self.reward,
            amount: self.amount,
        })
    }
}

impl Means<Claims> for RootSet {
    fn meaning(self, log: &RawLog, claims: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        claims.root(log, self.newRoot, self.newIpfsHash, false, None)
    }
}

impl Means<Claims> for PendingRootSet {
    fn meaning(self, log: &RawLog, claims: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        claims.root(log, self.newRoot, self.newIpfsHash, true, None)
    }
}

impl Means<Claims> for earlier::PendingRootSet {
    fn meaning(self, log: &RawLog, claims: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        claims.root(log, self.newRoot, self.newIpfsHash, true, None)
    }
}

impl Means<Claims> for earlier::RootProposed {
    fn meaning(self, log: &RawLog, claims: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        claims.root(log, self.newRoot, self.newIpfsHash, true, None)
    }
}

impl Means<Claims> for PendingRootRevoked {
    fn meaning(self, log: &RawLog, _: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        halted(log, String::new(), None)
    }
}

impl Means<Claims> for earlier::RootRevoked {
    fn meaning(self, log: &RawLog, _: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        halted(log, String::new(), None)
    }
}

impl Means<Claims> for TreeUpdated {
    fn meaning(self, log: &RawLog, claims: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        let effective_at = Some(self.endOfDisputePeriod.to::<u64>());
        claims.root(log, self.merkleRoot, self.ipfsHash, true, effective_at)
    }
}

impl Means<Claims> for Revoked {
    fn meaning(self, log: &RawLog, _: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        halted(log, String::new(), None)
    }
}

impl Means<Claims> for Disputed {
    fn meaning(self, log: &RawLog, _: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        halted(log, self.reason, None)
    }
}

impl Means<Claims> for DisputeResolved {
    fn meaning(self, log: &RawLog, _: Claims) -> Result<Vec<ForeignEvent>, Undecodable> {
        halted(log, String::new(), Some(self.valid))
    }
}

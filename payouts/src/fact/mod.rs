//! What the fold hears of: the domain events that say who is owed what, without contracts' addresses, block by block.
//!
//! A fact is of one deployment ([`Contracts`]); the ids in it are numbers of that deployment's contracts. [`Fact::from_event`] makes facts of
//! domain events and drops those that other contracts emitted: only our registry's derivations carry royalties.

mod from_event;

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use souk_schema::E8;
use souk_schema::event::{Relation, RevenueReason, RoyaltyPolicy};
use souk_schema::id::BlockRef;

use crate::codec::{Malformed, Reader, Stored, Writer, stored};

/// The contracts of one deployment. Those that are absent were not deployed, and nothing is heard of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// `AssetRegistry`.
    pub registry: Address,
    /// `LicenseRegistry`.
    pub licenses: Address,
    /// `AssetShares`.
    pub shares: Address,
    /// `ContributionBook`.
    pub contributions: Address,
    /// `RevenueRouter`.
    pub router: Address,
    /// `PayoutDistributor`.
    pub distributor: Option<Address>,
    /// `ExchangeVault`, which holds shares and licences for others.
    pub vault: Option<Address>,
    /// `TaskBoard`, which holds the shares that tasks are rewarded with.
    pub tasks: Option<Address>,
    /// `DisputeCourt`.
    pub disputes: Option<Address>,
    /// `ExecutionLog`.
    pub executions: Option<Address>,
}

/// What of licence terms matters to payouts and to who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// May be used to earn money.
    pub commercial_use: bool,
    /// May be derived from.
    pub derivatives_allowed: bool,
    /// How the licensor takes part in derivatives' revenue.
    pub policy: RoyaltyPolicy,
    /// Its part.
    pub share: E8,
}

stored!(Terms {
    commercial_use,
    derivatives_allowed,
    policy,
    share
});

/// What can be held in fractions: shares of an asset, or units of a licence series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Holding {
    /// Shares of the asset.
    Shares(U256),
    /// Units of the series.
    License(U256),
}

/// A revenue, as the router told it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payment {
    /// Its number in the router.
    pub revenue: U256,
    /// The asset that earned it.
    pub asset: U256,
    /// Who paid.
    pub payer: Address,
    /// The ERC-20 that it was paid in.
    pub token: Address,
    /// How much, in base units.
    pub amount: U256,
    /// For what.
    pub reason: RevenueReason,
    /// The payer's own reference.
    pub reference: B256,
}

stored!(Payment {
    revenue,
    asset,
    payer,
    token,
    amount,
    reason,
    reference
});

impl Stored for Holding {
    fn put(&self, out: &mut Writer) {
        let (is_shares, id) = match self {
            Holding::Shares(id) => (true, id),
            Holding::License(id) => (false, id),
        };
        is_shares.put(out);
        id.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        let is_shares = bool::take(input)?;
        let id = Stored::take(input)?;
        Ok(if is_shares {
            Holding::Shares(id)
        } else {
            Holding::License(id)
        })
    }
}

/// A domain event as far as payouts depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// An asset came to be.
    AssetRegistered {
        /// The asset.
        asset: U256,
        /// Its first owner.
        owner: Address,
        /// The contributors' part of what it keeps or receives.
        contributor_share: E8,
    },
    /// An asset has another owner.
    AssetMoved {
        /// The asset.
        asset: U256,
        /// Its owner from now on.
        to: Address,
    },
    /// A child's owner declared a parent.
    DerivationDeclared {
        /// The derived asset.
        child: U256,
        /// What it was made from.
        parent: U256,
        /// How.
        relation: Relation,
        /// The series of the parent that allowed it; 0 for none.
        license: U256,
    },
    /// Terms were registered.
    LicenseTermsRegistered {
        /// Their id.
        terms_id: U256,
        /// The terms.
        terms: Terms,
    },
    /// An asset is offered under terms.
    LicenseTermsAttached {
        /// The asset.
        asset: U256,
        /// The terms.
        terms_id: U256,
    },
    /// Units of a series were minted; where they went, a [`Fact::Moved`] says.
    LicenseMinted {
        /// The series.
        series: U256,
        /// The licensed asset.
        asset: U256,
        /// The terms.
        terms_id: U256,
        /// Unix time in seconds at which the series ends, exclusive; 0 never.
        expires_at: u64,
    },
    /// A whole series was revoked.
    LicenseRevoked {
        /// The series.
        series: U256,
    },
    /// An asset's shares were issued; where they went, [`Fact::Moved`]s say.
    SharesIssued {
        /// The asset.
        asset: U256,
    },
    /// Shares or licences moved; mints come from, burns go to, the zero address.
    Moved {
        /// What moved.
        what: Holding,
        /// The sender.
        from: Address,
        /// The receiver.
        to: Address,
        /// How much.
        amount: U256,
    },
    /// An account has more in the vault.
    VaultCredited {
        /// Of what.
        what: Holding,
        /// The account.
        account: Address,
        /// How much more.
        amount: U256,
    },
    /// An account has less in the vault.
    VaultDebited {
        /// Of what.
        what: Holding,
        /// The account.
        account: Address,
        /// How much less.
        amount: U256,
    },
    /// A market of shares or licences is settled in the vault.
    VaultMarketListed {
        /// The market.
        market: B256,
        /// What is traded.
        base: Holding,
    },
    /// A trade moved what a market trades; of a market that was not heard of, it moved something else.
    VaultFilled {
        /// The market.
        market: B256,
        /// Who has more.
        buyer: Address,
        /// Who has less.
        seller: Address,
        /// How much of the base.
        base_amount: U256,
    },
    /// Shares were put in escrow for a task.
    SharesEscrowed {
        /// The task.
        task: U256,
        /// Whose shares.
        asset: U256,
        /// Whose they are until they are paid out.
        poster: Address,
        /// How many for each accepted submission.
        reward: U256,
        /// How many submissions may be accepted.
        places: u32,
    },
    /// Shares left a task's escrow, as a reward or back to the poster; of a task that was not heard of, something else did.
    EscrowReleased {
        /// The task.
        task: U256,
        /// How many.
        amount: U256,
    },
    /// A contribution was recorded.
    ContributionRecorded {
        /// Its id.
        contribution: U256,
        /// What it was made to.
        asset: U256,
        /// By whom.
        contributor: Address,
        /// Its weight.
        weight: U256,
    },
    /// A contribution no longer counts.
    ContributionVoided {
        /// Its id.
        contribution: U256,
        /// What it was made to.
        asset: U256,
    },
    /// A payment arrived for an asset, and went on to the distributor that the router paid then.
    RevenueReceived(Payment),
    /// The router pays another distributor from here on.
    DistributorChanged {
        /// The distributor.
        to: Address,
    },
    /// The protocol takes another part of revenues from here on.
    ProtocolFeeChanged {
        /// The part.
        share: E8,
        /// Whose it is.
        account: Address,
    },
    /// A dispute over an asset was raised.
    DisputeRaised {
        /// The dispute.
        dispute: U256,
        /// The asset.
        asset: U256,
    },
    /// A dispute over an asset is over.
    DisputeResolved {
        /// The dispute.
        dispute: U256,
        /// Whether the challenger was right; it was not if it withdrew.
        upheld: bool,
    },
    /// An execution was challenged.
    ExecutionChallenged {
        /// The challenge.
        challenge: U256,
        /// The execution.
        execution: U256,
    },
    /// A challenge is over.
    ChallengeResolved {
        /// The challenge.
        challenge: U256,
        /// Whether the challenger was right.
        upheld: bool,
        /// The contribution that no longer counts, if one was recorded.
        voided: Option<U256>,
    },
    /// A root was proposed.
    RootProposed {
        /// The epoch.
        epoch: u64,
        /// The root.
        root: B256,
        /// The block that it was computed at.
        computed_at: BlockRef,
    },
    /// A pending root is gone, by its proposer or by a dispute.
    RootDropped {
        /// The epoch.
        epoch: u64,
    },
    /// A root is what claims are proved against.
    RootFinalised {
        /// The epoch.
        epoch: u64,
        /// The root.
        root: B256,
    },
    /// An account was paid.
    PayoutClaimed {
        /// Who was paid.
        account: Address,
        /// The ERC-20.
        token: Address,
        /// How much it was ever paid, this claim included.
        cumulative: U256,
    },
}

/// One block's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockFacts {
    /// Number and hash.
    pub block: BlockRef,
    /// Unix time in seconds.
    pub timestamp: u64,
    /// The facts with the index of the log that each came from, by rising index.
    pub facts: Vec<(u32, Fact)>,
}

//! What an account is owed in each token, and what it shows to be paid.

use async_graphql::{Object, SimpleObject};

use super::Deployment;
use super::list::page_of;
use crate::error::ApiError;
use crate::graphql::connection::{Connection, PageArguments};
use crate::payouts::sheet;
use crate::scalars::{Address, AssetId, BigInt, Bytes32, ChainId, Long};
use crate::session::{Pin, Session};

/// What an account is owed by a deployment in one token.
#[derive(Clone)]
pub struct AccountPayout {
    deployment: Deployment,
    distributor: Option<Address>,
    account: Address,
    owed: sheet::Owed,
}

/// What is owed to an account, by token.
pub(in crate::graphql) async fn payouts_of(
    session: &Session,
    pin: Pin,
    (chain, account): (ChainId, Address),
    (registry, token): (Option<Address>, Option<Address>),
    arguments: &PageArguments,
) -> Result<Connection<AccountPayout>, ApiError> {
    let contracts = session.deployment(chain.0, registry.map(|registry| registry.0)).await?;
    let sheet = session.owed(chain.0, contracts.registry, account.0).await?;
    let deployment = Deployment {
        session: session.clone(),
        pin,
        chain: chain.0,
        contracts,
    };
    let mut tokens = sheet.tokens;
    tokens.retain(|owed| token.is_none_or(|token| token.0 == owed.token));
    page_of("payouts", arguments, &tokens, |owed| AccountPayout {
        deployment: deployment.clone(),
        distributor: sheet.distributor.map(Address),
        account,
        owed: owed.clone(),
    })
}

impl AccountPayout {
    /// Everything that an account is owed.
    pub(super) fn all(deployment: &Deployment, account: Address, sheet: sheet::AccountSheet) -> Vec<AccountPayout> {
        let distributor = sheet.distributor.map(Address);
        let owed = |owed| AccountPayout {
            deployment: deployment.clone(),
            distributor,
            account,
            owed,
        };
        sheet.tokens.into_iter().map(owed).collect()
    }
}

/// What an account is owed in one token by the payouts of a registry's assets. Amounts are base units of the token.
#[Object]
impl AccountPayout {
    /// The registry whose assets' revenues are paid out.
    async fn registry(&self) -> Address {
        Address(self.deployment.contracts.registry)
    }

    /// The ERC-20, as CAIP-19.
    async fn currency(&self) -> AssetId {
        self.deployment.currency(self.owed.token)
    }

    /// What it may have claimed in all once the next root is final, as far as is known now: `vested`, and what is in no root yet and not held.
    async fn owed(&self) -> BigInt {
        // As the roots count: only a false token comes to more.
        self.owed.vested.saturating_add(self.owed.unvested.releasable).into()
    }

    /// What disputes and challenges hold beside that.
    async fn held(&self) -> BigInt {
        self.owed.unvested.held.into()
    }

    /// What finalised roots owe it in all, claimed or not.
    async fn vested(&self) -> BigInt {
        self.owed.vested.into()
    }

    /// What it was paid.
    async fn claimed(&self) -> BigInt {
        self.owed.claimed.into()
    }

    /// What a claim pays now.
    async fn claimable(&self) -> BigInt {
        self.owed.vested.saturating_sub(self.owed.claimed).into()
    }

    /// What it was paid beyond what finalised roots owe it by the log, which only a root that the log does not bear out can do (see `payoutStatus`).
    /// What they owe it later is set off against this first. "0" for everybody else.
    async fn overpaid(&self) -> BigInt {
        self.owed.claimed.saturating_sub(self.owed.vested).into()
    }

    /// What `PayoutDistributor.claim` takes; anyone may send it. Null where no finalised root owes the account anything in this token, and where
    /// the finalised root is not what the log says, so that its proofs are not known here (see `payoutStatus`).
    async fn claim(&self) -> Option<PayoutClaim> {
        let claim = self.owed.claim.as_ref()?;
        Some(PayoutClaim {
            distributor: self.distributor?,
            account: self.account,
            token: Address(claim.entry.token),
            cumulative: claim.entry.cumulative.into(),
            proof: claim.proof.iter().copied().map(Bytes32).collect(),
            root: Bytes32(claim.root),
            epoch: Long::saturating(claim.epoch),
        })
    }
}

/// A claim as `PayoutDistributor.claim(account, token, cumulative, proof)` takes it.
#[derive(Clone, Debug, SimpleObject)]
pub struct PayoutClaim {
    /// The contract that pays.
    distributor: Address,
    /// Who is paid.
    account: Address,
    /// In which ERC-20.
    token: Address,
    /// What the account may have claimed in all, in base units; what it claimed before is taken off.
    cumulative: BigInt,
    /// Siblings from the leaf up.
    proof: Vec<Bytes32>,
    /// The finalised root that they lead to.
    root: Bytes32,
    /// Its epoch.
    epoch: Long,
}

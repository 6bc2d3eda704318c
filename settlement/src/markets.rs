//! What an operator does once: opens a group on a vault, has the vault take a token, and lists a market on chain and in the engine.
//!
//! All may be repeated: what is there already is left as it is, and compared. Start at [`open_group`], [`list_token`] and [`list_market`].

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use alloy::transports::TransportError;
use souk_contracts::ExchangeVault::{listMarketCall, listTokenCall};
use souk_contracts::exchange::market_id;
use souk_schema::ChainId;
use souk_schema::exchange::command::{OpenGroup, Rules};
use souk_schema::exchange::{CommandBody, MarketSpec, Rejection};
use souk_sequencer::{GroupHandle, SubmitError};
use souk_wire::fees::FeePolicy;

use crate::node::{Node, Trial};
use crate::signer::AdminSigner;

/// How long a transaction may take to be mined.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);

/// Why a group or a market is not there.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The node does not answer.
    #[error("the node does not answer: {0}")]
    Node(#[from] TransportError),
    /// The vault does not answer.
    #[error("the vault does not answer: {0}; is it a vault?")]
    Vault(#[from] alloy::contract::Error),
    /// The key does not sign.
    #[error("the admin's key does not sign: {0}")]
    Signer(#[from] alloy::signers::Error),
    /// The group has stopped.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The engine refuses.
    #[error("the engine refuses: {0}")]
    Rejected(Rejection),
    /// The vault refuses.
    #[error("the vault refuses: {reason}; only its owner may list, and a market's tokens have to be listed before it")]
    Refused {
        /// In its own words.
        reason: String,
    },
    /// The transaction was not mined in time, or failed.
    #[error("the listing {transaction} was not mined in time, or failed; look at it and try again")]
    NotMined {
        /// The transaction.
        transaction: B256,
    },
    /// The market's id is not that of its parts.
    #[error("the market's id is {found}, but base, quote, lot and tick make {expected}")]
    WrongKey {
        /// What the parts make.
        expected: B256,
        /// What the specification says.
        found: B256,
    },
    /// The engine's group is another vault's.
    #[error("the group is open for vault {vault} on chain {chain}")]
    OtherVenue {
        /// Its chain.
        chain: ChainId,
        /// Its vault.
        vault: Address,
    },
    /// The vault takes the token as one of another kind.
    #[error("the vault takes {token} as {found:?} already")]
    OtherKind {
        /// The token.
        token: Address,
        /// As what.
        found: Option<TokenKind>,
    },
    /// The market is on chain for another asset.
    #[error("the vault has the market for asset {found}")]
    OtherAsset {
        /// That asset.
        found: U256,
    },
}

/// What a vault takes a contract's tokens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// One that pays.
    Erc20,
    /// Ids that are traded.
    Erc1155,
}

impl TokenKind {
    /// As the vault has it.
    fn number(self) -> u8 {
        match self {
            TokenKind::Erc20 => 1,
            TokenKind::Erc1155 => 2,
        }
    }

    fn of(number: u8) -> Option<TokenKind> {
        [TokenKind::Erc20, TokenKind::Erc1155]
            .into_iter()
            .find(|kind| kind.number() == number)
    }
}

/// Opens a group on a vault, with the vault's own delays and fee account; nothing happens where it is open on that vault.
///
/// # Errors
/// [`ListError`].
pub async fn open_group(node: &Node, group: &GroupHandle, max_open_orders: u32) -> Result<OpenGroup, ListError> {
    let vault = node.contract();
    let open = OpenGroup {
        group: group.group(),
        chain: ChainId(node.chain_id()),
        vault: node.vault(),
        fee_account: vault.feeAccount().call().await?,
        exit_delay_secs: vault.EXIT_DELAY().call().await?,
        settlement_grace_secs: vault.SETTLEMENT_GRACE().call().await?,
        max_open_orders,
        rules: Rules::LATEST,
    };
    let present = group.read(|engine| engine.group().cloned());
    if present.is_none() {
        match group.submit(CommandBody::OpenGroup(open.clone())).await?.result {
            Ok(_) => return Ok(open),
            // Somebody else was quicker.
            Err(Rejection::GroupAlreadyOpen) => {}
            Err(rejection) => return Err(ListError::Rejected(rejection)),
        }
    }
    let present = group.read(|engine| engine.group().cloned()).unwrap_or(open);
    if (present.chain, present.vault) != (ChainId(node.chain_id()), node.vault()) {
        return Err(ListError::OtherVenue {
            chain: present.chain,
            vault: present.vault,
        });
    }
    Ok(present)
}

/// Lists a market: on chain first, so that nothing is matched that the vault does not know, then in the engine, where it begins pre-open.
/// `asset` is the one that receives the royalties of its trades.
///
/// # Errors
/// [`ListError`]. Repeating it goes on where it stopped.
pub async fn list_market(
    node: &Node,
    admin: &AdminSigner,
    group: &GroupHandle,
    spec: &MarketSpec,
    asset: U256,
) -> Result<(), ListError> {
    let units = &spec.units;
    let expected = market_id(
        spec.base.contract,
        spec.base.id,
        spec.quote,
        units.lot_size.0,
        units.tick_size.0,
    );
    if expected != spec.key {
        let found = spec.key;
        return Err(ListError::WrongKey { expected, found });
    }
    let on_chain = node.contract().marketOf(spec.key).call().await?;
    if on_chain.base.is_zero() {
        list_on_chain(node, admin, spec, asset).await?;
    } else if on_chain.assetId != asset {
        return Err(ListError::OtherAsset {
            found: on_chain.assetId,
        });
    }
    if group.read(|engine| engine.market_by_key(spec.key).is_some()) {
        return Ok(());
    }
    let listed = group.submit(CommandBody::ListMarket(Box::new(spec.clone()))).await?;
    match listed.result {
        Ok(_) | Err(Rejection::MarketAlreadyListed) => Ok(()),
        Err(rejection) => Err(ListError::Rejected(rejection)),
    }
}

/// Has the vault take a token: deposits of it, and markets that it is traded or paid in. There is no way back. False where it took it before.
///
/// # Errors
/// [`ListError`].
pub async fn list_token(node: &Node, admin: &AdminSigner, token: Address, kind: TokenKind) -> Result<bool, ListError> {
    let found = node.contract().tokenKind(token).call().await?;
    if found == kind.number() {
        return Ok(false);
    }
    if found != 0 {
        let found = TokenKind::of(found);
        return Err(ListError::OtherKind { token, found });
    }
    let kind = kind.number();
    send(node, admin, listTokenCall { token, kind }.abi_encode().into()).await?;
    Ok(true)
}

async fn list_on_chain(node: &Node, admin: &AdminSigner, spec: &MarketSpec, asset: U256) -> Result<(), ListError> {
    let call = listMarketCall {
        base: spec.base.contract,
        baseId: spec.base.id,
        quote: spec.quote,
        lotSize: spec.units.lot_size.0,
        tickSize: spec.units.tick_size.0,
        assetId: asset,
    };
    send(node, admin, call.abi_encode().into()).await
}

/// Sends the vault a call of its owner's, and waits until it is mined.
async fn send(node: &Node, admin: &AdminSigner, call: Bytes) -> Result<(), ListError> {
    let head = node.head().await?;
    let gas = match node.try_out(admin.address(), &call, head.gas_limit).await? {
        Trial::Works { gas } => gas,
        Trial::Refused { reason, .. } => return Err(ListError::Refused { reason }),
        Trial::TooMuchGas => {
            let reason = "it takes more gas than a block has".to_owned();
            return Err(ListError::Refused { reason });
        }
    };
    let nonce = node.nonce(admin.address()).await?;
    let fees = FeePolicy::default().first(head.base_fee_wei);
    let attempt = node.sign(admin.key(), nonce, gas.saturating_add(gas / 4), call, fees)?;
    node.broadcast(&attempt.signed).await?;
    let mined = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(mined) = node.receipts(&[attempt.hash]).await?.remove(&attempt.hash) {
                return Ok::<bool, TransportError>(mined.succeeded);
            }
            tokio::time::sleep(POLL).await;
        }
    });
    match mined.await {
        Ok(Ok(true)) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(false)) | Err(_) => Err(ListError::NotMined {
            transaction: attempt.hash,
        }),
    }
}

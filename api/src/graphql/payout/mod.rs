//! What is owed and why: lines and their explanations, claims with their proofs, roots, what-ifs, and who may use what by which licence.
//!
//! Start at [`query`]. Lines, and who may use what, come from tables, as of any block; everything else from the states that are kept at the
//! heads of chains ([`crate::payouts`]), so it is as of now, and `extensions.payouts` says of which block.

pub mod access;
pub mod account;
pub mod check;
pub mod epoch;
pub mod explanation;
pub mod kinds;
pub mod line;
pub mod lines;
mod list;
pub mod live;
pub mod query;
pub mod simulate;
pub mod snapshot;
pub mod status;

use souk_payouts::license::LicenseView;
use souk_payouts::{Contracts, Refused};
use souk_schema::caip::{self, EvmAssetId};
use souk_schema::{Address, ChainId, TokenRef, TokenStandard, U256};

use super::asset::AssetRef;
use super::license::{LicenseSeries, LicenseTerms};
use crate::error::ApiError;
use crate::scalars::{self, AssetId};
use crate::session::{Moment, Pin, Session};
use crate::store::rights::{Question, Rights};

/// A deployment that an answer is about.
#[derive(Clone)]
pub(super) struct Deployment {
    session: Session,
    pin: Pin,
    chain: ChainId,
    contracts: Contracts,
}

impl Deployment {
    /// The deployment of an asset, and the asset's number there.
    async fn of_asset(session: &Session, pin: Pin, asset: &AssetId) -> Result<(Deployment, U256), ApiError> {
        let evm = evm_asset(asset)?;
        let contracts = session.deployment(evm.chain, Some(evm.token.contract)).await?;
        let deployment = Deployment {
            session: session.clone(),
            pin,
            chain: evm.chain,
            contracts,
        };
        Ok((deployment, evm.token.id))
    }

    /// What is known of who may use an asset, as of the deployment's pin, with that moment. `account` is whose licences matter.
    ///
    /// # Errors
    /// `NOT_FOUND` for an asset that there is not, or was not as of then.
    async fn rights(&self, asset: U256, account: Option<Address>) -> Result<(Rights, Moment), ApiError> {
        let moment = self.session.moment(self.pin, self.chain).await?;
        let question = Question {
            chain: self.chain,
            contracts: &self.contracts,
            at: moment.block,
            asset,
            account,
        };
        let rights = Rights::load(self.session.reader().await?, &question).await?;
        if rights.owner(asset).is_some() {
            return Ok((rights, moment));
        }
        Err(match self.pin {
            Pin::Head => unknown_asset(asset),
            _ => ApiError::not_found(format!("asset {asset} is not known as of then: check the number")),
        })
    }

    fn token(&self, number: U256) -> TokenRef {
        TokenRef::new(self.contracts.registry, number)
    }

    /// An asset of the registry by its number.
    fn asset(&self, number: U256) -> AssetRef {
        AssetRef {
            session: self.session.clone(),
            pin: self.pin,
            id: caip::AssetId::Evm(EvmAssetId {
                chain: self.chain,
                standard: TokenStandard::Erc721,
                token: self.token(number),
            }),
        }
    }

    /// A licence series by its number; none for 0.
    async fn series(&self, number: U256) -> Result<Option<LicenseSeries>, ApiError> {
        if number.is_zero() {
            return Ok(None);
        }
        let id = EvmAssetId {
            chain: self.chain,
            standard: TokenStandard::Erc1155,
            token: TokenRef::new(self.contracts.licenses, number),
        };
        LicenseSeries::load(&self.session, self.pin, &id).await
    }

    /// Licence terms by their number.
    async fn terms(&self, number: Option<U256>) -> Result<Option<LicenseTerms>, ApiError> {
        let Some(number) = number else { return Ok(None) };
        let registry = scalars::Address(self.contracts.licenses);
        let chain = scalars::ChainId(self.chain);
        LicenseTerms::load(&self.session, self.pin, chain, registry, number.into()).await
    }

    /// An ERC-20 of the chain.
    fn currency(&self, token: Address) -> AssetId {
        EvmAssetId {
            chain: self.chain,
            standard: TokenStandard::Erc20,
            token: TokenRef::new(token, U256::ZERO),
        }
        .into()
    }
}

/// An asset of a registry, by what a client sent.
fn evm_asset(id: &AssetId) -> Result<EvmAssetId, ApiError> {
    let evm = id.evm().map_err(ApiError::input)?;
    if evm.standard == TokenStandard::Erc721 {
        Ok(evm)
    } else {
        Err(ApiError::input(format!(
            "`{id}` is no asset: assets are erc721 tokens of a registry"
        )))
    }
}

/// What a client is told of a question that the rule refuses.
fn refused(refused: &Refused) -> ApiError {
    match refused {
        Refused::UnknownAsset(number) => unknown_asset(*number),
        Refused::UnknownTerms(number) => ApiError::not_found(format!("no terms have the number {number}")),
        other => ApiError::input(other.to_string()),
    }
}

fn unknown_asset(number: U256) -> ApiError {
    ApiError::not_found(format!("asset {number} is not known to payouts: check the number"))
}

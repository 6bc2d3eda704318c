//! Lists of lines, by account, asset or revenue, and lines by their own ids.

use async_graphql::{ID, OneofObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use souk_payouts::Role;
use souk_schema::{ChainId as Chain, U256};

use super::line::PayoutLine;
use super::{Deployment, evm_asset};
use crate::error::ApiError;
use crate::graphql::connection::{Connection, PageArguments};
use crate::graphql::token::scope;
use crate::scalars::{AccountId, Address, AssetId, BigInt, ChainId};
use crate::session::{AsOf, Pin, Session};
use crate::store::listing::{Listing, Page};
use crate::store::loaders::PageOf;
use crate::store::payouts::{
    LineByKey, LineName, LineRow, LinesOfAccount, LinesOfAsset, LinesOfRevenue, key, line_scope,
};

/// A revenue by its number in its router.
#[derive(Clone, Debug, async_graphql::InputObject)]
pub struct RevenueName {
    /// The chain.
    pub chain: ChainId,
    /// The revenue router; may be left out where the chain has one registry with payouts.
    pub router: Option<Address>,
    /// The revenue's number in it.
    pub number: BigInt,
}

/// Whose lines.
#[derive(Clone, Debug, OneofObject)]
pub enum PayoutLinesBy {
    /// Those to an account.
    Account(AccountId),
    /// Those for an asset: what it earned itself and what reached it from others.
    Asset(AssetId),
    /// Those of one revenue, which sum to it unless some were recomputed.
    Revenue(RevenueName),
}

impl PayoutLine {
    async fn page<L: Listing<Row = LineRow>>(
        deployment: Deployment,
        arguments: PageArguments,
        list: L,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        let session = deployment.session.clone();
        session.has_payout_lines(deployment.chain).await?;
        Connection::try_of(&session, arguments, list, |row| PayoutLine::read(&deployment, row)).await
    }

    /// Lines to an account.
    pub(in crate::graphql) async fn of_account(
        session: &Session,
        pin: Pin,
        account: AccountId,
        registry: Option<Address>,
        arguments: PageArguments,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        let chain = account.0.chain;
        let contracts = session.deployment(chain, registry.map(|registry| registry.0)).await?;
        let key = key(contracts.registry, account.0.address.as_slice());
        let list = LinesOfAccount(scope(session, pin, chain, key).await?);
        let deployment = Deployment {
            session: session.clone(),
            pin,
            chain,
            contracts,
        };
        PayoutLine::page(deployment, arguments, list).await
    }

    /// Lines for an asset.
    pub(in crate::graphql) async fn of_asset(
        session: &Session,
        pin: Pin,
        asset: &AssetId,
        arguments: PageArguments,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        let (deployment, number) = Deployment::of_asset(session, pin, asset).await?;
        let key = key(deployment.contracts.registry, number.to_string().as_bytes());
        let list = LinesOfAsset(scope(session, pin, deployment.chain, key).await?);
        PayoutLine::page(deployment, arguments, list).await
    }

    /// Lines of a revenue of a router; of the only one where none is named.
    pub(in crate::graphql) async fn of_revenue(
        session: &Session,
        pin: Pin,
        (chain, router, number): (Chain, Option<Address>, U256),
        arguments: PageArguments,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        let contracts = match router {
            Some(router) => session.deployment_of_router(chain, router.0).await?,
            None => session.deployment(chain, None).await?,
        };
        let key = key(contracts.registry, number.to_string().as_bytes());
        let list = LinesOfRevenue(scope(session, pin, chain, key).await?);
        let deployment = Deployment {
            session: session.clone(),
            pin,
            chain,
            contracts,
        };
        PayoutLine::page(deployment, arguments, list).await
    }

    /// Lines by whatever a client asks by.
    pub(super) async fn by(
        session: &Session,
        by: PayoutLinesBy,
        registry: Option<Address>,
        as_of: Option<AsOf>,
        arguments: PageArguments,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        match by {
            PayoutLinesBy::Account(account) => {
                let pin = Pin::Head.or(as_of, account.0.chain);
                PayoutLine::of_account(session, pin, account, registry, arguments).await
            }
            PayoutLinesBy::Asset(asset) => {
                let pin = Pin::Head.or(as_of, evm_asset(&asset)?.chain);
                PayoutLine::of_asset(session, pin, &asset, arguments).await
            }
            PayoutLinesBy::Revenue(RevenueName { chain, router, number }) => {
                let number = number.unsigned().ok_or_else(|| no_number("revenue"))?;
                let pin = Pin::Head.or(as_of, chain.0);
                PayoutLine::of_revenue(session, pin, (chain.0, router, number), arguments).await
            }
        }
    }

    /// A line by its id.
    pub(super) async fn by_id(session: &Session, id: &ID, as_of: Option<AsOf>) -> Result<Option<PayoutLine>, ApiError> {
        let (chain, registry, name) = read_id(id)?;
        let contracts = session.deployment(chain, Some(registry.0)).await?;
        session.has_payout_lines(chain).await?;
        let pin = Pin::Head.or(as_of, chain);
        let deployment = Deployment {
            session: session.clone(),
            pin,
            chain,
            contracts,
        };
        let list = LineByKey(line_scope(
            scope(session, pin, chain, Vec::new()).await?,
            registry.0,
            &name,
        ));
        let only = Page {
            backward: false,
            size: 1,
            after: None,
            before: None,
        };
        let found = session.load(PageOf(list, only)).await?;
        let row = found.and_then(|found| found.rows.first().map(|(_, row)| row.clone()));
        let row = row.ok_or_else(|| ApiError::not_found("no line has this id, or had it as of then"))?;
        PayoutLine::read(&deployment, row).map(Some)
    }
}

pub(super) fn no_number(what: &str) -> ApiError {
    ApiError::input(format!("a {what} is named by a whole number from 0 to 2^256 - 1"))
}

/// A line's id as clients hold it.
pub(super) fn write_id(chain: Chain, registry: Address, name: &LineName) -> ID {
    let recipient = Address(name.recipient);
    let text = format!(
        "payout {} {registry} {}.{}.{} {recipient}",
        ChainId(chain),
        name.revenue,
        name.portion,
        name.role
    );
    ID(URL_SAFE_NO_PAD.encode(text))
}

fn read_id(id: &ID) -> Result<(Chain, Address, LineName), ApiError> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id.as_str()).ok()?).ok()?;
        let mut parts = text.strip_prefix("payout ")?.split(' ');
        let chain = ChainId::read(parts.next()?).ok()?.0;
        let registry = Address::read(parts.next()?).ok()?;
        let mut numbers = parts.next()?.split('.');
        let recipient = Address::read(parts.next()?).ok()?.0;
        let name = LineName {
            revenue: BigInt::read(numbers.next()?).ok()?.unsigned()?,
            portion: numbers.next()?.parse().ok()?,
            role: numbers.next()?.parse().ok().filter(|role| *role <= Role::Owner as u8)?,
            recipient,
        };
        // Whatever would be written in another way was written by somebody else.
        let known = parts.next().is_none() && write_id(chain, registry, &name) == *id;
        known.then_some((chain, registry, name))
    };
    read().ok_or_else(|| ApiError::input("this is no line's id: use the `id` of a `PayoutLine`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_lines_come_back_and_others_are_refused() {
        let name = LineName {
            revenue: U256::MAX,
            portion: 7,
            role: 2,
            recipient: souk_schema::Address::repeat_byte(0xab),
        };
        let registry = Address(souk_schema::Address::repeat_byte(0x11));
        let id = write_id(Chain(31_337), registry, &name);
        assert_eq!(read_id(&id), Ok((Chain(31_337), registry, name)));
        let forged = |text: &str| ID(URL_SAFE_NO_PAD.encode(text));
        let (registry, recipient) = (registry.to_string(), registry.to_string());
        for bad in [
            ID("%".into()),
            ID(String::new()),
            forged("payout"),
            forged(&format!("payout eip155:1 {registry} 1.2 {recipient}")),
            forged(&format!("payout eip155:1 {registry} 1.2.4 {recipient}")),
            forged(&format!("payout eip155:1 {registry} -1.2.3 {recipient}")),
            forged(&format!("payout eip155:1 {registry} 01.2.3 {recipient}")),
            forged(&format!("payout eip155:1 {registry} 1.2.3.4 {recipient}")),
            forged(&format!("payout eip155:1 {registry} 1.2.3 {recipient} x")),
        ] {
            assert!(read_id(&bad).is_err(), "{bad:?}");
        }
    }
}

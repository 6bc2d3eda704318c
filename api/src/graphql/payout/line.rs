//! Lines: what one recipient gets of one revenue for one asset in one way.

use async_graphql::{ID, Object, OneofObject, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use souk_payouts::state::{HoldKey, Line};
use souk_payouts::{Role, Route};
use souk_schema::{ChainId as Chain, TokenRef, U256};

use super::explanation::PayoutExplanation;
use super::kinds::{PayoutHoldKind, PayoutLineState, PayoutRole, PayoutRoute};
use super::{Deployment, evm_asset};
use crate::error::{ApiError, ErrorCode};
use crate::graphql::account::Account;
use crate::graphql::asset::Asset;
use crate::graphql::connection::{Connection, PageArguments};
use crate::graphql::contribution::Revenue;
use crate::graphql::token::scope;
use crate::scalars::{AccountId, Address, AssetId, BigInt, ChainId, Long};
use crate::session::{AsOf, Pin, Session};
use crate::store::listing::{Listing, Page};
use crate::store::loaders::PageOf;
use crate::store::payouts::{
    EarnedRow, LineByKey, LineName, LineRow, LinesOfAccount, LinesOfAsset, LinesOfRevenue, RevenueByKey, key,
    line_scope,
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

/// A line.
#[derive(Clone)]
pub struct PayoutLine {
    deployment: Deployment,
    row: LineRow,
    name: LineName,
    route: Route,
    role: Role,
}

impl PayoutLine {
    fn read(deployment: &Deployment, row: LineRow) -> Result<PayoutLine, ApiError> {
        let (route, role) = (PayoutRoute::from_table(row.route)?, PayoutRole::from_table(row.role)?);
        let broken = || ApiError::internal("a row of payouts.line is none");
        let name = LineName {
            revenue: row.revenue.unsigned().ok_or_else(broken)?,
            portion: u32::try_from(row.portion).map_err(|_| broken())?,
            role: role as u8,
            recipient: row.recipient.0,
        };
        Ok(PayoutLine {
            deployment: deployment.clone(),
            row,
            name,
            route,
            role,
        })
    }

    async fn page<L: Listing<Row = LineRow>>(
        deployment: Deployment,
        arguments: PageArguments,
        list: L,
    ) -> Result<Connection<PayoutLine>, ApiError> {
        let session = deployment.session.clone();
        session.payout_tables().await?;
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
        session.payout_tables().await?;
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

    /// The revenue, and the asset that earned it.
    async fn earned(&self) -> Result<Option<EarnedRow>, ApiError> {
        let router = TokenRef::new(self.deployment.contracts.router, self.name.revenue);
        let key = (
            self.deployment.chain,
            self.row.received_block.0,
            router.key().as_bytes().to_vec(),
        );
        self.deployment.session.load(RevenueByKey(key)).await
    }

    fn is_of(&self, line: &Line) -> bool {
        BigInt::from(line.amount) == self.row.amount
    }
}

pub(super) fn no_number(what: &str) -> ApiError {
    ApiError::input(format!("a {what} is named by a whole number from 0 to 2^256 - 1"))
}

/// A line's id as clients hold it.
fn write_id(chain: Chain, registry: Address, name: &LineName) -> ID {
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

/// What one recipient gets of one revenue for one asset in one way, and what became of it as of what holds around this field.
#[Object]
impl PayoutLine {
    /// The line's id, opaque; pass it to `payoutLine`.
    async fn id(&self) -> ID {
        write_id(
            self.deployment.chain,
            Address(self.deployment.contracts.registry),
            &self.name,
        )
    }

    /// The registry whose assets' revenues are paid out.
    async fn registry(&self) -> Address {
        self.row.registry
    }

    /// The revenue's number in the router.
    async fn revenue_number(&self) -> BigInt {
        self.row.revenue
    }

    /// The revenue; null where the index has not reached it.
    async fn revenue(&self) -> Result<Option<Revenue>, ApiError> {
        let earned = self.earned().await?;
        let Deployment {
            session, pin, chain, ..
        } = &self.deployment;
        let revenue = Revenue::maker(session, *pin, ChainId(*chain));
        Ok(earned.map(|earned| revenue(earned.revenue)))
    }

    /// The asset that earned the revenue; null where the index has not reached it.
    async fn source(&self) -> Result<Option<Asset>, ApiError> {
        let Some(earned) = self.earned().await? else {
            return Ok(None);
        };
        let Deployment {
            session, pin, chain, ..
        } = &self.deployment;
        Asset::by_key(session, *pin, *chain, earned.asset_key.0).await
    }

    /// The asset that the line is for: the one that earned the revenue, or one that it was made from.
    async fn asset(&self) -> Result<Option<Asset>, ApiError> {
        let Some(number) = self.row.asset.unsigned() else {
            return Ok(None);
        };
        let Deployment {
            session, pin, chain, ..
        } = &self.deployment;
        Asset::by_key(session, *pin, *chain, self.deployment.token(number)).await
    }

    /// The number of that asset in the registry.
    async fn asset_number(&self) -> BigInt {
        self.row.asset
    }

    /// How this part of the revenue reached the asset.
    async fn route(&self) -> PayoutRoute {
        self.route.into()
    }

    /// As what the recipient has it.
    async fn role(&self) -> PayoutRole {
        self.role.into()
    }

    /// How many ways lead to the asset by that route; 100000001 stands for any number above 10^8.
    async fn path_count(&self) -> Long {
        Long(self.row.paths)
    }

    /// Number of the portion that the line is part of: what the revenue gives the asset by the route. All its lines share one fate.
    async fn portion(&self) -> Long {
        Long(self.row.portion)
    }

    /// Who is paid.
    async fn recipient(&self) -> Account {
        Account {
            session: self.deployment.session.clone(),
            pin: self.deployment.pin,
            chain: ChainId(self.deployment.chain),
            address: self.row.recipient,
        }
    }

    /// The ERC-20, as CAIP-19.
    async fn currency(&self) -> AssetId {
        self.deployment.currency(self.row.token.0)
    }

    /// How much, in base units of the currency.
    async fn amount(&self) -> BigInt {
        self.row.amount
    }

    /// The block from which it counts: that of the revenue, or of the judgement that put it there.
    async fn since_block(&self) -> Long {
        self.row.block_number
    }

    /// What became of it.
    async fn state(&self) -> PayoutLineState {
        if self.row.vested_epoch.is_some() {
            PayoutLineState::Vested
        } else if self.row.is_ended {
            PayoutLineState::Recomputed
        } else if self.row.holds.is_empty() {
            PayoutLineState::NextRoot
        } else {
            PayoutLineState::Held
        }
    }

    /// The epoch whose finalised root counts it; null for a line that is in none.
    async fn vested_epoch(&self) -> Option<Long> {
        self.row.vested_epoch.map(Long)
    }

    /// What holds it; empty for a line that is not held.
    async fn holds(&self) -> Result<Vec<PayoutHold>, ApiError> {
        if self.row.vested_epoch.is_some() || self.row.is_ended {
            return Ok(Vec::new());
        }
        let holds = self.row.holds.iter().map(|text| self.hold(text));
        holds
            .collect::<Option<_>>()
            .ok_or_else(|| ApiError::internal("a row of payouts.portion_change is held by nothing known"))
    }

    /// Why it is what it is, exactly. It is told as of now, also where the line is asked for as of an earlier block.
    #[graphql(complexity = "10 + child_complexity")]
    async fn explanation(&self) -> Result<Option<PayoutExplanation>, ApiError> {
        let (name, role) = (self.name.clone(), self.role);
        let Deployment {
            session,
            chain,
            contracts,
            ..
        } = &self.deployment;
        let explained = session
            .ask_payouts(*chain, contracts.registry, move |deployed| {
                let state = &mut deployed.state;
                state.explain(name.revenue, name.portion, name.recipient, role).ok()
            })
            .await?;
        // The tables follow what is in memory within a moment.
        let explained = explained
            .filter(|explained| self.is_of(&explained.line))
            .ok_or_else(|| {
                session.set_moved();
                ApiError::new(
                    ErrorCode::Unavailable,
                    "the chain was reorganised while this was answered; try again",
                )
            })?;
        Ok(Some(PayoutExplanation::new(self.deployment.clone(), explained)))
    }
}

impl PayoutLine {
    fn hold(&self, text: &str) -> Option<PayoutHold> {
        let (kind, number) = text.split_once(':')?;
        let number = BigInt::read(number).ok()?.unsigned()?;
        let key = match kind {
            "dispute" => HoldKey::Dispute(number),
            "challenge" => HoldKey::Challenge(number),
            _ => return None,
        };
        let contracts = &self.deployment.contracts;
        let (kind, contract) = match key {
            HoldKey::Dispute(_) => (PayoutHoldKind::Dispute, contracts.disputes?),
            HoldKey::Challenge(_) => (PayoutHoldKind::Challenge, contracts.executions?),
        };
        Some(PayoutHold {
            kind,
            contract: Address(contract),
            number: number.into(),
        })
    }
}

/// What holds a line back.
#[derive(Clone, Debug, SimpleObject)]
pub struct PayoutHold {
    /// A dispute or a challenge.
    kind: PayoutHoldKind,
    /// The dispute court, or the execution log.
    contract: Address,
    /// Its number there.
    number: BigInt,
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

//! Lines: what one recipient gets of one revenue for one asset in one way.

use async_graphql::{ID, Object, SimpleObject};
use souk_payouts::explain::Evidence;
use souk_payouts::state::{HoldKey, Line};
use souk_payouts::{Role, Route};
use souk_schema::TokenRef;

use super::Deployment;
use super::explanation::PayoutExplanation;
use super::kinds::{PayoutHoldKind, PayoutLineState, PayoutRole, PayoutRoute};
use super::lines::write_id;
use crate::error::{ApiError, ErrorCode};
use crate::graphql::account::Account;
use crate::graphql::asset::Asset;
use crate::graphql::contribution::Revenue;
use crate::scalars::{Address, AssetId, BigInt, ChainId, Long};
use crate::store::payouts::{EarnedRow, LineName, LineRow, RevenueByKey};

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
    /// A line of a row.
    pub(super) fn read(deployment: &Deployment, row: LineRow) -> Result<PayoutLine, ApiError> {
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
        let evidence = session
            .payout_evidence(*chain, contracts.registry, name.revenue)
            .await?;
        let explain = move |evidence: Evidence| {
            let explained = evidence.explain(name.portion, name.recipient, role).ok()?;
            Some((evidence, explained))
        };
        let explained = session.compute_payouts(move || evidence.and_then(explain)).await?;
        // The tables follow what is in memory within a moment.
        let (evidence, explained) = explained
            .filter(|(_, explained)| self.is_of(&explained.line))
            .ok_or_else(|| {
                session.set_moved();
                ApiError::new(
                    ErrorCode::Unavailable,
                    "the chain was reorganised while this was answered; try again",
                )
            })?;
        Ok(Some(PayoutExplanation::new(
            self.deployment.clone(),
            evidence,
            explained,
        )))
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

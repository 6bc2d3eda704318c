//! The records of a statement, from Postgres: lines and their changes from `payouts`, claims and the times of blocks from `souk`.
//!
//! The two are projected each on its own from the same stream. Only where both are at the same record is what they say the same chain's, so
//! all is read in one snapshot, and not at all while they are apart.

use souk_adapters::{ContractSet, WatchSet};
use souk_payouts::rule::Kind;
use souk_payouts::state::{Change, HoldKey, Line, PortionChange};
use souk_payouts::{Role, Route};
use souk_schema::{Address, ChainId, U256};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use crate::record::{Claim, Dated};

/// A deployment of Souk's contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Its chain.
    pub chain: ChainId,
    /// Its asset registry.
    pub registry: Address,
    /// What pays, where it has that.
    pub distributor: Option<Address>,
}

/// What a statement is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// The account's lines, in the order in which they came to be.
    pub lines: Vec<Dated<Line>>,
    /// What became of their portions, in order.
    pub changes: Vec<Dated<PortionChange>>,
    /// What it was paid.
    pub claims: Vec<Dated<Claim>>,
}

/// Why the records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Lines and claims are projected to different records: ask again in a moment.
    #[error("the lines of chain {0} are not projected as far as its claims, or the other way round")]
    Apart(ChainId),
    /// A row says what none can.
    #[error("a row of {0} is none")]
    Damaged(&'static str),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Numbers of chains and blocks stay far below 2^63.
fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The deployments that are projected, by chain.
///
/// # Errors
/// [`LoadError`].
pub async fn deployments(pool: &PgPool) -> Result<Vec<Deployment>, LoadError> {
    let query = "select chain_id, watch_set::text from souk.projection order by chain_id";
    let rows: Vec<(i64, String)> = sqlx::query_as(query).fetch_all(pool).await?;
    let mut deployments = Vec::new();
    for (chain, watch_set) in rows {
        let watch_set: WatchSet =
            serde_json::from_str(&watch_set).map_err(|_| LoadError::Damaged("souk.projection"))?;
        let chain = ChainId(chain.unsigned_abs());
        let of_set = |set: &ContractSet| match *set {
            ContractSet::Souk {
                registry, distributor, ..
            } => Some(Deployment {
                chain,
                registry,
                distributor,
            }),
            _ => None,
        };
        deployments.extend(watch_set.sets.iter().filter_map(of_set));
    }
    Ok(deployments)
}

/// All that a deployment has of an account.
///
/// # Errors
/// [`LoadError`].
pub async fn load(pool: &PgPool, deployment: &Deployment, account: Address) -> Result<Records, LoadError> {
    let mut snapshot = pool.begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only")
        .execute(&mut *snapshot)
        .await?;
    let together: bool = sqlx::query_scalar(
        "select exists (select from souk.projection p join payouts.position q using (chain_id, stream, next_sequence) where chain_id = $1)",
    )
    .bind(big(deployment.chain.0))
    .fetch_one(&mut *snapshot)
    .await?;
    if !together {
        return Err(LoadError::Apart(deployment.chain));
    }
    let records = Records {
        lines: lines(&mut snapshot, deployment, account).await?,
        changes: changes(&mut snapshot, deployment, account).await?,
        claims: claims(&mut snapshot, deployment, account).await?,
    };
    snapshot.rollback().await?;
    Ok(records)
}

async fn lines(
    connection: &mut PgConnection,
    deployment: &Deployment,
    account: Address,
) -> Result<Vec<Dated<Line>>, LoadError> {
    let rows = sqlx::query(
        "select b.number as block, b.timestamp as at, l.revenue::text as revenue, l.portion, l.asset::text as asset, l.route, l.role, l.paths,
                l.token, l.amount::text as amount
         from payouts.line l join souk.block b on (b.chain_id, b.number) = (l.chain_id, l.block_number)
         where l.chain_id = $1 and l.registry = $2 and l.recipient = $3 order by l.number",
    )
    .bind(big(deployment.chain.0))
    .bind(deployment.registry.as_slice())
    .bind(account.as_slice())
    .fetch_all(connection)
    .await?;
    let damaged = || LoadError::Damaged("payouts.line");
    let line = |row: &PgRow| -> Result<Dated<Line>, LoadError> {
        let number = |name: &str| -> Result<u32, LoadError> {
            let number: i64 = row.try_get(name)?;
            number.try_into().map_err(|_| damaged())
        };
        let line = Line {
            revenue: wide(row, "revenue")?.ok_or_else(damaged)?,
            portion: number("portion")?,
            asset: wide(row, "asset")?.ok_or_else(damaged)?,
            kind: Kind {
                route: route(row.try_get("route")?).ok_or_else(damaged)?,
                role: role(row.try_get("role")?).ok_or_else(damaged)?,
            },
            paths: number("paths")?,
            recipient: account,
            token: address(row, "token")?.ok_or_else(damaged)?,
            amount: wide(row, "amount")?.ok_or_else(damaged)?,
        };
        dated(row, line)
    };
    rows.iter().map(line).collect()
}

async fn changes(
    connection: &mut PgConnection,
    deployment: &Deployment,
    account: Address,
) -> Result<Vec<Dated<PortionChange>>, LoadError> {
    let rows = sqlx::query(
        "select b.number as block, b.timestamp as at, c.revenue::text as revenue, c.portion, c.change, c.hold, c.hold_id::text as hold_id,
                c.epoch
         from payouts.portion_change c join souk.block b on (b.chain_id, b.number) = (c.chain_id, c.block_number)
         where c.chain_id = $1 and c.registry = $2 and c.revenue in
               (select l.revenue from payouts.line l where l.chain_id = $1 and l.registry = $2 and l.recipient = $3)
         order by c.number",
    )
    .bind(big(deployment.chain.0))
    .bind(deployment.registry.as_slice())
    .bind(account.as_slice())
    .fetch_all(connection)
    .await?;
    let damaged = || LoadError::Damaged("payouts.portion_change");
    let change = |row: &PgRow| -> Result<Dated<PortionChange>, LoadError> {
        let portion: Option<i64> = row.try_get("portion")?;
        let portion = portion.map(u32::try_from).transpose().map_err(|_| damaged())?;
        let epoch: Option<i64> = row.try_get("epoch")?;
        let hold: Option<String> = row.try_get("hold")?;
        let hold_id = wide(row, "hold_id")?;
        let hold = match (hold.as_deref(), hold_id) {
            (Some("dispute"), Some(id)) => Some(HoldKey::Dispute(id)),
            (Some("challenge"), Some(id)) => Some(HoldKey::Challenge(id)),
            _ => None,
        };
        let change = match (row.try_get::<String, _>("change")?.as_str(), hold, epoch) {
            ("held", Some(key), _) => Change::Held(key),
            ("released", Some(key), _) => Change::Released(key),
            ("ended", ..) => Change::Ended,
            ("restored", ..) => Change::Restored,
            ("vested", _, Some(epoch)) => Change::Vested(epoch.unsigned_abs()),
            _ => return Err(damaged()),
        };
        let revenue = wide(row, "revenue")?.ok_or_else(damaged)?;
        dated(
            row,
            PortionChange {
                revenue,
                portion,
                change,
            },
        )
    };
    rows.iter().map(change).collect()
}

async fn claims(
    connection: &mut PgConnection,
    deployment: &Deployment,
    account: Address,
) -> Result<Vec<Dated<Claim>>, LoadError> {
    let Some(distributor) = deployment.distributor else {
        return Ok(Vec::new());
    };
    let rows = sqlx::query(
        "select b.number as block, b.timestamp as at, p.token, p.amount::text as amount
         from souk.payout_claim p join souk.block b on (b.chain_id, b.number) = (p.chain_id, p.valid_from)
         where p.chain_id = $1 and p.distributor = $2 and p.account = $3 order by p.valid_from, p.log_index",
    )
    .bind(big(deployment.chain.0))
    .bind(distributor.as_slice())
    .bind(account.as_slice())
    .fetch_all(connection)
    .await?;
    let damaged = || LoadError::Damaged("souk.payout_claim");
    let claim = |row: &PgRow| -> Result<Dated<Claim>, LoadError> {
        let claim = Claim {
            account,
            token: address(row, "token")?.ok_or_else(damaged)?,
            amount: wide(row, "amount")?.ok_or_else(damaged)?,
        };
        dated(row, claim)
    };
    rows.iter().map(claim).collect()
}

fn dated<T>(row: &PgRow, what: T) -> Result<Dated<T>, LoadError> {
    Ok(Dated {
        block: row.try_get::<i64, _>("block")?.unsigned_abs(),
        at: row.try_get::<i64, _>("at")?.unsigned_abs(),
        what,
    })
}

/// A number of up to 78 digits that the query gives as text.
fn wide(row: &PgRow, name: &str) -> Result<Option<U256>, sqlx::Error> {
    let text: Option<String> = row.try_get(name)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

fn address(row: &PgRow, name: &str) -> Result<Option<Address>, sqlx::Error> {
    let bytes: Vec<u8> = row.try_get(name)?;
    Ok(Address::try_from(&bytes[..]).ok())
}

fn route(number: i16) -> Option<Route> {
    let all = [
        Route::ProtocolFee,
        Route::Own,
        Route::RoyaltyLap,
        Route::RoyaltyLrp,
        Route::Returned,
        Route::Forfeited,
    ];
    all.into_iter().find(|route| *route as i16 == number)
}

fn role(number: i16) -> Option<Role> {
    let all = [Role::Protocol, Role::Contributor, Role::Shareholder, Role::Owner];
    all.into_iter().find(|role| *role as i16 == number)
}

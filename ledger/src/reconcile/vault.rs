//! Ledger = vault, at a final block.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use async_trait::async_trait;
use souk_schema::amount::{Balance, balance_of};
use souk_schema::exchange::{AccountId, CommandNumber, GroupId, Venue};
use souk_schema::{BlockRef, TokenRef};
use sqlx::postgres::{PgConnection, PgPool};

use super::positions::positions;
use super::{Difference, ReconcileError, Report, SNAPSHOT};
use crate::read::projection;

/// Why a vault could not be asked.
pub type VaultError = Box<dyn std::error::Error + Send + Sync>;

/// What a vault holds at a final block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultSnapshot {
    /// The chain and the vault.
    pub venue: Venue,
    /// The final block.
    pub block: BlockRef,
    /// Position of the last command that reported a fact of this block's finality, as [`souk_schema::exchange::Source::Chain`] has it: the
    /// `FinalityReached` of the block.
    pub position: u64,
    /// The generations of the chain's stream that are of the same chain: a group whose facts are of another one is none of this vault's,
    /// though the vault had the same address there.
    pub generations: BTreeSet<u32>,
    /// What the vault owes whom; what is left out is 0.
    pub balances: BTreeMap<(Address, TokenRef), U256>,
    /// What the vault has of each token.
    pub holdings: BTreeMap<TokenRef, U256>,
    /// Tokens that are left out because their first market is listed in a block that is not final yet. The engine lists a market as soon as
    /// the chain has, and is then told of its token's deposits, however old.
    pub listing: BTreeSet<TokenRef>,
}

/// Where vault balances come from: the vault's events folded from the chain's stream, checked against the contract.
#[async_trait]
pub trait VaultBalances: Send + Sync + 'static {
    /// The vault at the newest final block that was read; `None` before the first.
    ///
    /// # Errors
    /// Whatever kept it from reading.
    async fn at_finality(&self) -> Result<Option<VaultSnapshot>, VaultError>;
}

/// Compares every balance of a vault with what the ledgers of its groups make of it (law LED-2).
///
/// # Errors
/// [`ReconcileError::Behind`] while a group's ledger has not come to the fact that reported the block's finality,
/// [`ReconcileError::NoGroup`] where none is of the vault.
pub async fn vault_equals_ledger(pool: &PgPool, vault: &VaultSnapshot) -> Result<Report, ReconcileError> {
    let mut view = pool.begin_with(SNAPSHOT).await?;
    let mut report = Report {
        at: Vec::new(),
        compared: 0,
        differences: Vec::new(),
    };
    let mut expected = BTreeMap::<(Address, TokenRef), Balance>::new();
    let groups = groups_of(&mut view, vault).await?;
    if groups.is_empty() {
        return Err(ReconcileError::NoGroup(vault.venue));
    }
    for group in groups {
        let number = command_at(&mut view, group, vault).await?;
        report.at.push((group, number));
        for ((account, _), position) in positions(&mut view, group, number).await? {
            if account != AccountId::DEFICIT && !vault.listing.contains(&position.token) {
                let unsettled = position.pending_in - position.pending_out;
                let owed = position.available + position.held - unsettled + position.in_flight - position.deficit;
                *expected.entry((position.address, position.token)).or_default() += owed;
            }
        }
    }
    for key in vault.balances.keys() {
        expected.entry(*key).or_default();
    }
    let mut owed = BTreeMap::<TokenRef, Balance>::new();
    for ((account, token), ledger) in expected {
        let found = vault.balances.get(&(account, token)).copied().unwrap_or_default();
        let other = balance_of(found);
        *owed.entry(token).or_default() += other;
        report.compared += 1;
        if ledger != other {
            report.differences.push(Difference {
                what: "vault balance",
                account: Some(account),
                token,
                ledger,
                other,
            });
        }
    }
    for (token, owed) in owed {
        let holds = balance_of(vault.holdings.get(&token).copied().unwrap_or_default());
        report.compared += 1;
        if holds < owed {
            report.differences.push(Difference {
                what: "what the vault holds",
                account: None,
                token,
                ledger: owed,
                other: holds,
            });
        }
    }
    Ok(report)
}

/// The vault's groups. The upper 8 of a position's 64 bits are the generation.
async fn groups_of(connection: &mut PgConnection, vault: &VaultSnapshot) -> sqlx::Result<Vec<GroupId>> {
    let generations: Vec<i64> = vault.generations.iter().copied().map(i64::from).collect();
    let groups: Vec<i64> = sqlx::query_scalar(
        "select group_id from exchange.market_group g where chain_id = $1 and vault = $2
            and coalesce((select div(position, 72057594037927936)::bigint from exchange.fact f
                where f.group_id = g.group_id and f.chain_id = $1 order by position desc limit 1) = any($3), true)
         order by group_id",
    )
    .bind(i64::try_from(vault.venue.chain.0).unwrap_or(i64::MAX))
    .bind(vault.venue.vault.as_slice())
    .bind(generations)
    .fetch_all(connection)
    .await?;
    Ok(groups
        .into_iter()
        .filter_map(|group| group.try_into().ok())
        .map(GroupId)
        .collect())
}

/// The command that applied the last fact up to the snapshot's position.
async fn command_at(
    connection: &mut PgConnection,
    group: GroupId,
    vault: &VaultSnapshot,
) -> Result<CommandNumber, ReconcileError> {
    let (newest, number): (Option<bool>, Option<i64>) = sqlx::query_as(
        "select (select position from exchange.fact where group_id = $1 and chain_id = $2 order by position desc limit 1) >= $3::numeric,
                (select number from exchange.fact where group_id = $1 and chain_id = $2 and position <= $3::numeric
                 order by position desc limit 1)",
    )
    .bind(i64::from(group.0))
    .bind(i64::try_from(vault.venue.chain.0).unwrap_or(i64::MAX))
    .bind(vault.position.to_string())
    .fetch_one(&mut *connection)
    .await?;
    if newest != Some(true) {
        let last = projection(connection, group)
            .await?
            .map_or(CommandNumber(0), |at| at.last_number);
        return Err(ReconcileError::Behind { group, last });
    }
    Ok(CommandNumber(number.unwrap_or_default().cast_unsigned()))
}

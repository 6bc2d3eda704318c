//! How the exchange runs: for everybody, because a trader wants to know whether settlement keeps up.

use async_graphql::{Enum, SimpleObject};
use souk_sequencer::{Phase, Role};

use super::kinds::MarketState;
use crate::exchange::{Exchange, Group};
use crate::scalars::{Address, Bytes32, ChainId, FillId, Long};
use crate::store::exchange::groups::GroupTables;

/// Where a group's engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum EnginePhase {
    /// It decides what was in the log when it started.
    Recovering,
    /// It decides as commands come.
    Running,
    /// It came to another outcome than the one that was published, and does not serve.
    Diverged,
    /// It ended.
    Stopped,
}

/// A market group: one engine, one log of commands, balances of its own.
#[derive(Clone, Debug, SimpleObject)]
pub struct MarketGroup {
    /// Its number.
    group: Long,
    /// Where its engine is.
    phase: EnginePhase,
    /// Whether this server's engine publishes what it decides; another one compares.
    primary: bool,
    /// The chain that it settles on; null before it is opened.
    chain_id: Option<ChainId>,
    /// The vault that it settles in: deposits go there, and orders are signed for it.
    vault: Option<Address>,
    /// The vault's exit delay, seconds.
    exit_delay_secs: Option<Long>,
    /// How long after an order's expiry its fills may still settle, seconds.
    settlement_grace_secs: Option<Long>,
    /// The last command that was decided.
    command_number: Long,
    /// Engine time, milliseconds.
    time: Long,
    /// The last command that tables have: orders, fills, candles and statistics are of it.
    tables_command_number: Long,
    /// What its markets are limited to while settlement lags: `OPEN` for no limit.
    settlement_limit: MarketState,
    /// Fills that are not settled for good.
    unsettled_fills: Long,
    /// The oldest of them.
    oldest_unsettled_fill: Option<FillId>,
    /// Hash of the engine's state, which every copy of it has after the same command.
    state_hash: Option<Bytes32>,
    /// The command after which the hash was taken.
    state_hash_command: Option<Long>,
}

impl MarketGroup {
    /// How a group is.
    pub(super) fn of(group: &Group, tables: Option<&GroupTables>) -> MarketGroup {
        let status = group.handle.status().borrow().clone();
        let look = group.hub().ok().map(|hub| hub.look());
        let opened = look.as_ref().and_then(|look| look.opened());
        let (unsettled, oldest) = look.as_ref().map_or((0, None), |look| look.unsettled_fills());
        MarketGroup {
            group: Long::saturating(group.handle.group().0.into()),
            phase: match status.phase {
                Phase::Recovering => EnginePhase::Recovering,
                Phase::Running => EnginePhase::Running,
                Phase::Diverged(_) => EnginePhase::Diverged,
                Phase::Stopped => EnginePhase::Stopped,
            },
            primary: status.role == Role::Primary,
            chain_id: opened.map(|opened| ChainId(opened.venue.chain)),
            vault: opened.map(|opened| Address(opened.venue.vault)),
            exit_delay_secs: opened.map(|opened| Long::saturating(opened.exit_delay_secs)),
            settlement_grace_secs: opened.map(|opened| Long::saturating(opened.settlement_grace_secs)),
            command_number: Long::saturating(status.command.0),
            time: Long::saturating(status.time.0),
            tables_command_number: tables.map_or(Long(0), |tables| Long::saturating(tables.command.0)),
            settlement_limit: look
                .as_ref()
                .map_or(souk_schema::exchange::MarketState::Open, |look| look.settlement_limit())
                .into(),
            unsettled_fills: Long::saturating(unsettled as u64),
            oldest_unsettled_fill: oldest.map(|number| FillId(group.handle.group(), number)),
            state_hash: status.state_hash.map(|(_, hash)| Bytes32(hash)),
            state_hash_command: status.state_hash.map(|(command, _)| Long::saturating(command.0)),
        }
    }

    /// Every group, by number.
    pub(super) fn all(exchange: &Exchange, tables: &[GroupTables]) -> Vec<MarketGroup> {
        let of = |group: &std::sync::Arc<Group>| {
            let tables = tables.iter().find(|tables| tables.group == group.handle.group());
            MarketGroup::of(group, tables)
        };
        exchange.groups().map(of).collect()
    }
}

//! `command.proto`: what an engine is told.

use prost::Message;

use super::field::{self, Result, byte, put, put_amount, put_token, required};
use super::wire::{Reader, Writer};
use super::{order, v1};
use crate::exchange::command::{
    Command, CommandBatch, CommandBody, Fact, MassQuote, OpenGroup, OrderTarget, Rules, Source, Withdraw,
};
use crate::exchange::id::{FillNumber, GroupId, OrderId, UnixMillis};
use crate::exchange::quantity::Lots;
use crate::id::ChainId;

/// About what a command takes.
const COMMAND_BYTES: usize = 256;

/// A batch as it is stored.
pub(super) fn write_batch(batch: &CommandBatch) -> Vec<u8> {
    let mut out = Writer::with_capacity(batch.commands.len() * COMMAND_BYTES);
    out.number(1, batch.written_at.0);
    for command in &batch.commands {
        out.nested(2, |out| {
            out.nested(1, |out| write_source(out, command.source));
            match &command.body {
                CommandBody::PlaceOrder(signed) => out.nested(6, |out| order::write_order(out, signed)),
                CommandBody::AmendOrder(signed) => out.nested(10, |out| order::write_order(out, signed)),
                other => put_body(other).encode(out.buffer()),
            }
        });
    }
    out.finish()
}

/// A batch that is stored as [`write_batch`] writes it; `None` for anything else.
pub(super) fn read_batch(bytes: &[u8]) -> Option<CommandBatch> {
    let mut from = Reader(bytes);
    let written_at = UnixMillis(from.number(1)?);
    let mut commands = Vec::with_capacity(from.0.len() / COMMAND_BYTES);
    while let Some(command) = from.present_bytes(2)? {
        commands.push(read_command(command)?);
    }
    from.end()?;
    Some(CommandBatch { written_at, commands })
}

fn read_command(bytes: &[u8]) -> Option<Command> {
    let mut from = Reader(bytes);
    let source = read_source(from.present_bytes(1)??)?;
    let body = if let Some(signed) = from.present_bytes(6)? {
        CommandBody::PlaceOrder(Box::new(order::read_order(signed)?))
    } else if let Some(signed) = from.present_bytes(10)? {
        CommandBody::AmendOrder(Box::new(order::read_order(signed)?))
    } else {
        return command(v1::Command::decode(bytes).ok()?).ok();
    };
    from.end()?;
    Some(Command { source, body })
}

pub(super) fn write_source(out: &mut Writer, source: Source) {
    let position = match source {
        Source::Gateway { id, position } => {
            out.present_fixed(1, id);
            position
        }
        Source::Chain { chain, position } => {
            out.present_number(2, chain.0);
            position
        }
    };
    out.number(3, position);
}

/// A gateway's; chains say little.
fn read_source(bytes: &[u8]) -> Option<Source> {
    let mut from = Reader(bytes);
    let Some(id) = from.fixed(1)? else {
        return source(Some(v1::Source::decode(bytes).ok()?)).ok();
    };
    let position = from.number(3)?;
    from.end()?;
    Some(Source::Gateway { id, position })
}

#[cfg(test)]
pub(super) fn put_batch(batch: &CommandBatch) -> v1::CommandBatch {
    v1::CommandBatch {
        written_at: batch.written_at.0,
        commands: batch.commands.iter().map(put_command).collect(),
    }
}

pub(super) fn batch(batch: v1::CommandBatch) -> Result<CommandBatch> {
    Ok(CommandBatch {
        written_at: UnixMillis(batch.written_at),
        commands: batch.commands.into_iter().map(command).collect::<Result<_>>()?,
    })
}

#[cfg(test)]
fn put_command(command: &Command) -> v1::Command {
    v1::Command {
        source: Some(put_source(command.source)),
        body: Some(put_body(&command.body)),
    }
}

fn command(command: v1::Command) -> Result<Command> {
    Ok(Command {
        source: source(command.source)?,
        body: body(required("body", command.body)?)?,
    })
}

#[cfg(test)]
pub(super) fn put_source(source: Source) -> v1::Source {
    use v1::source::From;
    let (from, position) = match source {
        Source::Gateway { id, position } => (From::Gateway(id), position),
        Source::Chain { chain, position } => (From::Chain(chain.0), position),
    };
    v1::Source {
        from: Some(from),
        position,
    }
}

pub(super) fn source(source: Option<v1::Source>) -> Result<Source> {
    use v1::source::From;
    let source = required("source", source)?;
    let position = source.position;
    Ok(match required("from", source.from)? {
        From::Gateway(id) => Source::Gateway { id, position },
        From::Chain(chain) => Source::Chain {
            chain: ChainId(chain),
            position,
        },
    })
}

fn put_body(body: &CommandBody) -> v1::command::Body {
    use v1::command::Body;
    match body {
        CommandBody::OpenGroup(open) => Body::OpenGroup(put_open(open)),
        CommandBody::ListMarket(spec) => Body::ListMarket(order::put_spec(spec)),
        CommandBody::SetMarketState { market, state } => Body::SetMarketState(v1::SetMarketState {
            market: put(market.as_slice()),
            state: field::put_market_state(*state),
        }),
        CommandBody::SetMarketRules { market, fees, limits } => Body::SetMarketRules(v1::SetMarketRules {
            market: put(market.as_slice()),
            fees: Some(order::put_fees(fees)),
            limits: Some(order::put_limits(limits)),
        }),
        CommandBody::PlaceOrder(signed) => Body::PlaceOrder(order::put_order(signed)),
        CommandBody::CancelOrder { account, order } => Body::CancelOrder(v1::CancelOrder {
            account: put(account.as_slice()),
            order: Some(put_target(*order)),
        }),
        CommandBody::CancelAll { account, market } => Body::CancelAll(v1::CancelAll {
            account: put(account.as_slice()),
            market: market.as_ref().map(|market| put(market.as_slice())),
        }),
        CommandBody::ReduceOrder {
            account,
            order,
            remaining,
        } => Body::ReduceOrder(v1::ReduceOrder {
            account: put(account.as_slice()),
            order: Some(put_target(*order)),
            remaining_lots: remaining.0,
        }),
        CommandBody::AmendOrder(signed) => Body::AmendOrder(order::put_order(signed)),
        CommandBody::MassQuote(quote) => Body::MassQuote(v1::MassQuote {
            account: put(quote.account.as_slice()),
            market: put(quote.market.as_slice()),
            quotes: quote.quotes.iter().map(order::put_order).collect(),
        }),
        CommandBody::SetDeadMan { account, timeout_secs } => Body::SetDeadMan(v1::SetDeadMan {
            account: put(account.as_slice()),
            timeout_secs: *timeout_secs,
        }),
        CommandBody::Withdraw(withdraw) => Body::Withdraw(put_withdraw(withdraw)),
        CommandBody::Fact(fact) => Body::Fact(v1::Fact {
            fact: Some(put_fact(fact)),
        }),
        CommandBody::Tick => Body::Tick(v1::Tick {}),
    }
}

fn body(body: v1::command::Body) -> Result<CommandBody> {
    use v1::command::Body;
    Ok(match body {
        Body::OpenGroup(group) => CommandBody::OpenGroup(open(&group)?),
        Body::ListMarket(spec) => CommandBody::ListMarket(Box::new(order::spec(spec)?)),
        Body::SetMarketState(set) => CommandBody::SetMarketState {
            market: field::hash("market", &set.market)?,
            state: field::market_state("state", set.state)?,
        },
        Body::SetMarketRules(set) => CommandBody::SetMarketRules {
            market: field::hash("market", &set.market)?,
            fees: order::fees(set.fees)?,
            limits: order::limits(set.limits)?,
        },
        Body::PlaceOrder(signed) => CommandBody::PlaceOrder(Box::new(order::order(signed)?)),
        Body::CancelOrder(cancel) => CommandBody::CancelOrder {
            account: field::address("account", &cancel.account)?,
            order: target(cancel.order)?,
        },
        Body::CancelAll(cancel) => CommandBody::CancelAll {
            account: field::address("account", &cancel.account)?,
            market: cancel.market.map(|market| field::hash("market", &market)).transpose()?,
        },
        Body::ReduceOrder(reduce) => CommandBody::ReduceOrder {
            account: field::address("account", &reduce.account)?,
            order: target(reduce.order)?,
            remaining: Lots(reduce.remaining_lots),
        },
        Body::AmendOrder(signed) => CommandBody::AmendOrder(Box::new(order::order(signed)?)),
        Body::MassQuote(quote) => CommandBody::MassQuote(MassQuote {
            account: field::address("account", &quote.account)?,
            market: field::hash("market", &quote.market)?,
            quotes: quote.quotes.into_iter().map(order::order).collect::<Result<_>>()?,
        }),
        Body::SetDeadMan(set) => CommandBody::SetDeadMan {
            account: field::address("account", &set.account)?,
            timeout_secs: set.timeout_secs,
        },
        Body::Withdraw(stored) => CommandBody::Withdraw(withdraw(stored)?),
        Body::Fact(stored) => CommandBody::Fact(fact(required("fact", stored.fact)?)?),
        Body::Tick(v1::Tick {}) => CommandBody::Tick,
    })
}

pub(super) fn put_open(open: &OpenGroup) -> v1::OpenGroup {
    v1::OpenGroup {
        group: open.group.0,
        chain: open.chain.0,
        vault: put(open.vault.as_slice()),
        fee_account: put(open.fee_account.as_slice()),
        exit_delay_secs: open.exit_delay_secs,
        settlement_grace_secs: open.settlement_grace_secs,
        max_open_orders: open.max_open_orders,
        rules: match open.rules {
            Rules::First => 0,
            Rules::Second => 1,
            Rules::Third => 2,
        },
    }
}

pub(super) fn open(open: &v1::OpenGroup) -> Result<OpenGroup> {
    Ok(OpenGroup {
        group: GroupId(open.group),
        chain: ChainId(open.chain),
        vault: field::address("vault", &open.vault)?,
        fee_account: field::address("fee_account", &open.fee_account)?,
        exit_delay_secs: open.exit_delay_secs,
        settlement_grace_secs: open.settlement_grace_secs,
        max_open_orders: open.max_open_orders,
        rules: match open.rules {
            0 => Rules::First,
            1 => Rules::Second,
            2 => Rules::Third,
            newer => return Err(field::unknown("rules", newer)),
        },
    })
}

fn put_target(target: OrderTarget) -> v1::OrderTarget {
    use v1::order_target::Target;
    let target = match target {
        OrderTarget::Id(id) => Target::Id(id.0),
        OrderTarget::ClientId(id) => Target::ClientId(put(id.as_slice())),
        OrderTarget::Nonce(nonce) => Target::Nonce(nonce),
    };
    v1::OrderTarget { target: Some(target) }
}

fn target(target: Option<v1::OrderTarget>) -> Result<OrderTarget> {
    use v1::order_target::Target;
    let target = required("order", target)?;
    Ok(match required("target", target.target)? {
        Target::Id(id) => OrderTarget::Id(OrderId(id)),
        Target::ClientId(id) => OrderTarget::ClientId(field::hash("client_id", &id)?),
        Target::Nonce(nonce) => OrderTarget::Nonce(nonce),
    })
}

pub(super) fn put_withdraw(withdraw: &Withdraw) -> v1::Withdraw {
    v1::Withdraw {
        account: put(withdraw.account.as_slice()),
        token: Some(put_token(&withdraw.token)),
        amount: put_amount(withdraw.amount),
        receiver: put(withdraw.receiver.as_slice()),
        nonce: withdraw.nonce,
        deadline_secs: withdraw.deadline_secs,
    }
}

pub(super) fn withdraw(withdraw: v1::Withdraw) -> Result<Withdraw> {
    Ok(Withdraw {
        account: field::address("account", &withdraw.account)?,
        token: field::token("token", withdraw.token)?,
        amount: field::amount("amount", &withdraw.amount)?,
        receiver: field::address("receiver", &withdraw.receiver)?,
        nonce: withdraw.nonce,
        deadline_secs: withdraw.deadline_secs,
    })
}

fn put_fact(fact: &Fact) -> v1::fact::Fact {
    use v1::fact::Fact as Stored;
    match fact {
        Fact::Deposited {
            deposit_id,
            account,
            token,
            amount,
        } => Stored::Deposited(v1::Deposited {
            deposit_id: *deposit_id,
            account: put(account.as_slice()),
            token: Some(put_token(token)),
            amount: put_amount(*amount),
        }),
        &Fact::DepositVanished { deposit_id } => Stored::DepositVanished(v1::DepositVanished { deposit_id }),
        Fact::Withdrawn { account, nonce } => Stored::Withdrawn(v1::Withdrawn {
            account: put(account.as_slice()),
            nonce: *nonce,
        }),
        &Fact::FinalityReached { block, secs } => Stored::FinalityReached(v1::FinalityReached { block, secs }),
        Fact::ExitRequested { account, exit_id } => Stored::ExitRequested(v1::ExitRequested {
            account: put(account.as_slice()),
            exit_id: *exit_id,
        }),
        Fact::ExitCancelled { account, exit_id } => Stored::ExitCancelled(v1::ExitCancelled {
            account: put(account.as_slice()),
            exit_id: *exit_id,
        }),
        Fact::ExitExecuted {
            account,
            exit_id,
            token,
            amount,
        } => Stored::ExitExecuted(v1::ExitExecuted {
            account: put(account.as_slice()),
            exit_id: *exit_id,
            token: Some(put_token(token)),
            amount: put_amount(*amount),
        }),
        Fact::FillsSettled { through } => Stored::FillsSettled(v1::SettledThrough { through: through.0 }),
        Fact::FillSkipped { fill, reason } => Stored::FillSkipped(v1::FillSkipped {
            fill: fill.0,
            reason: (*reason).into(),
        }),
        Fact::KeyRegistered { account, key } => Stored::KeyRegistered(put_key(account, key)),
        Fact::KeyRevoked { account, key } => Stored::KeyRevoked(put_key(account, key)),
        Fact::NoncesInvalidated { account, below, single } => Stored::NoncesInvalidated(v1::NoncesInvalidated {
            account: put(account.as_slice()),
            below: *below,
            single: *single,
        }),
        Fact::RoyaltyFlushed { market, amount } => Stored::RoyaltyFlushed(v1::RoyaltyFlushed {
            market: put(market.as_slice()),
            amount: put_amount(*amount),
        }),
        Fact::SeriesRevoked { token } => Stored::SeriesRevoked(v1::SeriesRevoked {
            token: Some(put_token(token)),
        }),
        Fact::EscapeEntered => Stored::EscapeEntered(v1::EscapeEntered {}),
        Fact::Escaped { account, token, amount } => Stored::Escaped(v1::Escaped {
            account: put(account.as_slice()),
            token: Some(put_token(token)),
            amount: put_amount(*amount),
        }),
        Fact::FillsVanished { from } => Stored::FillsVanished(v1::FillsVanished { from: from.0 }),
        Fact::WithdrawalVanished { account, nonce } => Stored::WithdrawalVanished(v1::Withdrawn {
            account: put(account.as_slice()),
            nonce: *nonce,
        }),
        &Fact::ExitVanished { exit_id } => Stored::ExitVanished(v1::ExitVanished { exit_id }),
        Fact::FlushVanished { market, amount } => Stored::FlushVanished(v1::RoyaltyFlushed {
            market: put(market.as_slice()),
            amount: put_amount(*amount),
        }),
    }
}

fn put_key(account: &crate::Address, key: &crate::Address) -> v1::AccountKey {
    v1::AccountKey {
        account: put(account.as_slice()),
        key: put(key.as_slice()),
    }
}

fn fact(fact: v1::fact::Fact) -> Result<Fact> {
    use v1::fact::Fact as Stored;
    let account = |bytes: &[u8]| field::address("account", bytes);
    Ok(match fact {
        Stored::Deposited(deposit) => Fact::Deposited {
            deposit_id: deposit.deposit_id,
            account: account(&deposit.account)?,
            token: field::token("token", deposit.token)?,
            amount: field::amount("amount", &deposit.amount)?,
        },
        Stored::DepositVanished(v1::DepositVanished { deposit_id }) => Fact::DepositVanished { deposit_id },
        Stored::Withdrawn(withdrawn) => Fact::Withdrawn {
            account: account(&withdrawn.account)?,
            nonce: withdrawn.nonce,
        },
        Stored::FinalityReached(v1::FinalityReached { block, secs }) => Fact::FinalityReached { block, secs },
        Stored::ExitRequested(exit) => Fact::ExitRequested {
            account: account(&exit.account)?,
            exit_id: exit.exit_id,
        },
        Stored::ExitCancelled(exit) => Fact::ExitCancelled {
            account: account(&exit.account)?,
            exit_id: exit.exit_id,
        },
        Stored::ExitExecuted(exit) => Fact::ExitExecuted {
            account: account(&exit.account)?,
            exit_id: exit.exit_id,
            token: field::token("token", exit.token)?,
            amount: field::amount("amount", &exit.amount)?,
        },
        Stored::FillsSettled(settled) => Fact::FillsSettled {
            through: FillNumber(settled.through),
        },
        Stored::FillSkipped(skipped) => Fact::FillSkipped {
            fill: FillNumber(skipped.fill),
            reason: byte("reason", skipped.reason)?,
        },
        Stored::KeyRegistered(registered) => Fact::KeyRegistered {
            account: account(&registered.account)?,
            key: field::address("key", &registered.key)?,
        },
        Stored::KeyRevoked(revoked) => Fact::KeyRevoked {
            account: account(&revoked.account)?,
            key: field::address("key", &revoked.key)?,
        },
        Stored::NoncesInvalidated(invalidated) => Fact::NoncesInvalidated {
            account: account(&invalidated.account)?,
            below: invalidated.below,
            single: invalidated.single,
        },
        Stored::RoyaltyFlushed(flushed) => Fact::RoyaltyFlushed {
            market: field::hash("market", &flushed.market)?,
            amount: field::amount("amount", &flushed.amount)?,
        },
        Stored::SeriesRevoked(revoked) => Fact::SeriesRevoked {
            token: field::token("token", revoked.token)?,
        },
        Stored::EscapeEntered(v1::EscapeEntered {}) => Fact::EscapeEntered,
        Stored::Escaped(escaped) => Fact::Escaped {
            account: account(&escaped.account)?,
            token: field::token("token", escaped.token)?,
            amount: field::amount("amount", &escaped.amount)?,
        },
        Stored::FillsVanished(v1::FillsVanished { from }) => Fact::FillsVanished { from: FillNumber(from) },
        Stored::WithdrawalVanished(withdrawn) => Fact::WithdrawalVanished {
            account: account(&withdrawn.account)?,
            nonce: withdrawn.nonce,
        },
        Stored::ExitVanished(v1::ExitVanished { exit_id }) => Fact::ExitVanished { exit_id },
        Stored::FlushVanished(flushed) => Fact::FlushVanished {
            market: field::hash("market", &flushed.market)?,
            amount: field::amount("amount", &flushed.amount)?,
        },
    })
}

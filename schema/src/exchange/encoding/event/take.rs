//! Events from their stored form.

use super::super::field::{self, Result, amount, byte, required, unknown};
use super::super::v1::event::Event as Stored;
use super::super::{command, order, v1};
use crate::exchange::event::{BustCause, CreditCause, DebitCause, Event, Fill, FillSide};
use crate::exchange::id::{AccountId, CommandNumber, FillNumber, InstrumentId, MarketId, OrderId, UnixMillis};
use crate::exchange::quantity::{Lots, Ticks};

pub(super) fn event(event: Stored) -> Result<Event> {
    Ok(match event {
        Stored::GroupOpened(open) => Event::GroupOpened(Box::new(command::open(&open)?)),
        Stored::InstrumentListed(listed) => Event::InstrumentListed {
            instrument: InstrumentId(listed.instrument),
            token: field::token("token", listed.token)?,
        },
        Stored::MarketListed(listed) => market_listed(listed)?,
        Stored::MarketStateChanged(changed) => Event::MarketStateChanged {
            market: MarketId(changed.market),
            state: field::market_state("state", changed.state)?,
            cause: field::state_cause("cause", changed.cause)?,
            auction_ends_at: changed.auction_ends_at.map(UnixMillis),
        },
        Stored::MarketRulesChanged(changed) => Event::MarketRulesChanged {
            market: MarketId(changed.market),
            fees: order::fees(changed.fees)?,
            limits: Box::new(order::limits(changed.limits)?),
        },
        Stored::AuctionCrossed(crossed) => Event::AuctionCrossed {
            market: MarketId(crossed.market),
            price: Ticks(crossed.price_ticks),
            lots: Lots(crossed.lots),
        },
        Stored::LevelChanged(changed) => Event::LevelChanged {
            market: MarketId(changed.market),
            side: field::side("side", changed.side)?,
            price: Ticks(changed.price_ticks),
            lots: Lots(changed.lots),
        },
        Stored::SettlementLagged(lagged) => Event::SettlementLagged {
            limit: field::market_state("limit", lagged.limit)?,
        },
        Stored::AccountOpened(opened) => Event::AccountOpened {
            account: AccountId(opened.account),
            address: field::address("address", &opened.address)?,
        },
        Stored::Credited(stored) => credited(&stored)?,
        Stored::Debited(stored) => debited(&stored)?,
        Stored::DeficitTaken(taken) => Event::DeficitTaken {
            account: AccountId(taken.account),
            instrument: InstrumentId(taken.instrument),
            amount: amount("amount", &taken.amount)?,
        },
        Stored::DeficitRepaid(repaid) => Event::DeficitRepaid {
            account: AccountId(repaid.account),
            instrument: InstrumentId(repaid.instrument),
            amount: amount("amount", &repaid.amount)?,
        },
        Stored::WithdrawalApproved(withdraw) => Event::WithdrawalApproved(Box::new(command::withdraw(withdraw)?)),
        Stored::WithdrawalExecuted(executed) => Event::WithdrawalExecuted {
            account: AccountId(executed.account),
            nonce: executed.nonce,
        },
        Stored::WithdrawalVanished(vanished) => Event::WithdrawalVanished {
            account: AccountId(vanished.account),
            nonce: vanished.nonce,
        },
        Stored::AccountStopped(v1::AccountOnly { account }) => Event::AccountStopped {
            account: AccountId(account),
        },
        Stored::AccountResumed(v1::AccountOnly { account }) => Event::AccountResumed {
            account: AccountId(account),
        },
        Stored::KeyRegistered(registered) => Event::KeyRegistered {
            account: AccountId(registered.account),
            key: field::address("key", &registered.key)?,
        },
        Stored::KeyRevoked(revoked) => Event::KeyRevoked {
            account: AccountId(revoked.account),
            key: field::address("key", &revoked.key)?,
        },
        Stored::DeadManSet(set) => Event::DeadManSet {
            account: AccountId(set.account),
            fires_at: set.fires_at.map(UnixMillis),
        },
        of_order => order_event(of_order)?,
    })
}

fn order_event(event: Stored) -> Result<Event> {
    Ok(match event {
        Stored::OrderAccepted(accepted) => Event::OrderAccepted {
            order: OrderId(accepted.order),
            account: AccountId(accepted.account),
            market: MarketId(accepted.market),
            side: field::side("side", accepted.side)?,
            kind: field::order_kind("kind", accepted.kind)?,
            price: Ticks(accepted.price_ticks),
            lots: Lots(accepted.lots),
            hold: amount("hold", &accepted.hold)?,
            expires_at: UnixMillis(accepted.expires_at),
        },
        Stored::OrderTriggered(v1::OrderTriggered { order }) => Event::OrderTriggered { order: OrderId(order) },
        Stored::OrderRested(rested) => Event::OrderRested {
            order: OrderId(rested.order),
            price: Ticks(rested.price_ticks),
            lots: Lots(rested.lots),
        },
        Stored::OrderReduced(reduced) => Event::OrderReduced {
            order: OrderId(reduced.order),
            lots: Lots(reduced.lots),
            released: amount("released", &reduced.released)?,
            cause: field::reduce_cause("cause", reduced.cause)?,
        },
        Stored::OrderAmended(amended) => Event::OrderAmended {
            order: OrderId(amended.order),
            price: Ticks(amended.price_ticks),
            lots: Lots(amended.lots),
            released: amount("released", &amended.released)?,
            hold: amount("hold", &amended.hold)?,
            expires_at: UnixMillis(amended.expires_at),
        },
        Stored::OrderClosed(closed) => Event::OrderClosed {
            order: OrderId(closed.order),
            cause: field::close_cause("cause", closed.cause)?,
            lots: Lots(closed.lots),
            released: amount("released", &closed.released)?,
        },
        Stored::Traded(stored) => Event::Traded(fill(&stored)?),
        Stored::FillsSettled(v1::SettledThrough { through }) => Event::FillsSettled {
            through: FillNumber(through),
        },
        Stored::FillBusted(busted) => Event::FillBusted {
            cause: match busted.cause() {
                v1::BustCause::Skipped => BustCause::Skipped {
                    reason: byte("reason", busted.reason)?,
                },
                v1::BustCause::Uncovered => BustCause::Uncovered,
                v1::BustCause::Escape => BustCause::Escape,
                v1::BustCause::Unspecified => return Err(unknown("cause", busted.cause)),
            },
            fill: fill(&required("fill", busted.fill)?)?,
        },
        Stored::FillReinstated(stored) => Event::FillReinstated { fill: fill(&stored)? },
        Stored::FillUnsettled(stored) => Event::FillUnsettled { fill: fill(&stored)? },
        Stored::SettlementVanished(v1::SettledThrough { through }) => Event::SettlementVanished {
            through: FillNumber(through),
        },
        _ => return Err(unknown("event", "of no order")),
    })
}

fn market_listed(listed: v1::MarketListed) -> Result<Event> {
    Ok(Event::MarketListed {
        market: MarketId(listed.market),
        base: InstrumentId(listed.base),
        quote: InstrumentId(listed.quote),
        royalty_account: AccountId(listed.royalty_account),
        spec: Box::new(order::spec(required("spec", listed.spec)?)?),
    })
}

fn credited(credited: &v1::Credited) -> Result<Event> {
    use v1::credited::Cause;
    Ok(Event::Credited {
        account: AccountId(credited.account),
        instrument: InstrumentId(credited.instrument),
        amount: amount("amount", &credited.amount)?,
        cause: match *required("cause", credited.cause.as_ref())? {
            Cause::Deposit(deposit_id) => CreditCause::Deposit { deposit_id },
            Cause::WithdrawalExpired(nonce) => CreditCause::WithdrawalExpired { nonce },
            Cause::ExitVanished(exit_id) => CreditCause::ExitVanished { exit_id },
            Cause::FlushVanished(v1::FlushVanished {}) => CreditCause::FlushVanished,
        },
    })
}

fn debited(debited: &v1::Debited) -> Result<Event> {
    use v1::debited::Cause;
    Ok(Event::Debited {
        account: AccountId(debited.account),
        instrument: InstrumentId(debited.instrument),
        amount: amount("amount", &debited.amount)?,
        cause: match *required("cause", debited.cause.as_ref())? {
            Cause::Withdrawal(nonce) => DebitCause::Withdrawal { nonce },
            Cause::Exit(exit_id) => DebitCause::Exit { exit_id },
            Cause::RoyaltyFlush(v1::RoyaltyFlush {}) => DebitCause::RoyaltyFlush,
            Cause::DepositVanished(deposit_id) => DebitCause::DepositVanished { deposit_id },
            Cause::Escape(v1::EscapePayment {}) => DebitCause::Escape,
        },
    })
}

fn fill(fill: &v1::Fill) -> Result<Box<Fill>> {
    Ok(Box::new(Fill {
        number: FillNumber(fill.number),
        market: MarketId(fill.market),
        price: Ticks(fill.price_ticks),
        lots: Lots(fill.lots),
        taker: field::side("taker", fill.taker)?,
        base: amount("base", &fill.base)?,
        quote: amount("quote", &fill.quote)?,
        royalty: amount("royalty", &fill.royalty)?,
        buyer: fill_side(required("buyer", fill.buyer.as_ref())?)?,
        seller: fill_side(required("seller", fill.seller.as_ref())?)?,
    }))
}

fn fill_side(side: &v1::FillSide) -> Result<FillSide> {
    Ok(FillSide {
        order: OrderId(side.order),
        signed_by: CommandNumber(side.signed_by),
        account: AccountId(side.account),
        fee: amount("fee", &side.fee)?,
        released: amount("released", &side.released)?,
    })
}

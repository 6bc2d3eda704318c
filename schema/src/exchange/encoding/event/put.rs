//! Events to their stored form.

use super::super::field::{self, put as bytes, put_amount, put_token};
use super::super::v1::event::Event as Stored;
use super::super::{command, order, v1};
use crate::Address;
use crate::exchange::event::{BustCause, CreditCause, DebitCause, Event, Fill, FillSide};
use crate::exchange::id::AccountId;

pub(super) fn event(event: &Event) -> v1::Event {
    let stored = match event {
        Event::GroupOpened(_)
        | Event::InstrumentListed { .. }
        | Event::MarketListed { .. }
        | Event::MarketStateChanged { .. }
        | Event::MarketRulesChanged { .. }
        | Event::AuctionCrossed { .. }
        | Event::LevelChanged { .. }
        | Event::SettlementLagged { .. } => of_market(event),
        Event::AccountOpened { .. }
        | Event::Credited { .. }
        | Event::Debited { .. }
        | Event::DeficitTaken { .. }
        | Event::DeficitRepaid { .. }
        | Event::WithdrawalApproved(_)
        | Event::WithdrawalExecuted { .. }
        | Event::WithdrawalVanished { .. }
        | Event::AccountStopped { .. }
        | Event::AccountResumed { .. }
        | Event::KeyRegistered { .. }
        | Event::KeyRevoked { .. }
        | Event::DeadManSet { .. } => of_account(event),
        Event::OrderAccepted { .. }
        | Event::OrderTriggered { .. }
        | Event::OrderRested { .. }
        | Event::OrderReduced { .. }
        | Event::OrderAmended { .. }
        | Event::OrderClosed { .. }
        | Event::Traded(_)
        | Event::FillsSettled { .. }
        | Event::FillBusted { .. }
        | Event::FillReinstated { .. }
        | Event::FillUnsettled { .. }
        | Event::SettlementVanished { .. } => of_order(event),
    };
    v1::Event { event: stored }
}

// Each of these takes the events that `event` sends to it, and gives nothing for others.

fn of_market(event: &Event) -> Option<Stored> {
    Some(match event {
        Event::GroupOpened(open) => Stored::GroupOpened(command::put_open(open)),
        Event::InstrumentListed { instrument, token } => Stored::InstrumentListed(v1::InstrumentListed {
            instrument: instrument.0,
            token: Some(put_token(token)),
        }),
        Event::MarketListed {
            market,
            base,
            quote,
            royalty_account,
            spec,
        } => Stored::MarketListed(v1::MarketListed {
            market: market.0,
            base: base.0,
            quote: quote.0,
            royalty_account: royalty_account.0,
            spec: Some(order::put_spec(spec)),
        }),
        Event::MarketStateChanged {
            market,
            state,
            cause,
            auction_ends_at,
        } => Stored::MarketStateChanged(v1::MarketStateChanged {
            market: market.0,
            state: field::put_market_state(*state),
            cause: field::put_state_cause(*cause),
            auction_ends_at: auction_ends_at.map(|at| at.0),
        }),
        Event::MarketRulesChanged { market, fees, limits } => Stored::MarketRulesChanged(v1::MarketRulesChanged {
            market: market.0,
            fees: Some(order::put_fees(fees)),
            limits: Some(order::put_limits(limits)),
        }),
        Event::AuctionCrossed { market, price, lots } => Stored::AuctionCrossed(v1::AuctionCrossed {
            market: market.0,
            price_ticks: price.0,
            lots: lots.0,
        }),
        Event::LevelChanged {
            market,
            side,
            price,
            lots,
        } => Stored::LevelChanged(v1::LevelChanged {
            market: market.0,
            side: field::put_side(*side),
            price_ticks: price.0,
            lots: lots.0,
        }),
        Event::SettlementLagged { limit } => Stored::SettlementLagged(v1::SettlementLagged {
            limit: field::put_market_state(*limit),
        }),
        _ => return None,
    })
}

fn of_account(event: &Event) -> Option<Stored> {
    Some(match event {
        Event::AccountOpened { account, address } => Stored::AccountOpened(v1::AccountOpened {
            account: account.0,
            address: bytes(address.as_slice()),
        }),
        Event::Credited {
            account,
            instrument,
            amount,
            cause,
        } => Stored::Credited(v1::Credited {
            account: account.0,
            instrument: instrument.0,
            amount: put_amount(*amount),
            cause: Some(match *cause {
                CreditCause::Deposit { deposit_id } => v1::credited::Cause::Deposit(deposit_id),
                CreditCause::WithdrawalExpired { nonce } => v1::credited::Cause::WithdrawalExpired(nonce),
                CreditCause::ExitVanished { exit_id } => v1::credited::Cause::ExitVanished(exit_id),
                CreditCause::FlushVanished => v1::credited::Cause::FlushVanished(v1::FlushVanished {}),
            }),
        }),
        Event::Debited {
            account,
            instrument,
            amount,
            cause,
        } => Stored::Debited(v1::Debited {
            account: account.0,
            instrument: instrument.0,
            amount: put_amount(*amount),
            cause: Some(match *cause {
                DebitCause::Withdrawal { nonce } => v1::debited::Cause::Withdrawal(nonce),
                DebitCause::Exit { exit_id } => v1::debited::Cause::Exit(exit_id),
                DebitCause::RoyaltyFlush => v1::debited::Cause::RoyaltyFlush(v1::RoyaltyFlush {}),
                DebitCause::DepositVanished { deposit_id } => v1::debited::Cause::DepositVanished(deposit_id),
                DebitCause::Escape => v1::debited::Cause::Escape(v1::EscapePayment {}),
            }),
        }),
        Event::DeficitTaken {
            account,
            instrument,
            amount,
        } => Stored::DeficitTaken(v1::DeficitTaken {
            account: account.0,
            instrument: instrument.0,
            amount: put_amount(*amount),
        }),
        Event::DeficitRepaid {
            account,
            instrument,
            amount,
        } => Stored::DeficitRepaid(v1::DeficitTaken {
            account: account.0,
            instrument: instrument.0,
            amount: put_amount(*amount),
        }),
        Event::WithdrawalApproved(withdraw) => Stored::WithdrawalApproved(command::put_withdraw(withdraw)),
        Event::WithdrawalExecuted { account, nonce } => Stored::WithdrawalExecuted(v1::WithdrawalExecuted {
            account: account.0,
            nonce: *nonce,
        }),
        Event::WithdrawalVanished { account, nonce } => Stored::WithdrawalVanished(v1::WithdrawalExecuted {
            account: account.0,
            nonce: *nonce,
        }),
        Event::AccountStopped { account } => Stored::AccountStopped(v1::AccountOnly { account: account.0 }),
        Event::AccountResumed { account } => Stored::AccountResumed(v1::AccountOnly { account: account.0 }),
        Event::KeyRegistered { account, key } => Stored::KeyRegistered(put_key(*account, key)),
        Event::KeyRevoked { account, key } => Stored::KeyRevoked(put_key(*account, key)),
        Event::DeadManSet { account, fires_at } => Stored::DeadManSet(v1::DeadManSet {
            account: account.0,
            fires_at: fires_at.map(|at| at.0),
        }),
        _ => return None,
    })
}

fn of_order(event: &Event) -> Option<Stored> {
    Some(match event {
        Event::OrderAccepted { .. } => return accepted(event),
        Event::OrderTriggered { order } => Stored::OrderTriggered(v1::OrderTriggered { order: order.0 }),
        Event::OrderRested { order, price, lots } => Stored::OrderRested(v1::OrderRested {
            order: order.0,
            price_ticks: price.0,
            lots: lots.0,
        }),
        Event::OrderReduced {
            order,
            lots,
            released,
            cause,
        } => Stored::OrderReduced(v1::OrderReduced {
            order: order.0,
            lots: lots.0,
            released: put_amount(*released),
            cause: field::put_reduce_cause(*cause),
        }),
        Event::OrderAmended {
            order,
            price,
            lots,
            released,
            hold,
            expires_at,
        } => Stored::OrderAmended(v1::OrderAmended {
            order: order.0,
            price_ticks: price.0,
            lots: lots.0,
            released: put_amount(*released),
            hold: put_amount(*hold),
            expires_at: expires_at.0,
        }),
        Event::OrderClosed {
            order,
            cause,
            lots,
            released,
        } => Stored::OrderClosed(v1::OrderClosed {
            order: order.0,
            cause: field::put_close_cause(*cause),
            lots: lots.0,
            released: put_amount(*released),
        }),
        Event::Traded(fill) => Stored::Traded(put_fill(fill)),
        Event::FillsSettled { through } => Stored::FillsSettled(v1::SettledThrough { through: through.0 }),
        Event::FillBusted { fill, cause } => {
            let (cause, reason) = match *cause {
                BustCause::Skipped { reason } => (v1::BustCause::Skipped, reason),
                BustCause::Uncovered => (v1::BustCause::Uncovered, 0),
                BustCause::Escape => (v1::BustCause::Escape, 0),
            };
            Stored::FillBusted(v1::FillBusted {
                fill: Some(put_fill(fill)),
                cause: cause.into(),
                reason: reason.into(),
            })
        }
        Event::FillReinstated { fill } => Stored::FillReinstated(put_fill(fill)),
        Event::FillUnsettled { fill } => Stored::FillUnsettled(put_fill(fill)),
        Event::SettlementVanished { through } => Stored::SettlementVanished(v1::SettledThrough { through: through.0 }),
        _ => return None,
    })
}

fn accepted(event: &Event) -> Option<Stored> {
    let Event::OrderAccepted {
        order,
        account,
        market,
        side,
        kind,
        price,
        lots,
        hold,
        expires_at,
    } = event
    else {
        return None;
    };
    Some(Stored::OrderAccepted(v1::OrderAccepted {
        order: order.0,
        account: account.0,
        market: market.0,
        side: field::put_side(*side),
        kind: field::put_order_kind(*kind),
        price_ticks: price.0,
        lots: lots.0,
        hold: put_amount(*hold),
        expires_at: expires_at.0,
    }))
}

fn put_key(account: AccountId, key: &Address) -> v1::KeyOfAccount {
    v1::KeyOfAccount {
        account: account.0,
        key: bytes(key.as_slice()),
    }
}

fn put_fill(fill: &Fill) -> v1::Fill {
    let side = |side: &FillSide| v1::FillSide {
        order: side.order.0,
        signed_by: side.signed_by.0,
        account: side.account.0,
        fee: put_amount(side.fee),
        released: put_amount(side.released),
    };
    v1::Fill {
        number: fill.number.0,
        market: fill.market.0,
        price_ticks: fill.price.0,
        lots: fill.lots.0,
        taker: field::put_side(fill.taker),
        base: put_amount(fill.base),
        quote: put_amount(fill.quote),
        royalty: put_amount(fill.royalty),
        buyer: Some(side(&fill.buyer)),
        seller: Some(side(&fill.seller)),
    }
}

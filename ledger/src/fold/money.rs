//! The double entry of every event: which amounts move from where to where. `schema/src/exchange/event.rs` says it in words.

use souk_schema::exchange::event::{CreditCause, DebitCause, Fill};
use souk_schema::exchange::{AccountId, Amount, Event, InstrumentId, OrderId, Side};

use super::context::{Context, MarketParts, Unsettled};
use super::{FoldError, OrderState};
use crate::posting::{LedgerAccount, Posting, PostingKind};

use LedgerAccount::{Available, Custody, Held};

/// Appends the postings of an event, in order; most events that are not about money have none.
///
/// # Errors
/// [`FoldError`] for an event that does not follow from those before.
pub fn postings(event: &Event, context: &Context, out: &mut Vec<Posting>) -> Result<(), FoldError> {
    let mut poster = Poster { out };
    match event {
        Event::OrderAccepted {
            order,
            account,
            market,
            side,
            hold,
            ..
        } => poster.hold(context.market(*market)?.paid_by(*side), *account, *order, *hold),
        Event::OrderReduced { order, released, .. } | Event::OrderClosed { order, released, .. } => {
            let state = context.order(*order)?;
            poster.release(state.reserves(context)?, state.account, *order, *released);
        }
        Event::OrderAmended {
            order, released, hold, ..
        } => {
            let state = context.order(*order)?;
            let instrument = state.reserves(context)?;
            poster.release(instrument, state.account, *order, *released);
            poster.hold(instrument, state.account, *order, *hold);
        }
        Event::Traded(fill) => poster.traded(fill, context.market(fill.market)?)?,
        Event::FillBusted { fill, .. } => {
            poster.moved_again(fill, context.market(fill.market)?, PostingKind::Bust)?;
        }
        Event::FillReinstated { fill } => {
            poster.moved_again(fill, context.market(fill.market)?, PostingKind::Reinstatement)?;
        }
        Event::Credited {
            account,
            instrument,
            amount,
            cause,
        } => {
            let (kind, reference) = match *cause {
                CreditCause::Deposit { deposit_id } => (PostingKind::Deposit, deposit_id),
                CreditCause::WithdrawalExpired { nonce } => (PostingKind::WithdrawalExpired, nonce),
                CreditCause::ExitVanished { exit_id } => (PostingKind::ExitVanished, exit_id),
                CreditCause::FlushVanished => (PostingKind::RoyaltyFlushVanished, 0),
            };
            poster.post(kind, *instrument, Custody, Available(*account), *amount, reference);
        }
        Event::Debited {
            account,
            instrument,
            amount,
            cause,
        } => {
            let (kind, reference) = match *cause {
                DebitCause::Withdrawal { nonce } => (PostingKind::Withdrawal, nonce),
                DebitCause::Exit { exit_id } => (PostingKind::Exit, exit_id),
                DebitCause::RoyaltyFlush => (PostingKind::RoyaltyFlush, 0),
                DebitCause::DepositVanished { deposit_id } => (PostingKind::DepositVanished, deposit_id),
                DebitCause::Escape => (PostingKind::Escape, 0),
            };
            poster.post(kind, *instrument, Available(*account), Custody, *amount, reference);
        }
        Event::DeficitTaken {
            account,
            instrument,
            amount,
        } => {
            let (from, to) = (Available(AccountId::DEFICIT), Available(*account));
            poster.post(PostingKind::Deficit, *instrument, from, to, *amount, 0);
        }
        Event::DeficitRepaid {
            account,
            instrument,
            amount,
        } => {
            let (from, to) = (Available(*account), Available(AccountId::DEFICIT));
            poster.post(PostingKind::DeficitRepaid, *instrument, from, to, *amount, 0);
        }
        _ => {}
    }
    Ok(())
}

impl MarketParts {
    /// What an order of this side reserves and pays.
    pub fn paid_by(&self, side: Side) -> InstrumentId {
        match side {
            Side::Buy => self.quote,
            Side::Sell => self.base,
        }
    }
}

impl OrderState {
    fn reserves(&self, context: &Context) -> Result<InstrumentId, FoldError> {
        Ok(context.market(self.market)?.paid_by(self.side))
    }
}

struct Poster<'o> {
    out: &'o mut Vec<Posting>,
}

impl Poster<'_> {
    /// Nothing, and what comes back to where it was, is no posting.
    fn post(
        &mut self,
        kind: PostingKind,
        instrument: InstrumentId,
        debited: LedgerAccount,
        credited: LedgerAccount,
        amount: Amount,
        reference: u64,
    ) {
        if amount != Amount::ZERO && debited != credited {
            self.out.push(Posting {
                kind,
                instrument,
                debited,
                credited,
                amount,
                reference,
            });
        }
    }

    fn hold(&mut self, instrument: InstrumentId, account: AccountId, order: OrderId, amount: Amount) {
        self.post(
            PostingKind::Hold,
            instrument,
            Available(account),
            Held(account),
            amount,
            order.0,
        );
    }

    fn release(&mut self, instrument: InstrumentId, account: AccountId, order: OrderId, amount: Amount) {
        self.post(
            PostingKind::Release,
            instrument,
            Held(account),
            Available(account),
            amount,
            order.0,
        );
    }

    /// The buyer's payment is split where it goes: proceeds to the seller, both fees, the royalty.
    fn traded(&mut self, fill: &Fill, market: MarketParts) -> Result<(), FoldError> {
        let (buyer, seller, number) = (fill.buyer.account, fill.seller.account, fill.number.0);
        let (_, proceeds, fees) = Unsettled::from(fill).shares().ok_or(FoldError::Fill(fill.number))?;
        let MarketParts {
            base,
            quote,
            royalty_account,
            ..
        } = market;
        let payer = Held(buyer);
        self.post(
            PostingKind::Trade,
            base,
            Held(seller),
            Available(buyer),
            fill.base,
            number,
        );
        self.post(PostingKind::Trade, quote, payer, Available(seller), proceeds, number);
        self.post(PostingKind::Fee, quote, payer, Available(AccountId::FEES), fees, number);
        self.post(
            PostingKind::Royalty,
            quote,
            payer,
            Available(royalty_account),
            fill.royalty,
            number,
        );
        self.release(quote, buyer, fill.buyer.order, fill.buyer.released);
        self.release(base, seller, fill.seller.order, fill.seller.released);
        Ok(())
    }

    /// A bust moves the amounts of a fill back, a reinstatement forth again, all between available balances.
    fn moved_again(&mut self, fill: &Fill, market: MarketParts, kind: PostingKind) -> Result<(), FoldError> {
        let (buyer, seller) = (Available(fill.buyer.account), Available(fill.seller.account));
        let (_, proceeds, fees) = Unsettled::from(fill).shares().ok_or(FoldError::Fill(fill.number))?;
        let moves = [
            (market.base, seller, buyer, fill.base),
            (market.quote, buyer, seller, proceeds),
            (market.quote, buyer, Available(AccountId::FEES), fees),
            (market.quote, buyer, Available(market.royalty_account), fill.royalty),
        ];
        for (instrument, from, to, amount) in moves {
            let (from, to) = if kind == PostingKind::Bust {
                (to, from)
            } else {
                (from, to)
            };
            self.post(kind, instrument, from, to, amount, fill.number.0);
        }
        Ok(())
    }
}

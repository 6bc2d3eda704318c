//! Quotes: an account's earlier ones leave a market, new ones come, all or none of them.

use souk_schema::exchange::command::MassQuote;
use souk_schema::exchange::event::CloseCause;
use souk_schema::exchange::rejection::InstructionProblem;
use souk_schema::exchange::{
    AccountId, Amount, Event, OrderId, OrderKind, PostOnly, Rejection, Side, SignedOrder, Ticks, TimeInForce,
};

use super::Engine;
use super::admit::{Admitted, Standing};
use crate::book::{Ladder, Slot};
use crate::state::accounts::SeatIndex;

/// Most quotes of one command.
const MAX_QUOTES: usize = 32;

impl Engine {
    #[inline(never)]
    pub(super) fn mass_quote(&mut self, command: &MassQuote, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let market = self.find_market(&command.market)?;
        let account = self.find_trader(&command.account)?;
        if !command.quotes.is_empty() {
            self.check_taking(market, PostOnly::Reject, || false)?;
        }
        check_quotes(command)?;
        let seat = self.accounts.find_seat(account, self.markets[market].id);
        let mut earlier = std::mem::take(&mut self.scratch.orders);
        if let Some(seat) = seat {
            let orders = self.orders.from(self.accounts.seat(seat).first_order);
            earlier.extend(
                orders
                    .filter(|slot| self.orders.node(*slot).is_quote)
                    .map(|slot| (self.orders.node(slot).id, slot)),
            );
        }
        let admitted = self.admit_quotes(market, account, seat, command, &earlier);
        if let Ok(admitted) = &admitted {
            for (_, slot) in &earlier {
                self.close(*slot, CloseCause::Requoted, events);
            }
            let band = self.markets[market].band();
            for ((place, order), admitted) in (0u8..).zip(&command.quotes).zip(admitted.iter().flatten()) {
                let slot = self.enter(order, admitted, place, band, events);
                self.orders.node_mut(slot).is_quote = true;
            }
            self.run_stops(market, band, events);
        }
        earlier.clear();
        self.scratch.orders = earlier;
        admitted.map(|_| ())
    }

    /// Measures each quote against what the ones before it leave, the earlier quotes thought away.
    fn admit_quotes(
        &self,
        market: usize,
        account: AccountId,
        seat: Option<SeatIndex>,
        command: &MassQuote,
        earlier: &[(OrderId, Slot)],
    ) -> Result<[Option<Admitted>; MAX_QUOTES], Rejection> {
        let mut nonces = self.accounts.get(account).nonces;
        let mut standing = self.standing(market, account, seat);
        let gone = u32::try_from(earlier.len()).expect("an account's orders are bounded");
        standing.open_in_market -= gone;
        standing.open_in_group -= gone;
        standing.gone = earlier;
        for (_, slot) in earlier {
            let hold = self.hold_of(market, *slot);
            *standing.freed_mut(self.orders.node(*slot).side) += signed(hold);
        }
        let mut best = [Side::Buy, Side::Sell].map(|side| self.best_without(market, side, earlier));
        let mut admitted = [None; MAX_QUOTES];
        for (place, order) in command.quotes.iter().enumerate() {
            let signer = self.find_signer(account, order)?;
            let standing_now = Standing {
                nonces: Some(&nonces),
                best: Some(best),
                ..standing
            };
            let quote = self.admit((market, account, signer), order, None, &standing_now)?;
            nonces.mark(order.nonce);
            standing.open_in_market += 1;
            standing.open_in_group += 1;
            *standing.freed_mut(order.side) -= signed(quote.hold);
            let best = &mut best[order.side as usize];
            let is_better = |other: Ticks| match order.side {
                Side::Buy => quote.price > other,
                Side::Sell => quote.price < other,
            };
            if best.is_none_or(is_better) {
                *best = Some(quote.price);
            }
            admitted[place] = Some(quote);
        }
        Ok(admitted)
    }

    /// The best price of a side, these orders thought away.
    fn best_without(&self, market: usize, side: Side, gone: &[(OrderId, Slot)]) -> Option<Ticks> {
        let ladder = self.markets[market].book.side(side);
        let stays = |slot: Slot| !gone.iter().any(|(_, gone)| *gone == slot);
        let mut levels = ladder.iter();
        levels
            .find(|level| Ladder::queue(self.orders.nodes(), level).any(stays))
            .map(|level| level.price)
    }
}

fn signed(amount: Amount) -> i128 {
    i128::try_from(amount.0).expect("a hold is bounded")
}

/// Whether all quotes are what a quote may be.
fn check_quotes(command: &MassQuote) -> Result<(), Rejection> {
    let is_quote = |order: &SignedOrder| {
        let instructions = &order.instructions;
        order.account == command.account
            && order.market == command.market
            && instructions.kind == OrderKind::Limit
            && instructions.time_in_force == TimeInForce::GoodTilCancelled
            && instructions.post_only != PostOnly::No
            && instructions.display_amount == Amount::ZERO
    };
    let quotes = &command.quotes;
    let differ = |one: &SignedOrder, other: &SignedOrder| {
        let (id, other_id) = (one.instructions.client_order_id, other.instructions.client_order_id);
        one.nonce != other.nonce && (id.is_zero() || id != other_id)
    };
    let all_differ = (1..quotes.len()).all(|at| quotes[..at].iter().all(|earlier| differ(&quotes[at], earlier)));
    if quotes.len() <= MAX_QUOTES && quotes.iter().all(is_quote) && all_differ {
        return Ok(());
    }
    let problem = InstructionProblem::Quote;
    Err(Rejection::InvalidInstructions { problem })
}

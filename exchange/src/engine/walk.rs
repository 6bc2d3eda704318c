//! What an order would meet, found out without changing anything: for fill-or-kill, and for previews.

use std::collections::VecDeque;

use souk_schema::exchange::{Amount, Lots, MarketState, Ppm, Rejection, SelfTrade, Side, SignedOrder, Ticks};

use super::Engine;
use super::admit::{Admitted, crosses};
use super::matching::Meeting;
use crate::book::{Ladder, Slot};
use crate::state::market::{part, quote};

/// One thing that would happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Lots trade.
    Fill(Fill),
    /// The own order that was met, or a fee cap, has an effect other than a fill.
    Other,
}

/// A fill that would happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    pub(super) price: Ticks,
    pub(super) lots: Lots,
    pub(super) quote: Amount,
    /// The walking order's fee, without the royalty.
    pub(super) fee: Amount,
    pub(super) royalty: Amount,
}

/// What would be left after a walk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub(super) left: Lots,
    /// Whether the order would be closed, or its rest not worked, whatever its time in force.
    pub(super) is_over: bool,
    /// Whether the market would go to auction.
    pub(super) leaves_band: bool,
}

/// A maker as the walk has left it.
#[derive(Clone, Copy)]
struct Met {
    slot: Slot,
    left: Lots,
    shown: Lots,
    fees_paid: Amount,
}

impl Engine {
    /// Refuses a fill-or-kill order that would not be filled wholly, by nothing but fills.
    #[inline(never)]
    pub(super) fn check_fill_or_kill(
        &self,
        order: &SignedOrder,
        admitted: Admitted,
        amended: Option<Slot>,
    ) -> Result<(), Rejection> {
        let mut only_fills = true;
        let rest = self.walk(order, &admitted, amended, &mut |step| {
            only_fills &= matches!(step, Step::Fill(_));
            only_fills
        });
        match only_fills && rest.left == Lots(0) {
            true => Ok(()),
            false => Err(Rejection::CannotFill),
        }
    }

    /// Walks the book as the order would, and tells of every step until told to stop.
    pub(super) fn walk(
        &self,
        order: &SignedOrder,
        admitted: &Admitted,
        amended: Option<Slot>,
        tell: &mut dyn FnMut(Step) -> bool,
    ) -> Rest {
        let market = &self.markets[admitted.market];
        let mut rest = Rest {
            left: admitted.left,
            is_over: false,
            leaves_band: false,
        };
        if market.state != MarketState::Open {
            return rest;
        }
        let band = market.band();
        let mut paid = amended.map_or(Amount::ZERO, |slot| self.orders.record(slot).fees_paid);
        for level in market.book.side(order.side.opposite()).iter() {
            if !crosses(order.side, admitted.price, level.price) {
                break;
            }
            // Icebergs come round again behind the others of their level.
            let mut again = VecDeque::new();
            let mut first = Ladder::queue(self.orders.nodes(), level).map(|slot| self.met(slot));
            while let Some(maker) = first.next().or_else(|| again.pop_front()) {
                if rest.left == Lots(0) {
                    return rest;
                }
                if self.orders.node(maker.slot).expires_at <= admitted.now {
                    continue;
                }
                if level.price < band.low || level.price > band.high {
                    rest.leaves_band = true;
                    tell(Step::Other);
                    return rest;
                }
                let goes_on = match self.orders.account(&self.accounts, maker.slot) == admitted.account {
                    true => self.walk_into_oneself(order, maker, &mut rest, tell),
                    false => self.walk_into_maker(order, admitted, maker, &mut paid, &mut rest, tell, &mut again),
                };
                if !goes_on {
                    return rest;
                }
            }
        }
        rest
    }

    fn met(&self, slot: Slot) -> Met {
        let node = self.orders.node(slot);
        Met {
            slot,
            left: node.left,
            shown: node.shown,
            fees_paid: self.orders.record(slot).fees_paid,
        }
    }

    fn walk_into_oneself(
        &self,
        order: &SignedOrder,
        maker: Met,
        rest: &mut Rest,
        tell: &mut dyn FnMut(Step) -> bool,
    ) -> bool {
        match order.instructions.self_trade {
            SelfTrade::CancelMaker => {}
            SelfTrade::CancelTaker | SelfTrade::CancelBoth => rest.is_over = true,
            SelfTrade::Decrement => {
                let smaller = rest.left.min(maker.left);
                rest.left = Lots(rest.left.0 - smaller.0);
                rest.is_over = rest.left == Lots(0);
            }
        }
        tell(Step::Other) && !rest.is_over
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the walk's state, split so that its parts can be borrowed apart"
    )]
    fn walk_into_maker(
        &self,
        order: &SignedOrder,
        admitted: &Admitted,
        maker: Met,
        paid: &mut Amount,
        rest: &mut Rest,
        tell: &mut dyn FnMut(Step) -> bool,
        again: &mut VecDeque<Met>,
    ) -> bool {
        let node = self.orders.node(maker.slot);
        let lots = rest.left.min(maker.shown);
        let meeting = self.would_meet(order.side, admitted, node.price, lots, maker.slot);
        let cost = meeting.cost(order.side);
        let maker_cost = meeting.cost(order.side.opposite());
        let maker_is_capped = maker.fees_paid.0 + maker_cost.0 > self.orders.record(maker.slot).fee_cap.0;
        rest.is_over = paid.0 + cost.0 > order.fee_cap.0;
        if maker_is_capped || rest.is_over {
            return tell(Step::Other) && !rest.is_over;
        }
        *paid = Amount(paid.0 + cost.0);
        rest.left = Lots(rest.left.0 - lots.0);
        let left = Lots(maker.left.0 - lots.0);
        if lots == maker.shown && left > Lots(0) {
            let display = self
                .orders
                .extra(maker.slot)
                .display
                .expect("only an iceberg shows less than is left");
            again.push_back(Met {
                left,
                shown: display.min(left),
                fees_paid: Amount(maker.fees_paid.0 + maker_cost.0),
                ..maker
            });
        }
        tell(Step::Fill(Fill {
            price: meeting.price,
            lots,
            quote: meeting.quote,
            fee: meeting.sides[order.side as usize].1,
            royalty: meeting.royalty,
        }))
    }

    /// What a fill with a maker would move.
    fn would_meet(&self, side: Side, admitted: &Admitted, price: Ticks, lots: Lots, maker: Slot) -> Meeting {
        let market = &self.markets[admitted.market];
        let quote = quote(&market.units, price, lots);
        let fee = |ppm: Ppm, bearable: Ppm| part(quote, ppm.min(bearable));
        let taker_fee = fee(market.fees().taker_ppm, admitted.rate);
        let maker_fee = fee(market.fees().maker_ppm, self.orders.record(maker).rate);
        let mut sides = [(maker, maker_fee); 2];
        sides[side as usize].1 = taker_fee;
        Meeting {
            price,
            lots,
            quote,
            royalty: part(quote, market.fees().royalty_ppm),
            sides,
        }
    }
}

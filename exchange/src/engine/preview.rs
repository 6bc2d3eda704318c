//! What an order would do now, without doing it.

use souk_schema::exchange::{Amount, Lots, Rejection, SignedOrder, Ticks, TimeInForce, UnixMillis};

use super::Engine;
use super::admit::{Admitted, is_stop};
use super::walk::Step;
use crate::book::Slot;

/// What an order would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The fills, in order.
    pub fills: Vec<PreviewFill>,
    /// Lots that they fill.
    pub filled: Lots,
    /// What they cost together, without fees.
    pub quote: Amount,
    /// Their average price, in ticks, rounded down; `None` without fills.
    pub average: Option<Ticks>,
    /// The order's fees.
    pub fees: Amount,
    /// The royalties of the fills, which the seller pays.
    pub royalty: Amount,
    /// What it would reserve at first: of the quote instrument for a buyer, of the base instrument for a seller.
    pub hold: Amount,
    /// Where it would work: its limit, or where a post-only order slides to.
    pub price: Ticks,
    /// What would rest in the book, or wait for its trigger.
    pub rests: Lots,
    /// Whether it is a stop that would wait for its trigger.
    pub waits: bool,
    /// Whether it would send the market into an auction.
    pub leaves_band: bool,
    /// Whether it is an amendment that keeps its place in the queue.
    pub keeps_place: bool,
}

/// A fill that would happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewFill {
    /// At.
    pub price: Ticks,
    /// How many.
    pub lots: Lots,
}

impl Engine {
    /// What a `PlaceOrder` of this order would do at a time, changing nothing. A stop is previewed as it waits. Signature and nonce count as
    /// they do for the command.
    ///
    /// # Errors
    ///
    /// Why the command would be refused.
    pub fn preview(&self, order: &SignedOrder, at: UnixMillis) -> Result<Preview, Rejection> {
        if self.group.is_none() {
            return Err(Rejection::GroupNotOpen);
        }
        let admitted = self.admit_new(order, self.time.max(at))?;
        Ok(self.previewed(order, &admitted, None, is_stop(order.instructions.kind)))
    }

    /// What an `AmendOrder` of this order would do at a time, changing nothing: the open order with its nonce is given these terms. Its
    /// quantity counts what is filled already, and so do the fees that the cap allows.
    ///
    /// # Errors
    ///
    /// Why the command would be refused.
    pub fn preview_amendment(&self, order: &SignedOrder, at: UnixMillis) -> Result<Preview, Rejection> {
        if self.group.is_none() {
            return Err(Rejection::GroupNotOpen);
        }
        let (slot, admitted) = self.admit_amendment(order, self.time.max(at))?;
        let (node, rate) = (self.orders.node(slot), self.orders.record(slot).rate);
        if admitted.keeps_place {
            let market = &self.markets[admitted.market];
            return Ok(Preview {
                hold: market.hold(node.side, node.price, admitted.left, rate),
                price: node.price,
                keeps_place: true,
                ..Preview::before_any_fill(&admitted, node.waits)
            });
        }
        Ok(self.previewed(order, &admitted, Some(slot), node.waits))
    }

    /// What an order does that is admitted; `amended` is where it is, if it is in.
    fn previewed(&self, order: &SignedOrder, admitted: &Admitted, amended: Option<Slot>, waits: bool) -> Preview {
        let mut preview = Preview::before_any_fill(admitted, waits);
        if waits {
            return preview;
        }
        let rest = self.walk(order, admitted, amended, &mut |step| {
            if let Step::Fill(fill) = step {
                preview.fills.push(PreviewFill {
                    price: fill.price,
                    lots: fill.lots,
                });
                preview.filled.0 += fill.lots.0;
                preview.quote.0 += fill.quote.0;
                preview.fees.0 += fill.fee.0;
                preview.royalty.0 += fill.royalty.0;
            }
            true
        });
        let stays = order.instructions.time_in_force == TimeInForce::GoodTilCancelled && !rest.is_over;
        preview.rests = if stays { rest.left } else { Lots(0) };
        preview.leaves_band = rest.leaves_band;
        if preview.filled > Lots(0) {
            let units = &self.markets[admitted.market].units;
            let average = preview.quote.0 / units.tick_size.0 / u128::from(preview.filled.0);
            preview.average = Some(Ticks(u64::try_from(average).expect("between two prices")));
        }
        preview
    }
}

impl Preview {
    fn before_any_fill(admitted: &Admitted, waits: bool) -> Preview {
        Preview {
            fills: Vec::new(),
            filled: Lots(0),
            quote: Amount::ZERO,
            average: None,
            fees: Amount::ZERO,
            royalty: Amount::ZERO,
            hold: admitted.hold,
            price: admitted.price,
            rests: admitted.left,
            waits,
            leaves_band: false,
            keeps_place: false,
        }
    }
}

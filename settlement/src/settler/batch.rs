//! What the vault is shown: fills in the order of their numbers, each order once.
//!
//! Pure. Start at [`build`].

use std::collections::BTreeMap;

use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use souk_contracts::{ExchangeVault, exchange};
use souk_schema::exchange::{FillNumber, GroupId, SignedOrder};

use super::queue::{Queue, SignatureId};

/// Bounds of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most fills.
    pub max_fills: usize,
    /// Most orders; at most 65,536.
    pub max_orders: usize,
    /// Most gas, as reckoned before the node is asked.
    pub max_gas: u64,
}

impl Default for BatchLimits {
    fn default() -> BatchLimits {
        BatchLimits {
            max_fills: 128,
            max_orders: 256,
            max_gas: 12_000_000,
        }
    }
}

/// Gas that a batch of so many orders and fills takes at most, roughly: what a fill between two accounts that never had either token
/// takes, with the rest of a step that the vault wants to see left.
pub fn gas_bound(orders: usize, fills: usize) -> u64 {
    const PER_BATCH: u64 = 60_000 + MIN_STEP_GAS;
    const PER_ORDER: u64 = 20_000;
    const PER_FILL: u64 = 190_000;
    PER_BATCH + PER_ORDER * orders as u64 + PER_FILL * fills as u64
}

/// Gas that the vault wants to see left before each order and fill.
pub const MIN_STEP_GAS: u64 = 300_000;

/// Fills in a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Of which group.
    pub group: GroupId,
    /// Number of the first.
    pub first: FillNumber,
    /// Each order once.
    pub orders: Vec<ExchangeVault::SignedOrder>,
    /// In order.
    pub fills: Vec<ExchangeVault::Fill>,
}

impl Batch {
    /// Number of the last fill.
    pub fn last(&self) -> FillNumber {
        FillNumber(self.first.0 + self.fills.len() as u64 - 1)
    }

    /// How many of the fills the operator has skipped.
    pub fn voided(&self) -> u32 {
        self.fills.iter().filter(|fill| fill.skip).count() as u32
    }

    /// The call.
    pub fn call(&self) -> Bytes {
        let call = ExchangeVault::settleCall {
            group: self.group.0,
            firstNumber: self.first.0,
            orders: self.orders.clone(),
            fills: self.fills.clone(),
        };
        call.abi_encode().into()
    }

    /// What [`gas_bound`] says of it.
    pub fn gas_bound(&self) -> u64 {
        gas_bound(self.orders.len(), self.fills.len())
    }
}

/// The largest batch within the limits that begins at `first`; at least one fill, however large it is. `None` where that fill does not
/// wait in the queue.
pub fn build(group: GroupId, queue: &Queue, first: FillNumber, limits: &BatchLimits) -> Option<Batch> {
    let mut batch = Batch {
        group,
        first,
        orders: Vec::new(),
        fills: Vec::new(),
    };
    let mut places: BTreeMap<SignatureId, u16> = BTreeMap::new();
    for (expected, waiting) in (first.0..).zip(queue.from(first)) {
        if waiting.fill.number.0 != expected {
            break;
        }
        if waiting.busted {
            if batch.fills.len() >= limits.max_fills {
                break;
            }
            batch.fills.push(ExchangeVault::Fill {
                skip: true,
                ..Default::default()
            });
            continue;
        }
        let sides = [&waiting.fill.buyer, &waiting.fill.seller].map(SignatureId::of);
        let new = sides.iter().filter(|id| !places.contains_key(id)).count();
        let (orders, fills) = (batch.orders.len() + new, batch.fills.len() + 1);
        let fits =
            fills <= limits.max_fills && orders <= limits.max_orders && gas_bound(orders, fills) <= limits.max_gas;
        if !fits && !batch.fills.is_empty() {
            break;
        }
        for id in sides {
            if let std::collections::btree_map::Entry::Vacant(place) = places.entry(id) {
                place.insert(u16::try_from(batch.orders.len()).ok()?);
                batch.orders.push(vault_order(queue.order(id)?));
            }
        }
        let fill = &waiting.fill;
        batch.fills.push(ExchangeVault::Fill {
            buyOrder: places[&sides[0]],
            sellOrder: places[&sides[1]],
            baseAmount: fill.base.0,
            quoteAmount: fill.quote.0,
            buyerFee: fill.buyer.fee.0,
            sellerFee: fill.seller.fee.0,
            royalty: fill.royalty.0,
            skip: false,
        });
    }
    (!batch.fills.is_empty()).then_some(batch)
}

/// An order as it was signed.
pub fn typed_order(order: &SignedOrder) -> exchange::Order {
    let instructions = &order.instructions;
    exchange::Order {
        account: order.account,
        market: order.market,
        side: match order.side {
            souk_schema::exchange::Side::Buy => exchange::BUY,
            souk_schema::exchange::Side::Sell => exchange::SELL,
        },
        baseAmount: order.base_amount.0,
        limitPrice: order.limit_price.0,
        feeCap: order.fee_cap.0,
        nonce: order.nonce,
        expiry: order.expiry_secs,
        instructions: exchange::Instructions {
            kind: instructions.kind.number(),
            timeInForce: instructions.time_in_force.number(),
            postOnly: instructions.post_only.number(),
            selfTrade: instructions.self_trade.number(),
            displayAmount: instructions.display_amount.0,
            triggerPrice: instructions.trigger_price.0,
            goodUntil: instructions.good_until_secs,
            clientOrderId: instructions.client_order_id,
        },
    }
}

fn vault_order(order: &SignedOrder) -> ExchangeVault::SignedOrder {
    exchange::signed_order(&typed_order(order), &order.signature.0)
}

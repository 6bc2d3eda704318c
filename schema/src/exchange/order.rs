//! Orders as their accounts sign them. The signed part is EIP-712; the vault checks price, quantity, fees, nonce and expiry on chain.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::id::UnixMillis;
use super::quantity::{Amount, Lots, Ticks};

/// Which side of the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Pays quote, receives base. 0 in the signed order.
    Buy,
    /// Pays base, receives quote. 1 in the signed order.
    Sell,
}

impl Side {
    /// The other side.
    pub fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
}

/// An order as it was signed, field for field the EIP-712 struct `Order` of the vault, with whom the signature was recovered to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOrder {
    /// Whose balances it moves.
    pub account: Address,
    /// The market's id in the vault.
    pub market: B256,
    /// Buy or sell.
    pub side: Side,
    /// Most base units of the base instrument, over all fills of this account and nonce; whole lots.
    pub base_amount: Amount,
    /// Worst price: quote base units for one lot; whole ticks.
    pub limit_price: Amount,
    /// Most fees (a seller's royalty included) over all fills of this account and nonce, in quote base units.
    pub fee_cap: Amount,
    /// Fills count against account and nonce. An amendment carries the nonce of the order that it amends.
    pub nonce: u64,
    /// Unix seconds; the order matches strictly before.
    pub expiry_secs: u64,
    /// How it is to be worked.
    pub instructions: Instructions,
    /// 65 bytes: r, s, v.
    pub signature: Signature,
    /// The address that the signature recovers to, as the gateway that took the order found.
    pub signer: Address,
}

/// A 65-byte ECDSA signature: r, s, v (27 or 28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 65]);

/// How an order is to be worked: the EIP-712 struct `Instructions`. The vault sees only its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instructions {
    /// Limit, market, or a stop.
    pub kind: OrderKind,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Whether it may take.
    pub post_only: PostOnly,
    /// What happens where it would meet an order of its own account.
    pub self_trade: SelfTrade,
    /// Most base units that the book shows at a time (an iceberg), whole lots; 0 shows all.
    pub display_amount: Amount,
    /// For stops: the price at which it starts to work, quote base units for one lot, whole ticks; 0 otherwise.
    pub trigger_price: Amount,
    /// Unix seconds at which the engine takes it out, if before the signed expiry; 0 for none.
    pub good_until_secs: u64,
    /// Chosen by the client; two open orders of an account never share one. Zero for none.
    pub client_order_id: B256,
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant = $number,)* }

        impl $name {
            /// The number that is signed and stored.
            pub fn number(self) -> u8 {
                self as u8
            }

            /// The choice with this number.
            pub fn from_number(number: u8) -> Option<$name> {
                match number {
                    $($number => Some($name::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

choice! {
    /// What makes an order work.
    OrderKind {
        /// At its limit price or better.
        #[default]
        Limit = 0,
        /// At any price up to its limit price, which protects it; never rests.
        Market = 1,
        /// Waits for its trigger price, then works as [`OrderKind::Market`].
        Stop = 2,
        /// Waits for its trigger price, then works as [`OrderKind::Limit`].
        StopLimit = 3,
    }
}

choice! {
    /// How long an order works.
    TimeInForce {
        /// Until it is filled, cancelled or expires.
        #[default]
        GoodTilCancelled = 0,
        /// Fills what it can at once; the rest is cancelled.
        ImmediateOrCancel = 1,
        /// Fills wholly at once, or not at all.
        FillOrKill = 2,
    }
}

choice! {
    /// Whether an order may take.
    PostOnly {
        /// It may.
        #[default]
        No = 0,
        /// Refused where it would take.
        Reject = 1,
        /// Moved to one tick from the best opposite price where it would take.
        Slide = 2,
    }
}

choice! {
    /// What happens where an incoming order would meet a resting one of the same account; the incoming order's choice counts.
    SelfTrade {
        /// The rest of the incoming order is cancelled.
        #[default]
        CancelTaker = 0,
        /// The resting order is cancelled.
        CancelMaker = 1,
        /// Both are cancelled.
        CancelBoth = 2,
        /// Both shrink by the smaller one's lots, without a fill; the one left without lots is cancelled.
        Decrement = 3,
    }
}

/// A signed order in the units of its market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    /// Worst price.
    pub limit: Ticks,
    /// All lots that were signed, filled ones included.
    pub lots: Lots,
    /// Most lots shown at a time; `None` shows all.
    pub display: Option<Lots>,
    /// Where a stop starts to work.
    pub trigger: Option<Ticks>,
    /// Matches strictly before: the signed expiry or `good_until`, whichever is sooner.
    pub expires_at: UnixMillis,
}

impl Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&alloy_primitives::hex::encode_prefixed(self.0))
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let mut bytes = [0; 65];
        alloy_primitives::hex::decode_to_slice(text.as_ref(), &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Signature(bytes))
    }
}

//! One order, as much of it as matching reads: a cache line.

use souk_schema::exchange::{Lots, OrderId, OrderKind, PostOnly, SelfTrade, Side, Ticks, TimeInForce, UnixMillis};

/// Index of an order in the slab.
pub type Slot = u32;

/// No order, no level.
pub const NONE: u32 = u32::MAX;

/// An order in the slab.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Node {
    /// Its id.
    pub id: OrderId,
    /// Where it works: its limit, or where a post-only order slid to.
    pub price: Ticks,
    /// What is left of it, shown or not.
    pub left: Lots,
    /// What its level counts of it; at most `left`.
    pub shown: Lots,
    /// It matches strictly before.
    pub expires_at: UnixMillis,
    /// The order behind it at its level; in the slab's list of free slots, the next one.
    pub next: Slot,
    /// The order before it at its level.
    pub prev: Slot,
    /// Its level in the ladder; [`NONE`] while it is not in the book.
    pub level: u32,
    /// Whose it is in which market: two orders of one market have one seat exactly if they have one account.
    pub seat: u32,
    /// Buy or sell.
    pub side: Side,
    /// What makes it work.
    pub kind: OrderKind,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Whether it may take.
    pub post_only: PostOnly,
    /// What happens where it meets its own account.
    pub self_trade: SelfTrade,
    /// It waits for its trigger, off the book.
    pub waits: bool,
    /// It came by a mass quote.
    pub is_quote: bool,
    /// It is in the tables and lists of open orders: it rests or waits, and is not just passing through.
    pub is_listed: bool,
}

const _: () = assert!(size_of::<Node>() == 64);

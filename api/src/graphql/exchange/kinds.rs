//! The exchange's enums as GraphQL knows them.

use async_graphql::Enum;
use souk_schema::exchange::event::{BustCause, CloseCause};
use souk_schema::exchange::{self, market};

use crate::exchange::order;

/// Declares a GraphQL enum over one of the vocabulary's.
macro_rules! mirror {
    ($(#[doc = $doc:literal])+ $name:ident = $remote:ty { $($(#[doc = $variant_doc:literal])+ $variant:ident),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
        pub enum $name { $($(#[doc = $variant_doc])+ $variant),+ }

        impl From<$remote> for $name {
            fn from(value: $remote) -> $name { match value { $(<$remote>::$variant => $name::$variant),+ } }
        }

        impl From<$name> for $remote {
            fn from(value: $name) -> $remote { match value { $($name::$variant => <$remote>::$variant),+ } }
        }
    };
}

mirror! {
    /// Which side of a market.
    Side = exchange::Side {
        /// Pays quote, receives base.
        Buy,
        /// Pays base, receives quote.
        Sell,
    }
}

mirror! {
    /// What a market does with orders.
    MarketState = market::MarketState {
        /// Takes resting orders and cancels, matches nothing. The state after listing.
        PreOpen,
        /// A call auction gathers orders until its end, then crosses them at one price and opens.
        Auction,
        /// Continuous trading.
        Open,
        /// Takes post-only orders, amendments that shrink, and cancels.
        PostOnly,
        /// Takes cancels and amendments that shrink.
        Halted,
        /// For good: every order is cancelled.
        Closed,
    }
}

mirror! {
    /// What makes an order work.
    OrderType = exchange::OrderKind {
        /// At its limit price or better.
        Limit,
        /// At any price up to its limit price, which protects it; never rests.
        Market,
        /// Waits for its trigger price, then works as `MARKET`.
        Stop,
        /// Waits for its trigger price, then works as `LIMIT`.
        StopLimit,
    }
}

mirror! {
    /// How long an order works.
    TimeInForce = exchange::TimeInForce {
        /// Until it is filled, cancelled or expires. With `goodUntil` until then.
        GoodTilCancelled,
        /// Fills what it can at once; the rest is cancelled.
        ImmediateOrCancel,
        /// Fills wholly at once, or not at all.
        FillOrKill,
    }
}

mirror! {
    /// Whether an order may take.
    PostOnly = exchange::PostOnly {
        /// It may.
        No,
        /// Refused where it would take.
        Reject,
        /// Moved to one tick from the best opposite price where it would take.
        Slide,
    }
}

mirror! {
    /// What happens where an incoming order would meet a resting one of the same account; the incoming order's choice counts.
    SelfTrade = exchange::SelfTrade {
        /// The rest of the incoming order is cancelled.
        CancelTaker,
        /// The resting order is cancelled.
        CancelMaker,
        /// Both are cancelled.
        CancelBoth,
        /// Both shrink by the smaller one's lots, without a fill.
        Decrement,
    }
}

/// What is traded in a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum MarketKind {
    /// Shares of an asset.
    Shares,
    /// Licences of one series.
    Licence,
}

impl From<exchange::MarketKind> for MarketKind {
    fn from(kind: exchange::MarketKind) -> MarketKind {
        match kind {
            exchange::MarketKind::Shares => MarketKind::Shares,
            exchange::MarketKind::Licence { .. } => MarketKind::Licence,
        }
    }
}

/// Whether an order works, in the words of ccxt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum OrderStatus {
    /// A stop whose trigger price was not reached.
    Waiting,
    /// It works.
    Open,
    /// Wholly filled.
    Closed,
    /// Over with something left, by its account, by an instruction or by the exchange; see `closeCause`.
    Canceled,
    /// Over with something left, because its time was.
    Expired,
}

impl From<order::OrderStatus> for OrderStatus {
    fn from(status: order::OrderStatus) -> OrderStatus {
        match status {
            order::OrderStatus::Waiting => OrderStatus::Waiting,
            order::OrderStatus::Open => OrderStatus::Open,
            order::OrderStatus::Closed(CloseCause::Filled) => OrderStatus::Closed,
            order::OrderStatus::Closed(CloseCause::Expired) => OrderStatus::Expired,
            order::OrderStatus::Closed(_) => OrderStatus::Canceled,
        }
    }
}

/// Which orders to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OrderSelection {
    /// Open ones and those that are over.
    All,
    /// Those that can still be filled, waiting stops among them.
    Open,
    /// Those that are over.
    Over,
}

mirror! {
    /// Why an order is over.
    OrderCloseCause = CloseCause {
        /// Nothing is left.
        Filled,
        /// Its account cancelled it, alone or with all.
        Cancelled,
        /// Immediate-or-cancel: nothing more to take.
        NotFilled,
        /// Newer quotes replaced it.
        Requoted,
        /// It met an order of its own account.
        SelfTrade,
        /// Its time is over.
        Expired,
        /// The next fill's fees would pass what was signed.
        FeeCapReached,
        /// The dead-man timer fired.
        DeadMan,
        /// A trade would have left the band, and the order does not rest.
        Band,
        /// A triggered post-only order would have taken, or could not be moved.
        WouldTake,
        /// The account stopped.
        AccountStopped,
        /// A bust left it without funds.
        Unfunded,
        /// Its nonce was invalidated on chain, or its key revoked.
        Revoked,
        /// The market closed.
        MarketClosed,
    }
}

/// How far a fill has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum FillState {
    /// Two orders met, and the balances here moved. Nothing is on the chain yet.
    Matched,
    /// A transaction that settles it was sent.
    Submitted,
    /// Its transaction is in a block that may still be dropped.
    Settled,
    /// Settled in a block that is final: what it brought can be withdrawn.
    Final,
    /// Reversed; see `bustCause`.
    Busted,
}

/// Why a fill was reversed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum FillBustCause {
    /// The vault skipped it; `bustReason` has its reason.
    Skipped,
    /// An earlier bust, an exit or a vanished deposit left a side without what it pays.
    Uncovered,
    /// The vault is in escape.
    Escape,
}

impl From<BustCause> for FillBustCause {
    fn from(cause: BustCause) -> FillBustCause {
        match cause {
            BustCause::Skipped { .. } => FillBustCause::Skipped,
            BustCause::Uncovered => FillBustCause::Uncovered,
            BustCause::Escape => FillBustCause::Escape,
        }
    }
}

/// Why the vault skipped a fill, in the order in which it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum SkipReason {
    /// The operator voided it.
    Voided,
    /// One account with itself.
    SelfTrade,
    /// The two orders are of other markets, or of one that the vault does not know.
    MarketMismatch,
    /// Nothing would move.
    EmptyFill,
    /// An order is on the other side.
    WrongSide,
    /// A signature is not the account's, nor a registered key's.
    BadSignature,
    /// An order had expired, grace included.
    Expired,
    /// An order's nonce was invalidated.
    NonceInvalidated,
    /// The price is beyond a limit.
    PriceOutsideLimit,
    /// A fee is above what the vault allows at all.
    FeeTooHigh,
    /// The fees pass what was signed.
    FeeCapExceeded,
    /// More than was signed.
    Overfilled,
    /// The vault's balance of a side does not cover it.
    InsufficientBalance,
}

impl SkipReason {
    /// The reason with the vault's number; none for 0 and for what is not known here.
    pub fn from_number(number: u8) -> Option<SkipReason> {
        const ALL: [SkipReason; 13] = [
            SkipReason::Voided,
            SkipReason::SelfTrade,
            SkipReason::MarketMismatch,
            SkipReason::EmptyFill,
            SkipReason::WrongSide,
            SkipReason::BadSignature,
            SkipReason::Expired,
            SkipReason::NonceInvalidated,
            SkipReason::PriceOutsideLimit,
            SkipReason::FeeTooHigh,
            SkipReason::FeeCapExceeded,
            SkipReason::Overfilled,
            SkipReason::InsufficientBalance,
        ];
        ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// What became of a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum WithdrawalState {
    /// Debited here, and to be paid out by the vault until its deadline.
    Approved,
    /// Paid out.
    Executed,
    /// Not paid out by its deadline, and credited back.
    Expired,
}

/// How long a candle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum CandleInterval {
    /// A minute.
    #[graphql(name = "ONE_MINUTE")]
    OneMinute,
    /// Five minutes.
    #[graphql(name = "FIVE_MINUTES")]
    FiveMinutes,
    /// An hour.
    #[graphql(name = "ONE_HOUR")]
    OneHour,
    /// A day of UTC.
    #[graphql(name = "ONE_DAY")]
    OneDay,
}

impl From<CandleInterval> for souk_ledger::read::Interval {
    fn from(interval: CandleInterval) -> Self {
        match interval {
            CandleInterval::OneMinute => Self::OneMinute,
            CandleInterval::FiveMinutes => Self::FiveMinutes,
            CandleInterval::OneHour => Self::OneHour,
            CandleInterval::OneDay => Self::OneDay,
        }
    }
}

//! What came of commands. Events are past tense and self-contained: a reader that knows the group's earlier events needs nothing else.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::command::{OpenGroup, Source, Withdraw};
use super::id::{AccountId, CommandNumber, FillNumber, InstrumentId, MarketId, OrderId, UnixMillis};
use super::market::{FeeSchedule, MarketLimits, MarketSpec, MarketState};
use super::order::{OrderKind, Side, SignedOrder};
use super::quantity::{Amount, Lots, Ticks};
use super::rejection::Rejection;
use crate::id::TokenRef;

/// One record of `exchange.events.<group>`: what came of commands that the engine took together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeBatch {
    /// Sequence of the command stream's record that the last of these commands was in.
    pub command_sequence: u64,
    /// By rising number, without gaps, over all batches. A reader skips numbers that it has seen.
    pub outcomes: Vec<Outcome>,
    /// Hash of the engine's state after the last outcome, where one was taken.
    pub state_hash: Option<B256>,
}

/// What came of one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The command's number in its group.
    pub number: CommandNumber,
    /// Who issued it.
    pub source: Source,
    /// Engine time.
    pub time: UnixMillis,
    /// The orders that the command placed or amended, as they were signed: what settlement shows the vault. In the order of the command;
    /// empty for other commands and refused ones.
    pub signed: Vec<SignedOrder>,
    /// Events in order, or why not.
    pub result: Result<Vec<Event>, Rejection>,
}

/// Something that happened in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The group's first event.
    GroupOpened(Box<OpenGroup>),
    /// An instrument has balances from now on.
    InstrumentListed {
        /// Its number.
        instrument: InstrumentId,
        /// The token.
        token: TokenRef,
    },
    /// A market exists, in the state pre-open.
    MarketListed {
        /// Its number.
        market: MarketId,
        /// What is traded.
        base: InstrumentId,
        /// What pays.
        quote: InstrumentId,
        /// Receives the royalties of its trades.
        royalty_account: AccountId,
        /// As listed.
        spec: Box<MarketSpec>,
    },
    /// A market does something else with orders from now on.
    MarketStateChanged {
        /// Which.
        market: MarketId,
        /// Its new state.
        state: MarketState,
        /// Why.
        cause: StateCause,
        /// When an auction crosses.
        auction_ends_at: Option<UnixMillis>,
    },
    /// Fees or bounds are others from now on.
    MarketRulesChanged {
        /// Which.
        market: MarketId,
        /// The new fees.
        fees: FeeSchedule,
        /// The new bounds.
        limits: Box<MarketLimits>,
    },
    /// An address has balances from now on.
    AccountOpened {
        /// Its number.
        account: AccountId,
        /// The address; zero for the account `deficit`.
        address: Address,
    },
    /// An available balance rose by something from outside of the group.
    Credited {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How much.
        amount: Amount,
        /// Why.
        cause: CreditCause,
    },
    /// An available balance fell by something that leaves the group.
    Debited {
        /// Whose.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How much.
        amount: Amount,
        /// Why.
        cause: DebitCause,
    },
    /// What an account cannot bear passes to the account `deficit`: the account's available balance rises by this, that of `deficit` falls.
    DeficitTaken {
        /// Who could not bear it.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How much.
        amount: Amount,
    },
    /// An account repays what `deficit` bore for it: its available balance falls by this, that of `deficit` rises.
    DeficitRepaid {
        /// Who owed it.
        account: AccountId,
        /// Of what.
        instrument: InstrumentId,
        /// How much.
        amount: Amount,
    },
    /// A withdrawal is debited (see the `Debited` before it) and may be co-signed.
    WithdrawalApproved(Box<Withdraw>),
    /// A withdrawal was paid out on chain.
    WithdrawalExecuted {
        /// Whose.
        account: AccountId,
        /// Its nonce.
        nonce: u64,
    },
    /// A withdrawal that had been paid out is under way again: the chain went back past finality.
    WithdrawalVanished {
        /// Whose.
        account: AccountId,
        /// Its nonce.
        nonce: u64,
    },
    /// The account trades no more until its exit is over or taken back.
    AccountStopped {
        /// Whose.
        account: AccountId,
    },
    /// The account trades again.
    AccountResumed {
        /// Whose.
        account: AccountId,
    },
    /// A key signs for the account from now on.
    KeyRegistered {
        /// Whose.
        account: AccountId,
        /// The key's address.
        key: Address,
    },
    /// A key no longer signs for the account.
    KeyRevoked {
        /// Whose.
        account: AccountId,
        /// The key's address.
        key: Address,
    },
    /// The dead-man timer was set, or switched off.
    DeadManSet {
        /// Whose.
        account: AccountId,
        /// When it fires; `None` when off.
        fires_at: Option<UnixMillis>,
    },
    /// An order is there: its hold moved from available to held. It may fill, rest or close later in the same outcome.
    OrderAccepted {
        /// Its id.
        order: OrderId,
        /// Whose.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// Buy or sell.
        side: Side,
        /// What makes it work.
        kind: OrderKind,
        /// Worst price (after a post-only slide, the price it moved to).
        price: Ticks,
        /// All its lots.
        lots: Lots,
        /// What it reserves: of the quote instrument for a buyer, of the base instrument for a seller.
        hold: Amount,
        /// Matches strictly before.
        expires_at: UnixMillis,
    },
    /// A stop's trigger price was reached; it works from now on.
    OrderTriggered {
        /// Which.
        order: OrderId,
    },
    /// What is left of an order stands in the book.
    OrderRested {
        /// Which.
        order: OrderId,
        /// At.
        price: Ticks,
        /// All that is left, shown or not.
        lots: Lots,
    },
    /// An order became smaller without a fill and keeps its place.
    OrderReduced {
        /// Which.
        order: OrderId,
        /// All that is left.
        lots: Lots,
        /// What moved from held to available.
        released: Amount,
        /// Why.
        cause: ReduceCause,
    },
    /// An order was amended and comes in anew (an `OrderRested`, fills or `OrderClosed` follow).
    OrderAmended {
        /// Which.
        order: OrderId,
        /// Its price now.
        price: Ticks,
        /// All that is left.
        lots: Lots,
        /// What it reserved before, all of which moved to available first.
        released: Amount,
        /// What it reserves now.
        hold: Amount,
        /// Matches strictly before.
        expires_at: UnixMillis,
    },
    /// Two orders met.
    Traded(Box<Fill>),
    /// An order is over.
    OrderClosed {
        /// Which.
        order: OrderId,
        /// Why.
        cause: CloseCause,
        /// Lots that were never filled.
        lots: Lots,
        /// What moved from held to available.
        released: Amount,
    },
    /// The book at a price, shown lots only; 0 when the level is gone. At most one for each level and outcome, after the other events.
    LevelChanged {
        /// Where.
        market: MarketId,
        /// Which side.
        side: Side,
        /// The level.
        price: Ticks,
        /// Shown lots there now.
        lots: Lots,
    },
    /// An auction crossed at this price; the fills follow. 0 lots where nothing crossed.
    AuctionCrossed {
        /// Where.
        market: MarketId,
        /// The one price.
        price: Ticks,
        /// Lots filled.
        lots: Lots,
    },
    /// Fills up to this one are settled for good, save those that were busted.
    FillsSettled {
        /// The last of them.
        through: FillNumber,
    },
    /// A fill is reversed: exactly the amounts of its `Traded` move back, all between available balances.
    FillBusted {
        /// As it was.
        fill: Box<Fill>,
        /// Why.
        cause: BustCause,
    },
    /// The chain settled a fill after all that had been busted: its amounts move again, between available balances.
    FillReinstated {
        /// As it was.
        fill: Box<Fill>,
    },
    /// A fill that had been settled is unsettled again: its amounts are pending as they were after its match.
    FillUnsettled {
        /// As it was.
        fill: Box<Fill>,
    },
    /// The chain went back past finality: only fills up to this one are settled for good now, and the vault consumes the numbers after it once
    /// more.
    SettlementVanished {
        /// The last of them.
        through: FillNumber,
    },
    /// The oldest unsettled fill is so old that the group takes less (post-only) or nothing (halted), or no longer.
    SettlementLagged {
        /// What all markets of the group are limited to; `Open` for no limit.
        limit: MarketState,
    },
}

/// Two orders met: the amounts that move, to the last base unit.
///
/// The buyer pays `quote + buyer.fee` out of its hold and receives `base`; the seller pays `base` out of its hold and receives
/// `quote - seller.fee - royalty`; the account `fees` receives both fees and the market's royalty account the royalty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fill {
    /// Its number.
    pub number: FillNumber,
    /// Where.
    pub market: MarketId,
    /// At.
    pub price: Ticks,
    /// How many.
    pub lots: Lots,
    /// Which side came to the book; in an auction, the younger order's.
    pub taker: Side,
    /// `lots` in base units.
    pub base: Amount,
    /// What they cost, in quote base units.
    pub quote: Amount,
    /// Out of the seller's proceeds, to the asset's revenue.
    pub royalty: Amount,
    /// Who buys.
    pub buyer: FillSide,
    /// Who sells.
    pub seller: FillSide,
}

/// One side of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FillSide {
    /// The order.
    pub order: OrderId,
    /// The command whose signature covers it: the one that placed the order, or the last that amended it.
    pub signed_by: CommandNumber,
    /// Whose.
    pub account: AccountId,
    /// In quote base units, without the royalty.
    pub fee: Amount,
    /// What moved from held to available beside the payment: a better price or fee than was reserved for.
    pub released: Amount,
}

/// Why a balance rose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum CreditCause {
    /// A deposit is final.
    Deposit {
        /// The vault's number of it.
        deposit_id: u64,
    },
    /// A withdrawal was not paid out by its deadline.
    WithdrawalExpired {
        /// Its nonce.
        nonce: u64,
    },
    /// An exit that had been paid out in a final block is gone with it.
    ExitVanished {
        /// The vault's number of it.
        exit_id: u64,
    },
    /// Royalties that a final block had paid out are back.
    FlushVanished,
}

/// Why a balance fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum DebitCause {
    /// A withdrawal is to be paid out.
    Withdrawal {
        /// Its nonce.
        nonce: u64,
    },
    /// An exit was paid out.
    Exit {
        /// The vault's number of it.
        exit_id: u64,
    },
    /// Royalties went to the revenue router.
    RoyaltyFlush,
    /// A deposit that was final is gone with its block.
    DepositVanished {
        /// The vault's number of it.
        deposit_id: u64,
    },
    /// The account took it through the escape.
    Escape,
}

/// Why a market changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateCause {
    /// The operator said so.
    Operator,
    /// A trade would have left the band.
    Band,
    /// The auction is over.
    AuctionOver,
    /// The licence series ends.
    SeriesEnds,
    /// The licence series was revoked.
    SeriesRevoked,
    /// Something final was not: the chain went back past finality.
    FinalityBroken,
    /// The vault is in escape.
    Escape,
}

/// Why an order became smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReduceCause {
    /// Its account said so.
    Trader,
    /// It met an order of its own account.
    SelfTrade,
}

/// Why an order is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCause {
    /// Nothing is left.
    Filled,
    /// Its account cancelled it, alone or with all.
    Cancelled,
    /// Immediate-or-cancel: nothing more to take now.
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

/// Why a fill is reversed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum BustCause {
    /// The vault skipped it.
    Skipped {
        /// The vault's reason code.
        reason: u8,
    },
    /// An earlier bust, an exit or a vanished deposit left a side without what it pays.
    Uncovered,
    /// The vault is in escape.
    Escape,
}

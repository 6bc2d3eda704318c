//! What an engine is told. Commands are imperative; each has one outcome: events, or one reason for refusing it.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::id::{FillNumber, GroupId, OrderId, UnixMillis};
use super::market::{FeeSchedule, MarketLimits, MarketSpec, MarketState};
use super::order::SignedOrder;
use super::quantity::{Amount, Lots};
use crate::id::{ChainId, TokenRef};

/// One record of `exchange.commands.<group>`: commands that one writer appended together, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandBatch {
    /// The writer's clock. Engine time is the latest of these so far; it never goes back.
    pub written_at: UnixMillis,
    /// In order.
    pub commands: Vec<Command>,
}

/// A command, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Who says so. A command whose source has been heard beyond its position is a duplicate, and refused as one.
    pub source: Source,
    /// What is to be done.
    pub body: CommandBody,
}

/// Who issues a command. Positions rise within a source, so what was delivered twice is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// A writer of commands: an API host, an operator's command line, the clock.
    Gateway {
        /// Drawn at random when the writer starts.
        id: u64,
        /// From 1.
        position: u64,
    },
    /// A fact from a chain's stream.
    Chain {
        /// The chain.
        chain: ChainId,
        /// The stream's generation in the upper 8 bits, then 40 bits of the record's sequence, then 16 bits of the fact's place in it.
        position: u64,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CommandBody {
    /// Opens the group; the first command of its stream.
    OpenGroup(OpenGroup),
    /// Lists a market, in the state pre-open.
    ListMarket(Box<MarketSpec>),
    /// Changes what a market does with orders.
    SetMarketState {
        /// The market's id in the vault.
        market: B256,
        /// The new state. `Open` only from post-only, or from halted where the book is not crossed; from pre-open by way of an auction.
        state: MarketState,
    },
    /// Changes fees, bounds or both, for what comes after. Open orders keep working.
    SetMarketRules {
        /// The market's id in the vault.
        market: B256,
        /// The new fees.
        fees: FeeSchedule,
        /// The new bounds.
        limits: MarketLimits,
    },
    /// Places a signed order.
    PlaceOrder(Box<SignedOrder>),
    /// Cancels an order.
    CancelOrder {
        /// Whose.
        account: Address,
        /// Which.
        order: OrderTarget,
    },
    /// Cancels every order of an account.
    CancelAll {
        /// Whose.
        account: Address,
        /// In one market only, by its id in the vault.
        market: Option<B256>,
    },
    /// Shrinks an order to fewer remaining lots; it keeps its place in the queue.
    ReduceOrder {
        /// Whose.
        account: Address,
        /// Which.
        order: OrderTarget,
        /// What remains, in lots; less than now, not 0.
        remaining: Lots,
    },
    /// Replaces an order by a newly signed one of the same account, nonce, market and side. Where only the quantity shrinks it keeps its place
    /// in the queue; otherwise it comes in anew, under the same order id.
    AmendOrder(Box<SignedOrder>),
    /// Takes an account's earlier quotes out of a market and places these, all or none of them.
    MassQuote(MassQuote),
    /// Cancels all of the account's orders unless it says so again within the time.
    SetDeadMan {
        /// Whose.
        account: Address,
        /// Seconds of engine time; 0 switches it off.
        timeout_secs: u32,
    },
    /// Debits a withdrawal, which the operator then co-signs.
    Withdraw(Withdraw),
    /// Something that a chain did, in a final block unless it says otherwise.
    Fact(Fact),
    /// Time went on: timers, expiries, auctions.
    Tick,
}

/// What a group needs to know of its vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGroup {
    /// The group.
    pub group: GroupId,
    /// The chain that it settles on.
    pub chain: ChainId,
    /// The vault.
    pub vault: Address,
    /// The vault's fee account, which becomes [`super::AccountId::FEES`].
    pub fee_account: Address,
    /// The vault's exit delay in seconds.
    pub exit_delay_secs: u64,
    /// The vault's settlement grace in seconds.
    pub settlement_grace_secs: u64,
    /// Most open orders (stops included) of one account in the group.
    pub max_open_orders: u32,
    /// Which revision of the rules the group goes by. The first is left out where this is written as JSON, as it was before there were two.
    #[serde(default, skip_serializing_if = "Rules::is_first")]
    pub rules: Rules,
}

/// A revision of the rules (`docs/exchange-rules.md` says what each changed). A group keeps the one that it was opened with: so its log comes
/// to the same outcomes with every later build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rules {
    /// That of all groups whose `OpenGroup` names none.
    #[default]
    First,
    /// The age of the oldest unsettled fill is measured against the settlement grace, too.
    Second,
    /// Whoever owes something to the account `deficit` repays it from whatever comes.
    Third,
}

impl Rules {
    /// What new groups go by.
    pub const LATEST: Rules = Rules::Third;

    fn is_first(&self) -> bool {
        *self == Rules::First
    }
}

/// Names an order of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderTarget {
    /// By the id that the engine gave.
    Id(OrderId),
    /// By the id that the client chose.
    ClientId(B256),
    /// By the nonce that was signed.
    Nonce(u64),
}

/// Quotes of an account in one market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MassQuote {
    /// Whose.
    pub account: Address,
    /// The market's id in the vault.
    pub market: B256,
    /// At most 32 limit orders, post-only, good til cancelled; none only takes the earlier ones out.
    pub quotes: Vec<SignedOrder>,
}

/// A withdrawal with the operator's co-signature: the vault's EIP-712 struct `Withdrawal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdraw {
    /// Whose.
    pub account: Address,
    /// Of what.
    pub token: TokenRef,
    /// How much, in base units; not 0.
    pub amount: Amount,
    /// To whom on chain.
    pub receiver: Address,
    /// Used once per account; of the same space as the nonces of orders.
    pub nonce: u64,
    /// Unix seconds; where the chain's finality passes it unexecuted, the amount is credited back.
    pub deadline_secs: u64,
}

/// What a chain did. Facts count from the finality of their block on, save where they say otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A deposit for this group.
    Deposited {
        /// The vault's number of it.
        deposit_id: u64,
        /// Whose.
        account: Address,
        /// Of what.
        token: TokenRef,
        /// How much.
        amount: Amount,
    },
    /// A deposit that had been final is gone with its block. The same deposit again cancels this.
    DepositVanished {
        /// The vault's number of it.
        deposit_id: u64,
    },
    /// Fills that final blocks had settled or skipped are gone with those blocks: the vault consumes their numbers once more. Told before what
    /// else is gone of the same blocks.
    FillsVanished {
        /// The first of them.
        from: FillNumber,
    },
    /// A withdrawal that had been paid out in a final block is gone with it: it is under way again.
    WithdrawalVanished {
        /// Whose.
        account: Address,
        /// Its nonce.
        nonce: u64,
    },
    /// An exit that had been paid out in a final block is gone with it.
    ExitVanished {
        /// The vault's number of it.
        exit_id: u64,
    },
    /// Royalties that a final block had paid to the revenue router are back with the market.
    FlushVanished {
        /// The market's id in the vault.
        market: B256,
        /// How much, in quote base units.
        amount: Amount,
    },
    /// A withdrawal was paid out.
    Withdrawn {
        /// Whose.
        account: Address,
        /// Its nonce.
        nonce: u64,
    },
    /// Finality passed the block time `secs`: withdrawals with an earlier deadline that were not paid out are credited back.
    FinalityReached {
        /// The newest final block.
        block: u64,
        /// Its time, unix seconds.
        secs: u64,
    },
    /// Somebody wants out without the operator. Seen at head, not at finality: the account stops at once.
    ExitRequested {
        /// Whose.
        account: Address,
        /// The vault's number of it.
        exit_id: u64,
    },
    /// The request is gone: taken back, or reverted with its block before it was final.
    ExitCancelled {
        /// Whose.
        account: Address,
        /// The vault's number of it.
        exit_id: u64,
    },
    /// An exit was paid out.
    ExitExecuted {
        /// Whose.
        account: Address,
        /// The vault's number of it.
        exit_id: u64,
        /// Of what.
        token: TokenRef,
        /// What was paid.
        amount: Amount,
    },
    /// Fills were settled, from the oldest unsettled one on.
    FillsSettled {
        /// The last of them.
        through: FillNumber,
    },
    /// The vault skipped the oldest unsettled fill.
    FillSkipped {
        /// Which.
        fill: FillNumber,
        /// The vault's reason code.
        reason: u8,
    },
    /// An account registered a trading key. Seen at head.
    KeyRegistered {
        /// Whose.
        account: Address,
        /// The key's address.
        key: Address,
    },
    /// An account revokes a trading key. Seen at head: the engine takes no order by it from now on.
    KeyRevoked {
        /// Whose.
        account: Address,
        /// The key's address.
        key: Address,
    },
    /// An account invalidates nonces on chain. Seen at head: such open orders are cancelled now.
    NoncesInvalidated {
        /// Whose.
        account: Address,
        /// Every nonce below.
        below: u64,
        /// This one too.
        single: Option<u64>,
    },
    /// Royalties of a market were paid to the revenue router.
    RoyaltyFlushed {
        /// The market's id in the vault.
        market: B256,
        /// How much, in quote base units.
        amount: Amount,
    },
    /// A licence series was revoked. Seen at head: its markets halt.
    SeriesRevoked {
        /// The series.
        token: TokenRef,
    },
    /// The vault is in escape: unsettled fills are void, every market closes.
    EscapeEntered,
    /// An account took what it had of a token through the escape.
    Escaped {
        /// Whose.
        account: Address,
        /// Of what.
        token: TokenRef,
        /// How much.
        amount: Amount,
    },
}

//! What outcomes change in the tables, collected over a batch.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use alloy_primitives::map::HashMap;
use souk_schema::amount::Balance;
use souk_schema::exchange::command::{OpenGroup, Withdraw};
use souk_schema::exchange::event::{BustCause, Fill, StateCause};
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, FeeSchedule, FillNumber, InstrumentId, MarketId, MarketLimits, MarketSpec,
    MarketState, OrderId, Ticks, UnixMillis,
};
use souk_schema::{ChainId, TokenRef};

use super::FoldError;
use super::candles::{CandleKey, CandlePart};
use super::context::{MarketParts, Unsettled};
use super::orders::{FillTaken, TouchedOrder};
use crate::amounts::signed;
use crate::posting::{LedgerAccount, Posting, Transaction};

/// What a balance gained or lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalanceChange {
    /// Of what a new order may use.
    pub available: Balance,
    /// Of what open orders reserve.
    pub held: Balance,
    /// Of what unsettled fills bring.
    pub pending_in: Balance,
    /// Of what unsettled fills take.
    pub pending_out: Balance,
    /// The last command that changed it.
    pub version: CommandNumber,
}

/// Where the things of an account are; each list rises.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Commands with postings of it.
    pub transactions: Vec<i64>,
    /// Its fills.
    pub fills: Vec<i64>,
    /// Orders that it placed.
    pub orders: Vec<i64>,
}

/// A fill, and what matched it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFill {
    /// The command.
    pub matched_by: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
    /// The fill.
    pub fill: Box<Fill>,
}

/// A fill that was reversed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bust {
    /// Which.
    pub fill: FillNumber,
    /// The command.
    pub by: CommandNumber,
    /// Why.
    pub cause: BustCause,
}

/// A withdrawal that was debited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// As the account asked.
    pub withdraw: Box<Withdraw>,
    /// The command.
    pub by: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
}

/// What became of a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalEnd {
    /// Paid out, as this command learned.
    Executed(CommandNumber),
    /// Credited back by this command.
    Expired(CommandNumber),
    /// Under way again: the chain went back past finality.
    Vanished,
}

/// An exit that was paid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exited {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// How much.
    pub amount: Amount,
    /// The vault's number of it.
    pub exit_id: u64,
    /// The command.
    pub by: CommandNumber,
    /// Engine time.
    pub time: UnixMillis,
}

/// What outcomes change. Within a field things are in the order in which they happened, or by key.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The group was opened.
    pub opened: Option<Box<OpenGroup>>,
    /// Engine time of the last outcome.
    pub engine_time: UnixMillis,
    /// The limit while settlement lags, where it changed.
    pub settlement_limit: Option<MarketState>,
    /// The newest fill, where there is a newer one.
    pub last_fill: Option<FillNumber>,
    /// The newest settled fill, after each command that settled any.
    pub settled: Vec<(CommandNumber, FillNumber)>,
    /// Instruments that were listed.
    pub instruments: Vec<(InstrumentId, TokenRef)>,
    /// Markets that were listed, and by which command.
    pub markets: Vec<(MarketId, MarketParts, Box<MarketSpec>, CommandNumber)>,
    /// Market states that changed: state, cause, end of an auction.
    pub states: BTreeMap<MarketId, (MarketState, StateCause, Option<UnixMillis>)>,
    /// Market rules that changed.
    pub rules: BTreeMap<MarketId, (FeeSchedule, Box<MarketLimits>)>,
    /// Prices of the newest fills.
    pub last_prices: BTreeMap<MarketId, Ticks>,
    /// Accounts that were opened, and by which command.
    pub accounts: BTreeMap<AccountId, (Address, CommandNumber)>,
    /// Accounts that stopped or resumed.
    pub stopped: BTreeMap<AccountId, bool>,
    /// Transactions, by number.
    pub transactions: Vec<Transaction>,
    /// Balances that changed; filled in when the changes are taken.
    pub balances: BTreeMap<(AccountId, InstrumentId), BalanceChange>,
    /// Where the things of accounts are; filled in when the changes are taken.
    pub activity: BTreeMap<AccountId, Activity>,
    /// New fills.
    pub fills: Vec<NewFill>,
    /// Fills that were reversed.
    pub busts: Vec<Bust>,
    /// Fills that were settled after all.
    pub reinstated: Vec<(FillNumber, CommandNumber)>,
    /// Candles that fills add to.
    pub candles: BTreeMap<CandleKey, CandlePart>,
    /// Orders that changed, by id; filled in when the changes are taken.
    pub orders: Vec<TouchedOrder>,
    /// Fills of orders that are long over: taken out of (true) or put back into what they filled.
    pub counted_again: Vec<(OrderId, FillTaken, bool, UnixMillis)>,
    /// Withdrawals that were debited.
    pub withdrawals: Vec<Withdrawn>,
    /// What became of withdrawals, by account and nonce.
    pub withdrawals_over: Vec<(AccountId, u64, WithdrawalEnd)>,
    /// Exits that were paid out.
    pub exits: Vec<Exited>,
    /// Exits that were paid out before this batch and are gone with their blocks.
    pub exits_vanished: Vec<u64>,
    /// Facts of a chain that were taken or refused: chain, position, command.
    pub facts: Vec<(ChainId, u64, CommandNumber)>,
    /// Orders in the context that changed.
    pub(super) touched: Vec<OrderId>,
    /// What becomes of `balances`: every posting looks twice here, and order is needed only in the end.
    sums: HashMap<(AccountId, InstrumentId), BalanceChange>,
    /// What becomes of `activity`.
    active: HashMap<AccountId, Activity>,
}

impl Changes {
    fn balance(&mut self, account: AccountId, instrument: InstrumentId, number: CommandNumber) -> &mut BalanceChange {
        let change = self.sums.entry((account, instrument)).or_default();
        change.version = number;
        change
    }

    /// What an account finds of the batch.
    pub(super) fn active(&mut self, account: AccountId) -> &mut Activity {
        self.active.entry(account).or_default()
    }

    /// Orders what was collected by key.
    pub(super) fn order(&mut self) {
        self.balances = std::mem::take(&mut self.sums).into_iter().collect();
        self.activity = std::mem::take(&mut self.active).into_iter().collect();
    }

    /// Notes that a fill is reversed. What was noted of it before is over: a fill that was settled after all can lose that again.
    pub(super) fn bust(&mut self, bust: Bust) {
        self.reinstated.retain(|(fill, _)| *fill != bust.fill);
        self.busts.retain(|before| before.fill != bust.fill);
        self.busts.push(bust);
    }

    /// Counts a posting in the balances that it changes.
    pub(super) fn count(&mut self, posting: &Posting, number: CommandNumber) {
        let instrument = posting.instrument;
        for (account, change) in posting.sides() {
            match account {
                LedgerAccount::Custody => {}
                LedgerAccount::Available(account) => self.balance(account, instrument, number).available += change,
                LedgerAccount::Held(account) => self.balance(account, instrument, number).held += change,
            }
        }
    }

    /// Notes what the accounts of a transaction find there later.
    pub(super) fn note(&mut self, transaction: &Transaction) {
        let number = transaction.number.0.cast_signed();
        let mut before = None;
        for account in transaction
            .postings
            .iter()
            .flat_map(|posting| [posting.debited, posting.credited])
        {
            let (LedgerAccount::Available(account) | LedgerAccount::Held(account)) = account else {
                continue;
            };
            // Many sides in a row are one account's.
            if before.replace(account) == Some(account) {
                continue;
            }
            let known = &mut self.active(account).transactions;
            if known.last() != Some(&number) {
                known.push(number);
            }
        }
    }

    /// Adds the pending parts of a fill that was matched, or takes away those of one that is settled or busted.
    pub(super) fn pend(
        &mut self,
        fill: &Unsettled,
        market: MarketParts,
        is_over: bool,
        number: CommandNumber,
        fill_number: FillNumber,
    ) -> Result<(), FoldError> {
        let (paid, proceeds, fees) = fill.shares().ok_or(FoldError::Fill(fill_number))?;
        let moves = [
            (fill.buyer, market.base, fill.base, Amount::ZERO),
            (fill.buyer, market.quote, Amount::ZERO, paid),
            (fill.seller, market.base, Amount::ZERO, fill.base),
            (fill.seller, market.quote, proceeds, Amount::ZERO),
            (AccountId::FEES, market.quote, fees, Amount::ZERO),
            (market.royalty_account, market.quote, fill.royalty, Amount::ZERO),
        ];
        for (account, instrument, incoming, outgoing) in moves {
            if incoming == Amount::ZERO && outgoing == Amount::ZERO {
                continue;
            }
            let change = self.balance(account, instrument, number);
            let (incoming, outgoing) = (signed(incoming), signed(outgoing));
            if is_over {
                change.pending_in -= incoming;
                change.pending_out -= outgoing;
            } else {
                change.pending_in += incoming;
                change.pending_out += outgoing;
            }
        }
        Ok(())
    }
}

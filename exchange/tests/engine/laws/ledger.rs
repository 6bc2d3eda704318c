//! LED-1, EX-3 and EX-5: every event as postings, derived from the event alone (and from earlier events of the same stream). They sum to zero per
//! instrument, and their totals are the machine's balances to the last base unit.

use std::collections::BTreeMap;

use souk_schema::exchange::command::Rules;
use souk_schema::exchange::event::Fill;
use souk_schema::exchange::{AccountId, Amount, Event, FillNumber, InstrumentId, MarketId, OrderId, Side};

use super::Broken;
use crate::machine::View;
use crate::oracle::Balance;

/// What a posting is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purse {
    Available(AccountId),
    Held(AccountId),
    /// All that is not in the group.
    Outside,
}

type Posting = (Purse, InstrumentId, i128);

/// A reader of events that keeps balances.
#[derive(Default)]
pub struct Ledger {
    totals: BTreeMap<(Purse, InstrumentId), i128>,
    markets: Vec<(InstrumentId, InstrumentId, AccountId)>,
    /// Whose an open order is, where and on which side.
    orders: BTreeMap<OrderId, (AccountId, MarketId, Side)>,
    pending: BTreeMap<FillNumber, Fill>,
    /// What `DEFICIT` bears for others.
    pub borne: BTreeMap<(AccountId, InstrumentId), i128>,
    /// What the group goes by.
    rules: Rules,
}

impl Ledger {
    /// # Errors
    /// Names the event whose postings do not sum to zero, or that speaks of something unknown.
    pub fn observe(&mut self, events: &[Event]) -> Result<(), Broken> {
        for event in events {
            self.learn(event);
            let postings = self.postings(event)?;
            let mut sums: BTreeMap<InstrumentId, i128> = BTreeMap::new();
            for (purse, instrument, amount) in postings {
                *sums.entry(instrument).or_default() += amount;
                *self.totals.entry((purse, instrument)).or_default() += amount;
            }
            if sums.values().any(|sum| *sum != 0) {
                return Err(format!("LED-1: {event:?} sums to {sums:?}"));
            }
            self.forget(event);
        }
        Ok(())
    }

    fn learn(&mut self, event: &Event) {
        match event {
            Event::GroupOpened(open) => self.rules = open.rules,
            Event::MarketListed {
                base,
                quote,
                royalty_account,
                ..
            } => self.markets.push((*base, *quote, *royalty_account)),
            Event::OrderAccepted {
                order,
                account,
                market,
                side,
                ..
            } => {
                self.orders.insert(*order, (*account, *market, *side));
            }
            Event::Traded(fill) | Event::FillUnsettled { fill } => {
                self.pending.insert(fill.number, Fill::clone(fill));
            }
            Event::FillsSettled { through } => self.pending.retain(|number, _| number > through),
            Event::FillBusted { fill, .. } => {
                self.pending.remove(&fill.number);
            }
            _ => {}
        }
    }

    fn forget(&mut self, event: &Event) {
        match event {
            Event::OrderClosed { order, .. } => {
                self.orders.remove(order);
            }
            Event::DeficitTaken {
                account,
                instrument,
                amount,
            } => *self.borne.entry((*account, *instrument)).or_default() += amount.0 as i128,
            Event::DeficitRepaid {
                account,
                instrument,
                amount,
            } => *self.borne.entry((*account, *instrument)).or_default() -= amount.0 as i128,
            _ => {}
        }
    }

    fn postings(&self, event: &Event) -> Result<Vec<Posting>, Broken> {
        use Purse::{Available, Held, Outside};
        let signed = |amount: &Amount| amount.0 as i128;
        Ok(match event {
            Event::Credited {
                account,
                instrument,
                amount,
                ..
            } => moved(Outside, Available(*account), *instrument, signed(amount)),
            Event::Debited {
                account,
                instrument,
                amount,
                ..
            } => moved(Available(*account), Outside, *instrument, signed(amount)),
            Event::DeficitTaken {
                account,
                instrument,
                amount,
            } => moved(
                Available(AccountId::DEFICIT),
                Available(*account),
                *instrument,
                signed(amount),
            ),
            Event::DeficitRepaid {
                account,
                instrument,
                amount,
            } => moved(
                Available(*account),
                Available(AccountId::DEFICIT),
                *instrument,
                signed(amount),
            ),
            Event::OrderAccepted { order, hold, .. } => self.released(*order, -signed(hold))?,
            Event::OrderReduced { order, released, .. } | Event::OrderClosed { order, released, .. } => {
                self.released(*order, signed(released))?
            }
            Event::OrderAmended {
                order, released, hold, ..
            } => self.released(*order, signed(released) - signed(hold))?,
            Event::Traded(fill) => {
                let mut postings = self.fill(fill, Held);
                postings.extend(self.released(fill.buyer.order, signed(&fill.buyer.released))?);
                postings.extend(self.released(fill.seller.order, signed(&fill.seller.released))?);
                postings
            }
            Event::FillReinstated { fill } => self.fill(fill, Available),
            Event::FillBusted { fill, .. } => {
                let back = self.fill(fill, Available).into_iter();
                back.map(|(purse, instrument, amount)| (purse, instrument, -amount))
                    .collect()
            }
            _ => Vec::new(),
        })
    }

    /// A move from held to available of the order's account, in what the order holds.
    fn released(&self, order: OrderId, amount: i128) -> Result<Vec<Posting>, Broken> {
        let known = self
            .orders
            .get(&order)
            .ok_or_else(|| format!("LED-1: order {order} is not open"))?;
        let (account, market, side) = *known;
        let (base, quote, _) = self.markets[market.0 as usize];
        let instrument = match side {
            Side::Buy => quote,
            Side::Sell => base,
        };
        Ok(moved(
            Purse::Held(account),
            Purse::Available(account),
            instrument,
            amount,
        ))
    }

    /// What a fill moves, as its documentation says it; `paid_from` is held, or available once that is long over.
    fn fill(&self, fill: &Fill, paid_from: impl Fn(AccountId) -> Purse) -> Vec<Posting> {
        use Purse::Available;
        let (base, quote, royalty_account) = self.markets[fill.market.0 as usize];
        let signed = |amount: Amount| amount.0 as i128;
        let (buyer, seller) = (&fill.buyer, &fill.seller);
        let proceeds = signed(fill.quote) - signed(seller.fee) - signed(fill.royalty);
        vec![
            (paid_from(buyer.account), quote, -signed(fill.quote) - signed(buyer.fee)),
            (paid_from(seller.account), base, -signed(fill.base)),
            (Available(buyer.account), base, signed(fill.base)),
            (Available(seller.account), quote, proceeds),
            (
                Available(AccountId::FEES),
                quote,
                signed(buyer.fee) + signed(seller.fee),
            ),
            (Available(royalty_account), quote, signed(fill.royalty)),
        ]
    }

    /// The second half of LED-1.
    ///
    /// # Errors
    /// Shows the balances that differ.
    pub fn compare(&self, view: &View) -> Result<(), Broken> {
        let mut mine: BTreeMap<(AccountId, InstrumentId), Balance> = BTreeMap::new();
        for ((purse, instrument), amount) in &self.totals {
            match purse {
                Purse::Available(account) => mine.entry((*account, *instrument)).or_default().available = *amount,
                Purse::Held(account) => {
                    let held = u128::try_from(*amount);
                    mine.entry((*account, *instrument)).or_default().held =
                        held.map_err(|_| format!("EX-3: account {account} holds {amount} of {instrument}"))?;
                }
                Purse::Outside => {}
            }
        }
        for fill in self.pending.values() {
            for (purse, instrument, amount) in self.fill(fill, Purse::Available) {
                let Purse::Available(account) = purse else {
                    unreachable!("asked for so")
                };
                let balance = mine.entry((account, instrument)).or_default();
                match amount {
                    0.. => balance.pending_in += amount.unsigned_abs(),
                    _ => balance.pending_out += amount.unsigned_abs(),
                }
            }
        }
        mine.retain(|_, balance| *balance != Balance::default());
        if mine != view.balances {
            return Err(format!("LED-1: postings say {mine:?}, the machine {:?}", view.balances));
        }
        Ok(())
    }

    /// EX-3: nothing is negative save `DEFICIT`, and all accounts together have what came in and did not go out.
    ///
    /// # Errors
    /// Names the account, or the instrument that does not add up.
    pub fn conserves(&self, view: &View) -> Result<(), Broken> {
        let mut sums: BTreeMap<InstrumentId, i128> = BTreeMap::new();
        for ((account, instrument), balance) in &view.balances {
            if balance.available < 0 && *account != AccountId::DEFICIT {
                return Err(format!(
                    "EX-3: account {account} has {balance:?} of instrument {instrument}"
                ));
            }
            *sums.entry(*instrument).or_default() += balance.available + balance.held as i128;
        }
        for ((purse, instrument), amount) in &self.totals {
            if *purse != Purse::Outside {
                continue;
            }
            let sum = sums.get(instrument).copied().unwrap_or(0);
            if sum != -amount {
                return Err(format!(
                    "EX-3: accounts have {sum} of instrument {instrument}, {} came in",
                    -amount
                ));
            }
        }
        Ok(())
    }

    /// EX-5: who owes to `DEFICIT` has nothing of what it owes, neither available nor held, so that nobody trades with what left the vault; and
    /// what `DEFICIT` lacks is what all of them owe.
    ///
    /// # Errors
    /// Names the account, or what `DEFICIT` lacks beyond that.
    pub fn is_backed(&self, view: &View) -> Result<(), Broken> {
        if self.rules < Rules::Third {
            return Ok(());
        }
        let mut lacks: BTreeMap<InstrumentId, i128> = BTreeMap::new();
        for ((account, instrument), owed) in &self.borne {
            *lacks.entry(*instrument).or_default() += owed;
            let balance = view.balances.get(&(*account, *instrument)).copied().unwrap_or_default();
            if *owed < 0 || (*owed > 0 && (balance.available, balance.held) != (0, 0)) {
                return Err(format!(
                    "EX-5: account {account} owes {owed} of instrument {instrument} and has {balance:?}"
                ));
            }
        }
        for (instrument, owed) in lacks {
            let deficit = view.balances.get(&(AccountId::DEFICIT, instrument));
            if deficit.map_or(0, |balance| balance.available) != -owed {
                return Err(format!(
                    "EX-5: {owed} of instrument {instrument} are owed, `DEFICIT` has {deficit:?}"
                ));
            }
        }
        Ok(())
    }
}

fn moved(from: Purse, to: Purse, instrument: InstrumentId, amount: i128) -> Vec<Posting> {
    vec![(from, instrument, -amount), (to, instrument, amount)]
}

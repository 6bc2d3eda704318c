//! Balances: what is available is kept; what is held or pending is added up from orders and fills whenever it is asked for.

use alloy_primitives::Address;
use souk_schema::exchange::command::Rules;
use souk_schema::exchange::event::{CreditCause, DebitCause, Fill};
use souk_schema::exchange::{AccountId, Amount, Event, InstrumentId, OrderId, Rejection};

use super::{Account, FillStatus, Oracle, Order};

/// One account's balance of one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    pub available: i128,
    pub held: u128,
    pub pending_in: u128,
    pub pending_out: u128,
}

/// An amount that leaves (negative) or reaches an account.
pub type Move = (AccountId, InstrumentId, i128);

impl Oracle {
    pub fn balance(&self, account: AccountId, instrument: InstrumentId) -> Balance {
        let available = self.accounts[account.0 as usize].available.get(&instrument.0);
        let held = self.orders.iter().filter(|order| order.account == account);
        let held = held.filter(|order| self.markets[order.market as usize].held_instrument(order.side) == instrument);
        let mut balance = Balance {
            available: available.copied().unwrap_or(0),
            held: held.map(|order| self.hold_of(order)).sum(),
            ..Balance::default()
        };
        for record in self.pending() {
            for (whose, what, amount) in self.moves(&record.fill) {
                if (whose, what) == (account, instrument) {
                    match amount {
                        0.. => balance.pending_in += amount.unsigned_abs(),
                        _ => balance.pending_out += amount.unsigned_abs(),
                    }
                }
            }
        }
        balance
    }

    /// What can be withdrawn: only what does not hang on fills that are not settled.
    pub fn withdrawable(&self, account: AccountId, instrument: InstrumentId) -> u128 {
        let balance = self.balance(account, instrument);
        let settled = balance.available + balance.held as i128 - balance.pending_in as i128;
        balance.available.min(settled).max(0) as u128
    }

    /// Fills that are neither settled nor busted, by number.
    pub fn pending(&self) -> impl Iterator<Item = &super::FillRecord> {
        self.fills.iter().filter(|record| record.status == FillStatus::Pending)
    }

    pub fn hold_of(&self, order: &Order) -> u128 {
        self.markets[order.market as usize].hold(order.side, order.price, order.left, order.rate)
    }

    /// What a fill moves, by account; payments first.
    pub fn moves(&self, fill: &Fill) -> [Move; 6] {
        let market = &self.markets[fill.market.0 as usize];
        let (buyer, seller) = (&fill.buyer, &fill.seller);
        let signed = |amount: Amount| amount.0 as i128;
        [
            (buyer.account, market.quote, -signed(fill.quote) - signed(buyer.fee)),
            (seller.account, market.base, -signed(fill.base)),
            (buyer.account, market.base, signed(fill.base)),
            (
                seller.account,
                market.quote,
                signed(fill.quote) - signed(seller.fee) - signed(fill.royalty),
            ),
            (AccountId::FEES, market.quote, signed(buyer.fee) + signed(seller.fee)),
            (market.royalty_account, market.quote, signed(fill.royalty)),
        ]
    }

    pub(super) fn add(&mut self, account: AccountId, instrument: InstrumentId, amount: i128) {
        *self.accounts[account.0 as usize]
            .available
            .entry(instrument.0)
            .or_default() += amount;
    }

    /// Changes an order and gives its account what it no longer holds; negative where it holds more.
    pub(super) fn change(&mut self, id: OrderId, change: impl FnOnce(&mut Order)) -> i128 {
        let place = self.place_of(id);
        let before = self.hold_of(&self.orders[place]) as i128;
        change(&mut self.orders[place]);
        let order = &self.orders[place];
        let released = before - self.hold_of(order) as i128;
        let instrument = self.markets[order.market as usize].held_instrument(order.side);
        let account = order.account;
        self.add(account, instrument, released);
        released
    }

    pub(super) fn place_of(&self, id: OrderId) -> usize {
        let place = self.orders.iter().position(|order| order.id == id);
        place.expect("an open order")
    }

    pub(super) fn order(&self, id: OrderId) -> &Order {
        &self.orders[self.place_of(id)]
    }

    pub fn account_id(&self, address: Address) -> Option<AccountId> {
        let place = self.accounts.iter().position(|account| account.address == address)?;
        (address != Address::ZERO).then_some(AccountId(place as u32))
    }

    pub(super) fn known_account(&self, address: Address) -> Result<AccountId, Rejection> {
        self.account_id(address).ok_or(Rejection::UnknownAccount)
    }

    /// The account with an address, opened where there was none.
    pub(super) fn open_account(&mut self, address: Address) -> Result<AccountId, Rejection> {
        if address == Address::ZERO {
            return Err(Rejection::UnknownAccount);
        }
        Ok(self.account_id(address).unwrap_or_else(|| self.new_account(address)))
    }

    pub(super) fn new_account(&mut self, address: Address) -> AccountId {
        let account = AccountId(self.accounts.len() as u32);
        self.accounts.push(Account {
            address,
            ..Account::default()
        });
        self.emit(Event::AccountOpened { account, address });
        account
    }

    pub(super) fn credit(&mut self, account: AccountId, instrument: InstrumentId, amount: u128, cause: CreditCause) {
        self.add(account, instrument, amount as i128);
        self.emit(Event::Credited {
            account,
            instrument,
            amount: Amount(amount),
            cause,
        });
        self.repay(account, instrument);
    }

    pub(super) fn remembers_debts(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.rules == Rules::Third)
    }

    pub(super) fn debt(&self, account: AccountId, instrument: InstrumentId) -> i128 {
        self.debts.get(&(account, instrument)).copied().unwrap_or(0)
    }

    /// Whoever owes to `DEFICIT` pays with what is there.
    pub(super) fn repay(&mut self, account: AccountId, instrument: InstrumentId) {
        let available = self.balance(account, instrument).available;
        let amount = available.min(self.debt(account, instrument));
        if amount > 0 {
            *self.debts.entry((account, instrument)).or_default() -= amount;
            self.add(account, instrument, -amount);
            self.add(AccountId::DEFICIT, instrument, amount);
            self.emit(Event::DeficitRepaid {
                account,
                instrument,
                amount: Amount(amount as u128),
            });
        }
    }

    /// Everyone does.
    pub(super) fn repay_all(&mut self) {
        for (account, instrument) in self.debts.keys().copied().collect::<Vec<_>>() {
            self.repay(account, instrument);
        }
    }

    pub(super) fn debit(&mut self, account: AccountId, instrument: InstrumentId, amount: u128, cause: DebitCause) {
        self.add(account, instrument, -(amount as i128));
        self.emit(Event::Debited {
            account,
            instrument,
            amount: Amount(amount),
            cause,
        });
    }
}

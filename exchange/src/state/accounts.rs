//! Accounts, their balances, and their seats: an account's place in one market.

use alloy_primitives::Address;
use souk_schema::exchange::{AccountId, InstrumentId, MarketId, Side, UnixMillis};

use super::nonces::NonceWindow;
use crate::ahead::{fetch, fetch_at};
use crate::book::{NONE, Slot};
use crate::table::{SlotTable, mix, mix_address};

/// What an account has of an instrument, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub struct Funds {
    /// What new orders may use. Below 0 only within a command, and for the account `deficit`.
    pub available: i128,
    /// What open orders reserve.
    pub held: u128,
    /// What unsettled fills brought.
    pub pending_in: u128,
    /// What unsettled fills took.
    pub pending_out: u128,
}

impl Funds {
    /// What may be withdrawn: available, and settled or sure to be covered without what unsettled fills brought.
    pub fn withdrawable(&self) -> u128 {
        let signed = |amount: u128| i128::try_from(amount).expect("balances are bounded");
        let settled = self.available + signed(self.held) - signed(self.pending_in);
        u128::try_from(self.available.min(settled)).unwrap_or(0)
    }

    /// What of it the chain would have, had it settled everything: where the check of coverage starts.
    pub fn on_chain(&self) -> i128 {
        let signed = |amount: u128| i128::try_from(amount).expect("balances are bounded");
        self.available + signed(self.held) - signed(self.pending_in) + signed(self.pending_out)
    }

    /// Moves from available to held.
    #[inline]
    pub fn reserve(&mut self, amount: u128) {
        self.available -= amount as i128;
        self.held += amount;
    }

    /// Pays for a fill out of held.
    #[inline]
    pub fn pay_held(&mut self, amount: u128) {
        self.held = self.held.checked_sub(amount).expect("an order's hold is held");
        self.pending_out += amount;
    }

    /// Receives what a fill brings.
    #[inline]
    pub fn receive(&mut self, amount: u128) {
        self.available += amount as i128;
        self.pending_in += amount;
    }

    /// Moves from held to available.
    #[inline]
    pub fn release(&mut self, amount: u128) {
        self.held = self.held.checked_sub(amount).expect("an order's hold is held");
        self.available += amount as i128;
    }
}

/// Index of a balance.
pub type FundsIndex = u32;

/// Index of a seat.
pub type SeatIndex = u32;

/// An account's place in a market.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub struct Seat {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub market: MarketId,
    /// The account's balance of the market's base instrument.
    pub base: FundsIndex,
    /// The account's balance of the market's quote instrument.
    pub quote: FundsIndex,
    /// Open orders, stops included.
    pub open_orders: u32,
    /// Its open order with the lowest id.
    pub first_order: Slot,
    /// Its open order with the highest id.
    pub last_order: Slot,
}

impl Seat {
    /// The balance that an order of this side reserves from.
    #[inline]
    pub fn paying(&self, side: Side) -> FundsIndex {
        match side {
            Side::Buy => self.quote,
            Side::Sell => self.base,
        }
    }
}

/// An account. What every order reads of it is in the first two of its three cache lines.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
pub struct Account {
    /// Its address; zero for `deficit`.
    pub address: Address,
    /// Open orders in all markets.
    pub open_orders: u32,
    /// Exits that are requested and not over, rising; the account is stopped while there is one.
    pub exits: Vec<u64>,
    /// Its nonces.
    pub nonces: NonceWindow,
    /// Keys that sign for it; zero where one was revoked. An order's signer is a place in here, plus 1.
    pub keys: Vec<Address>,
    /// When all its orders are cancelled.
    pub dead_man: Option<UnixMillis>,
    /// Balances, in the order in which they came.
    funds: Vec<(InstrumentId, FundsIndex)>,
    /// Seats, in the order in which they were taken.
    seats: Vec<SeatIndex>,
}

impl Account {
    /// Whether it trades no more.
    pub fn is_stopped(&self) -> bool {
        !self.exits.is_empty()
    }

    /// How an order remembers its signer: 0 for the account itself, else a key's place plus 1. `None` where it may not sign.
    #[inline(always)]
    pub fn signer_number(&self, signer: &Address) -> Option<u16> {
        match *signer == self.address {
            true => Some(0),
            false => self.key_number(*signer),
        }
    }

    #[inline(never)]
    fn key_number(&self, signer: Address) -> Option<u16> {
        self.key_place(signer)
            .map(|place| u16::try_from(place + 1).expect("keys are bounded"))
    }

    /// Where a key stands.
    pub fn key_place(&self, key: Address) -> Option<usize> {
        self.keys.iter().position(|known| *known == key && !key.is_zero())
    }

    /// The address that a signer's number means.
    pub fn signer(&self, number: u16) -> Address {
        match number {
            0 => self.address,
            place => self.keys[usize::from(place) - 1],
        }
    }

    /// Balances by instrument. They are sorted where somebody asks, which is seldom; new ones come with every market that is new to the account.
    pub fn funds(&self) -> Vec<(InstrumentId, FundsIndex)> {
        let mut funds = self.funds.clone();
        funds.sort_unstable();
        funds
    }

    /// Seats, in the order in which they were taken.
    pub fn seats(&self) -> &[SeatIndex] {
        &self.seats
    }
}

/// All accounts.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    accounts: Vec<Account>,
    by_address: SlotTable,
    funds: Vec<Funds>,
    /// Whose each of the balances is, and of what.
    owners: Vec<(AccountId, InstrumentId)>,
    by_owner: SlotTable,
    seats: Vec<Seat>,
    by_place: SlotTable,
}

fn place_hash(account: AccountId, market: MarketId) -> u64 {
    mix(u64::from(account.0) << 32 | u64::from(market.0), 1)
}

fn owner_hash(account: AccountId, instrument: InstrumentId) -> u64 {
    mix(u64::from(account.0) << 32 | u64::from(instrument.0), 4)
}

fn hash(address: &Address) -> u64 {
    mix_address(&address.0)
}

impl Accounts {
    /// The account at an address. The zero address is nobody's.
    #[inline]
    pub fn find(&self, address: &Address) -> Option<AccountId> {
        let is_it = |slot: u32| self.accounts[slot as usize].address == *address;
        self.by_address.find(hash(address), is_it).map(AccountId)
    }

    /// What [`Accounts::find`] will almost certainly give, without a look at the account, which is fetched.
    #[inline]
    pub fn guess(&self, address: &Address) -> Option<AccountId> {
        let account = self.by_address.guess(hash(address))?;
        fetch_at(&self.accounts, account);
        Some(AccountId(account))
    }

    /// Opens an account.
    pub fn open(&mut self, address: Address) -> AccountId {
        let id = u32::try_from(self.accounts.len()).expect("fewer than 2^32 accounts");
        self.accounts.push(Account {
            address,
            ..Account::default()
        });
        if !address.is_zero() {
            self.by_address.insert(hash(&address), id);
        }
        AccountId(id)
    }

    /// Number of accounts.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        (0u32..).map(AccountId).zip(&self.accounts)
    }

    /// An account.
    #[inline]
    pub fn get(&self, id: AccountId) -> &Account {
        &self.accounts[id.0 as usize]
    }

    /// An account, if there is one with this id.
    pub fn try_get(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id.0 as usize)
    }

    /// An account.
    #[inline]
    pub fn get_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.accounts[id.0 as usize]
    }

    /// A balance.
    #[inline]
    pub fn funds(&self, index: FundsIndex) -> &Funds {
        &self.funds[index as usize]
    }

    /// A balance.
    #[inline]
    pub fn funds_mut(&mut self, index: FundsIndex) -> &mut Funds {
        &mut self.funds[index as usize]
    }

    /// Whose a balance is, and of what.
    pub fn owner(&self, index: FundsIndex) -> (AccountId, InstrumentId) {
        self.owners[index as usize]
    }

    /// The balance of an account, if it ever had one.
    pub fn find_funds(&self, account: AccountId, instrument: InstrumentId) -> Option<FundsIndex> {
        self.by_owner.find(owner_hash(account, instrument), |index| {
            self.owners[index as usize] == (account, instrument)
        })
    }

    /// The balance of an account, made where there is none.
    pub fn funds_of(&mut self, account: AccountId, instrument: InstrumentId) -> FundsIndex {
        if let Some(index) = self.find_funds(account, instrument) {
            return index;
        }
        let index = u32::try_from(self.funds.len()).expect("fewer than 2^32 balances");
        self.funds.push(Funds::default());
        self.owners.push((account, instrument));
        self.by_owner.insert(owner_hash(account, instrument), index);
        self.accounts[account.0 as usize].funds.push((instrument, index));
        index
    }

    /// A seat.
    #[inline]
    pub fn seat(&self, index: SeatIndex) -> &Seat {
        &self.seats[index as usize]
    }

    /// A seat.
    #[inline]
    pub fn seat_mut(&mut self, index: SeatIndex) -> &mut Seat {
        &mut self.seats[index as usize]
    }

    /// An account's place in a market, if it ever had one.
    #[inline]
    pub fn find_seat(&self, account: AccountId, market: MarketId) -> Option<SeatIndex> {
        self.by_place.find(place_hash(account, market), |index| {
            let seat = &self.seats[index as usize];
            seat.account == account && seat.market == market
        })
    }

    /// Fetches what [`Accounts::find_seat`] reads first.
    #[inline]
    pub fn fetch_place(&self, account: AccountId, market: MarketId) {
        self.by_place.fetch(place_hash(account, market));
    }

    /// What [`Accounts::find_seat`] will almost certainly give, without a look at the seat, which is fetched.
    #[inline]
    pub fn guess_seat(&self, account: AccountId, market: MarketId) -> Option<SeatIndex> {
        let seat = self.by_place.guess(place_hash(account, market))?;
        fetch_at(&self.seats, seat);
        Some(seat)
    }

    /// Fetches an account's nonces.
    #[inline]
    pub fn fetch_nonces(&self, account: AccountId) {
        fetch(&self.get(account).nonces);
    }

    /// Fetches a seat.
    #[inline]
    pub fn fetch_seat(&self, seat: SeatIndex) {
        fetch_at(&self.seats, seat);
    }

    /// Fetches what [`Accounts::find_funds`] reads first.
    #[inline]
    pub fn fetch_owner(&self, account: AccountId, instrument: InstrumentId) {
        self.by_owner.fetch(owner_hash(account, instrument));
    }

    /// Fetches what [`Accounts::find_funds`] will almost certainly give.
    #[inline]
    pub fn guess_funds(&self, account: AccountId, instrument: InstrumentId) {
        if let Some(index) = self.by_owner.guess(owner_hash(account, instrument)) {
            fetch_at(&self.owners, index);
            fetch_at(&self.funds, index);
        }
    }

    /// Fetches a balance.
    #[inline]
    pub fn fetch_funds(&self, index: FundsIndex) {
        fetch_at(&self.funds, index);
    }

    /// An account's place in a market of these instruments, made where there is none.
    pub fn seat_of(
        &mut self,
        account: AccountId,
        market: MarketId,
        base: InstrumentId,
        quote: InstrumentId,
    ) -> SeatIndex {
        if let Some(seat) = self.find_seat(account, market) {
            return seat;
        }
        let index = u32::try_from(self.seats.len()).expect("fewer than 2^32 seats");
        let (base, quote) = (self.funds_of(account, base), self.funds_of(account, quote));
        self.seats.push(Seat {
            account,
            market,
            base,
            quote,
            open_orders: 0,
            first_order: NONE,
            last_order: NONE,
        });
        self.by_place.insert(place_hash(account, market), index);
        self.accounts[account.0 as usize].seats.push(index);
        index
    }
}

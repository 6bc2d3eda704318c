//! Whose a vault's holdings are, folded from its own events.
//!
//! A fill names its market only. What the market trades, and where fees gather, is state; so the balances that a batch's fills may change
//! are known once that is loaded ([`VaultSet::touch_fills`]).

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, U256};
use souk_schema::TokenRef;
use souk_schema::amount::{Balance, balance_of};
use souk_schema::event::{VaultFilled, VaultMarketListed};

use super::held::{Change, Held};
use super::rows::{At, FeeAccountRow, VaultBalanceRow, Writes};

/// What a market trades, and where its royalties gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Market {
    /// What is bought and sold.
    pub base: TokenRef,
    /// What it is paid with.
    pub quote: TokenRef,
    /// The account of its royalties.
    pub royalty_account: Address,
}

impl From<&VaultMarketListed> for Market {
    fn from(listed: &VaultMarketListed) -> Market {
        Market {
            base: listed.base,
            quote: listed.quote,
            royalty_account: listed.royalty_account,
        }
    }
}

/// The state of vaults that a batch may read and change.
#[derive(Debug, Default)]
pub struct VaultSet {
    /// Markets that are listed or traded, by vault and id; `None` until they are listed.
    pub markets: HashMap<(Address, B256), Option<Market>>,
    /// Where the fees of each vault gather.
    pub fee_accounts: HashMap<Address, Held<Address>>,
    /// By vault, token and account.
    pub balances: HashMap<(Address, TokenRef, Address), Held<Balance>>,
    /// Markets that the batch lists, the first listing of each.
    coming: HashMap<(Address, B256), Market>,
    /// Fee accounts that the batch sets.
    coming_fee_accounts: Vec<(Address, Address)>,
    /// By vault, market, buyer and seller: trades of the batch.
    fills: Vec<(Address, B256, Address, Address)>,
}

impl VaultSet {
    pub(super) fn touch_balance(&mut self, vault: Address, token: TokenRef, account: Address) {
        self.balances.entry((vault, token, account)).or_default();
    }

    pub(super) fn touch_market(&mut self, listed: &VaultMarketListed) {
        let key = (listed.vault, listed.market);
        self.markets.entry(key).or_default();
        self.coming.entry(key).or_insert_with(|| listed.into());
    }

    pub(super) fn touch_fee_account(&mut self, vault: Address, account: Address) {
        self.fee_accounts.entry(vault).or_default();
        self.coming_fee_accounts.push((vault, account));
    }

    pub(super) fn touch_fill(&mut self, fill: &VaultFilled) {
        self.markets.entry((fill.vault, fill.market)).or_default();
        self.fee_accounts.entry(fill.vault).or_default();
        self.fills.push((fill.vault, fill.market, fill.buyer, fill.seller));
    }

    /// Adds the balances that the batch's fills may change, once the markets and fee accounts of before the batch are loaded.
    pub fn touch_fills(&mut self) {
        for (vault, market, buyer, seller) in std::mem::take(&mut self.fills) {
            let stored = self.markets.get(&(vault, market)).copied().flatten();
            let Some(market) = stored.or_else(|| self.coming.get(&(vault, market)).copied()) else {
                continue;
            };
            self.touch_balance(vault, market.base, buyer);
            self.touch_balance(vault, market.base, seller);
            let set = self.coming_fee_accounts.iter().filter(|(of, _)| *of == vault);
            let fee_accounts = set.map(|(_, account)| *account);
            let before = self.fee_accounts.get(&vault).and_then(Held::current).copied();
            let touched: Vec<Address> = fee_accounts
                .chain(before)
                .chain([buyer, seller, market.royalty_account])
                .collect();
            for account in touched {
                self.touch_balance(vault, market.quote, account);
            }
        }
    }

    /// The market of a fill, if it was listed.
    pub(super) fn market(&self, fill: &VaultFilled) -> Option<Market> {
        self.markets.get(&(fill.vault, fill.market)).copied().flatten()
    }

    pub(super) fn list(&mut self, listed: &VaultMarketListed) {
        self.markets.insert((listed.vault, listed.market), Some(listed.into()));
    }

    pub(super) fn set_fee_account(&mut self, vault: Address, account: Address, at: At, writes: &mut Writes<'_>) {
        let held = self.fee_accounts.entry(vault).or_default();
        held.set(Some(account), at, |change| write_fee_account(writes, vault, change));
    }

    /// Moves the balances of a fill whose market is listed.
    pub(super) fn fill(&mut self, fill: &VaultFilled, market: Market, at: At, writes: &mut Writes<'_>) {
        let fee_account = self.fee_accounts.get(&fill.vault).and_then(Held::current).copied();
        let amount = |amount: U256| balance_of(amount);
        let fees = amount(fill.buyer_fee) + amount(fill.seller_fee);
        let kept = amount(fill.seller_fee) + amount(fill.royalty);
        let base = [
            (fill.seller, -amount(fill.base_amount)),
            (fill.buyer, amount(fill.base_amount)),
        ];
        let quote = [
            (fill.buyer, -(amount(fill.quote_amount) + amount(fill.buyer_fee))),
            (fill.seller, amount(fill.quote_amount) - kept),
            // A stream that began after the vault does not say where its fees gather.
            (fee_account.unwrap_or_default(), fees),
            (market.royalty_account, amount(fill.royalty)),
        ];
        let moves = base.map(|(account, change)| (market.base, account, change));
        let moves = moves
            .into_iter()
            .chain(quote.map(|(account, change)| (market.quote, account, change)));
        for (token, account, change) in moves {
            self.change(fill.vault, token, account, change, at, writes);
        }
    }

    /// Adds to a balance.
    pub(super) fn change(
        &mut self,
        vault: Address,
        token: TokenRef,
        account: Address,
        change: Balance,
        at: At,
        writes: &mut Writes<'_>,
    ) {
        if account.is_zero() {
            return;
        }
        let held = self.balances.entry((vault, token, account)).or_default();
        let before = held.current().copied().unwrap_or(Balance::ZERO);
        let after = Some(before + change).filter(|balance| !balance.is_zero());
        held.set(after, at, |change| {
            write_balance(writes, (vault, token, account), change)
        });
    }

    pub(super) fn finish(self, writes: &mut Writes<'_>) {
        for (vault, held) in self.fee_accounts {
            held.finish(|change| write_fee_account(writes, vault, change));
        }
        for (key, held) in self.balances {
            held.finish(|change| write_balance(writes, key, change));
        }
    }
}

fn write_fee_account(writes: &mut Writes<'_>, vault: Address, change: Change<Address>) {
    match change {
        Change::Insert { value, at, until } => writes.fee_accounts.push(FeeAccountRow {
            vault,
            account: value,
            at,
            until,
        }),
        Change::Close { from, until } => writes.closed.fee_accounts.push((vault, from, until)),
    }
}

fn write_balance(
    writes: &mut Writes<'_>,
    (vault, token, account): (Address, TokenRef, Address),
    change: Change<Balance>,
) {
    match change {
        Change::Insert { value, at, until } => writes.vault_balances.push(VaultBalanceRow {
            vault,
            token,
            account,
            amount: value,
            at,
            until,
        }),
        Change::Close { from, until } => writes.closed.vault_balances.push((vault, token, account, from, until)),
    }
}

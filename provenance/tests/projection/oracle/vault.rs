//! Whose a vault's holdings are: maps that each event changes at once.

use std::collections::BTreeMap;

use souk_schema::amount::{Balance, balance_of};
use souk_schema::event::{DomainEvent, VaultFilled, VaultMarketListed};
use souk_schema::{Address, B256, TokenRef};

#[derive(Default)]
pub struct Vault {
    pub markets: BTreeMap<B256, VaultMarketListed>,
    pub fee_account: Option<Address>,
    pub balances: BTreeMap<(TokenRef, Address), Balance>,
    /// By key, the log that changed it last.
    pub changed_by: BTreeMap<(TokenRef, Address), u32>,
    pub fee_account_changed_by: u32,
}

impl Vault {
    pub fn event(&mut self, event: &DomainEvent, log: u32) {
        match event {
            DomainEvent::VaultCredited(e) => self.add(e.token, e.account, balance_of(e.amount), log),
            DomainEvent::VaultDebited(e) => self.add(e.token, e.account, -balance_of(e.amount), log),
            DomainEvent::VaultFeeAccountChanged(e) => {
                if self.fee_account != Some(e.current) {
                    self.fee_account_changed_by = log;
                }
                self.fee_account = Some(e.current);
            }
            DomainEvent::VaultMarketListed(e) => {
                self.markets.insert(e.market, e.clone());
            }
            DomainEvent::VaultFilled(e) => self.fill(e, log),
            _ => {}
        }
    }

    fn fill(&mut self, fill: &VaultFilled, log: u32) {
        let market = self.markets[&fill.market].clone();
        let (base, quote) = (balance_of(fill.base_amount), balance_of(fill.quote_amount));
        let (buyer_fee, seller_fee) = (balance_of(fill.buyer_fee), balance_of(fill.seller_fee));
        let royalty = balance_of(fill.royalty);
        self.add(market.base, fill.seller, -base, log);
        self.add(market.base, fill.buyer, base, log);
        self.add(market.quote, fill.buyer, -quote, log);
        self.add(market.quote, fill.buyer, -buyer_fee, log);
        self.add(market.quote, fill.seller, quote, log);
        self.add(market.quote, fill.seller, -seller_fee, log);
        self.add(market.quote, fill.seller, -royalty, log);
        if let Some(account) = self.fee_account {
            self.add(market.quote, account, buyer_fee + seller_fee, log);
        }
        self.add(market.quote, market.royalty_account, royalty, log);
    }

    fn add(&mut self, token: TokenRef, account: Address, change: Balance, log: u32) {
        if account.is_zero() || change.is_zero() {
            return;
        }
        let balance = self.balances.entry((token, account)).or_insert(Balance::ZERO);
        *balance += change;
        if balance.is_zero() {
            self.balances.remove(&(token, account));
        }
        self.changed_by.insert((token, account), log);
    }
}

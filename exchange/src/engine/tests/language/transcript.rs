//! Events in words.

use std::fmt::Write;

use souk_schema::exchange::event::{CreditCause, DebitCause};
use souk_schema::exchange::*;

use super::{START_SECS, World, address, token};

impl World {
    pub(super) fn balances(&self, name: &str) -> Vec<String> {
        let account = match name {
            "deficit" => self.engine.account_by_id(AccountId::DEFICIT),
            "royalty" => self.engine.account_by_id(AccountId(2)),
            name => self.engine.account(address(name)),
        };
        let account = account.expect("an account");
        let line = |(instrument, balance): (InstrumentId, crate::Balance)| {
            let mut line = format!("{}: {} available", self.instrument(instrument), balance.available);
            for (amount, what) in [
                (balance.held, "held"),
                (balance.pending_in, "coming"),
                (balance.pending_out, "going"),
                (balance.withdrawable, "withdrawable"),
            ] {
                if amount > Amount::ZERO {
                    write!(line, ", {amount} {what}").unwrap();
                }
            }
            line
        };
        account.balances().map(line).collect()
    }

    fn instrument(&self, instrument: InstrumentId) -> String {
        match self.engine.instrument(instrument) {
            Some(found) if found == token("usd") => "usd".to_owned(),
            _ => format!("shares {instrument}"),
        }
    }

    fn label(&self, order: OrderId) -> String {
        let place = self
            .orders
            .iter()
            .position(|known| *known == order)
            .expect("it was accepted");
        format!("#{}", place + 1)
    }

    fn who(&self, account: AccountId) -> &str {
        self.accounts.get(&account).map_or("royalty", String::as_str)
    }

    pub(super) fn render(&mut self, event: &Event) -> Option<String> {
        Some(match event {
            Event::GroupOpened(_) | Event::InstrumentListed { .. } | Event::MarketListed { .. } => return None,
            Event::AccountOpened { account, address } => {
                let name = self.names.get(address)?.clone();
                self.accounts.insert(*account, name.clone());
                format!("{name} opened")
            }
            Event::MarketStateChanged {
                market,
                state,
                cause,
                auction_ends_at,
            } => {
                let ends = auction_ends_at.map(|ends_at| format!(" until {}", ends_at.secs() - START_SECS));
                format!("market {market} {state:?} ({cause:?}){}", ends.unwrap_or_default())
            }
            Event::MarketRulesChanged { market, .. } => format!("market {market} has other rules"),
            Event::WithdrawalApproved(withdraw) => format!("withdrawal {} approved", withdraw.nonce),
            Event::WithdrawalExecuted { account, nonce } => {
                format!("{} withdrawal {nonce} executed", self.who(*account))
            }
            Event::AccountStopped { account } => format!("{} stopped", self.who(*account)),
            Event::AccountResumed { account } => format!("{} resumed", self.who(*account)),
            Event::KeyRegistered { account, .. } => format!("{} has a key", self.who(*account)),
            Event::KeyRevoked { account, .. } => format!("{} lost a key", self.who(*account)),
            Event::DeadManSet { account, fires_at } => {
                let when = fires_at.map(|fires_at| format!("at {}", fires_at.secs() - START_SECS));
                format!("{} dead man {}", self.who(*account), when.unwrap_or("off".to_owned()))
            }
            Event::LevelChanged {
                market,
                side,
                price,
                lots,
            } => {
                let side = if *side == Side::Buy { "bid" } else { "ask" };
                let market = if market.0 == 0 {
                    String::new()
                } else {
                    format!("market {market} ")
                };
                format!("{market}{side} {price}: {lots}")
            }
            Event::AuctionCrossed { price, lots, .. } => format!("auction crosses {lots} @ {price}"),
            Event::FillsSettled { through } => format!("settled through {through}"),
            Event::FillBusted { fill, cause } => format!("fill {} busted ({cause:?})", fill.number),
            Event::FillReinstated { fill } => format!("fill {} reinstated", fill.number),
            Event::FillUnsettled { fill } => format!("fill {} unsettled", fill.number),
            Event::SettlementVanished { through } => format!("settled only through {through}"),
            Event::WithdrawalVanished { account, nonce } => {
                format!("{} withdrawal {nonce} under way again", self.who(*account))
            }
            Event::SettlementLagged { limit } => format!("settlement lags: {limit:?}"),
            money @ (Event::Credited { .. }
            | Event::Debited { .. }
            | Event::DeficitTaken { .. }
            | Event::DeficitRepaid { .. }) => self.render_money(money),
            order => self.render_order(order),
        })
    }

    fn render_money(&self, event: &Event) -> String {
        match event {
            Event::Credited {
                account,
                instrument,
                amount,
                cause,
            } => {
                let why = match cause {
                    CreditCause::Deposit { .. } => "deposit",
                    CreditCause::WithdrawalExpired { .. } => "withdrawal expired",
                    CreditCause::ExitVanished { .. } => "exit vanished",
                    CreditCause::FlushVanished => "flush vanished",
                };
                format!(
                    "{} +{amount} {} ({why})",
                    self.who(*account),
                    self.instrument(*instrument)
                )
            }
            Event::Debited {
                account,
                instrument,
                amount,
                cause,
            } => {
                let why = match cause {
                    DebitCause::Withdrawal { .. } => "withdrawal",
                    DebitCause::Exit { .. } => "exit",
                    DebitCause::RoyaltyFlush => "royalty flush",
                    DebitCause::DepositVanished { .. } => "deposit vanished",
                    DebitCause::Escape => "escape",
                };
                format!(
                    "{} -{amount} {} ({why})",
                    self.who(*account),
                    self.instrument(*instrument)
                )
            }
            Event::DeficitTaken {
                account,
                instrument,
                amount,
            } => format!(
                "deficit bears {amount} {} of {}",
                self.instrument(*instrument),
                self.who(*account)
            ),
            Event::DeficitRepaid {
                account,
                instrument,
                amount,
            } => format!(
                "{} repays {amount} {} to deficit",
                self.who(*account),
                self.instrument(*instrument)
            ),
            other => panic!("about money: {other:?}"),
        }
    }

    fn render_order(&mut self, event: &Event) -> String {
        match event {
            Event::OrderAccepted { order, price, hold, .. } => {
                self.orders.push(*order);
                format!("{} accepted @ {price}, holds {hold}", self.label(*order))
            }
            Event::OrderTriggered { order } => format!("{} triggered", self.label(*order)),
            Event::OrderRested { order, price, lots } => format!("{} rests {lots} @ {price}", self.label(*order)),
            Event::OrderReduced {
                order, lots, released, ..
            } => format!("{} reduced to {lots}, frees {released}", self.label(*order)),
            Event::OrderAmended {
                order,
                price,
                lots,
                released,
                hold,
                ..
            } => format!(
                "{} amended {lots} @ {price}, frees {released}, holds {hold}",
                self.label(*order)
            ),
            Event::OrderClosed {
                order,
                cause,
                lots,
                released,
            } => match lots {
                Lots(0) => format!("{} closed {cause:?}", self.label(*order)),
                lots => format!("{} closed {cause:?} with {lots}, frees {released}", self.label(*order)),
            },
            Event::Traded(fill) => {
                let (buyer, seller) = (self.label(fill.buyer.order), self.label(fill.seller.order));
                let mut line = format!(
                    "fill {}: {buyer} buys {} @ {} from {seller}",
                    fill.number, fill.lots, fill.price
                );
                for (amount, what) in [
                    (fill.buyer.fee, "buyer's fee"),
                    (fill.seller.fee, "seller's fee"),
                    (fill.royalty, "royalty"),
                    (fill.buyer.released, "freed"),
                ] {
                    if amount > Amount::ZERO {
                        write!(line, ", {what} {amount}").unwrap();
                    }
                }
                line
            }
            other => panic!("an order's event: {other:?}"),
        }
    }
}

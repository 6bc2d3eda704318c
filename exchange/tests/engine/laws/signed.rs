//! EX-4: no fill breaks what its orders signed. Checked as the vault checks it, with the vault's formulas, from the signed orders.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use souk_schema::exchange::event::{Fill, FillSide};
use souk_schema::exchange::{
    AccountId, Amount, CommandBody, CommandNumber, Event, FillNumber, MarketUnits, OrderId, Side, SignedOrder,
    UnixMillis,
};

use super::Broken;
use super::priority::signed_of;

/// Most that one side of a fill pays, royalty included, in parts per million: the vault's `MAX_FEE_PPM`.
const MAX_FEE_PPM: u128 = 50_000;

/// Everything that was signed, and what fills made of it.
#[derive(Default)]
pub struct Signatures {
    addresses: Vec<Address>,
    keys: BTreeSet<(AccountId, Address)>,
    markets: Vec<(B256, MarketUnits)>,
    orders: BTreeMap<OrderId, (SignedOrder, CommandNumber)>,
    nonces: BTreeSet<(AccountId, u64)>,
    /// Base units and fees by account and nonce, as the vault counts them.
    filled: BTreeMap<(AccountId, u64), (u128, u128)>,
    fills: u64,
}

impl Signatures {
    /// # Errors
    /// Names the fill, and what it breaks.
    pub fn observe(
        &mut self,
        number: CommandNumber,
        body: &CommandBody,
        events: &[Event],
        now: UnixMillis,
    ) -> Result<(), Broken> {
        for (place, event) in events.iter().enumerate() {
            match event {
                Event::AccountOpened { address, .. } => self.addresses.push(*address),
                Event::MarketListed { spec, .. } => self.markets.push((spec.key, spec.units)),
                Event::KeyRegistered { account, key } => {
                    self.keys.insert((*account, *key));
                }
                Event::KeyRevoked { account, key } => {
                    self.keys.remove(&(*account, *key));
                }
                Event::OrderAccepted { order, account, .. } => {
                    let signed = signed_of(body, *order);
                    self.spend(*account, signed.nonce)?;
                    self.sign(*order, *account, signed, number)?;
                }
                Event::WithdrawalApproved(withdraw) => {
                    let account = self.addresses.iter().position(|address| *address == withdraw.account);
                    self.spend(
                        AccountId(account.ok_or("EX-4: a stranger withdraws")? as u32),
                        withdraw.nonce,
                    )?;
                }
                Event::OrderAmended { order, .. } | Event::OrderReduced { order, .. } if place == 0 => {
                    if let CommandBody::AmendOrder(signed) = body {
                        let account = self.addresses.iter().position(|address| *address == signed.account);
                        let account = account.ok_or("EX-4: a stranger amends")?;
                        self.sign(*order, AccountId(account as u32), signed, number)?;
                    }
                }
                Event::Traded(fill) => self.fill(fill, now).map_err(|why| format!("EX-4: {why} in {fill:?}"))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn spend(&mut self, account: AccountId, nonce: u64) -> Result<(), Broken> {
        match self.nonces.insert((account, nonce)) {
            true => Ok(()),
            false => Err(format!("EX-4: account {account} used nonce {nonce} twice")),
        }
    }

    fn sign(
        &mut self,
        order: OrderId,
        account: AccountId,
        signed: &SignedOrder,
        by: CommandNumber,
    ) -> Result<(), Broken> {
        if signed.signer != signed.account && !self.keys.contains(&(account, signed.signer)) {
            return Err(format!("EX-4: {order} is taken with a signature by a stranger"));
        }
        self.orders.insert(order, (signed.clone(), by));
        Ok(())
    }

    fn fill(&mut self, fill: &Fill, now: UnixMillis) -> Result<(), Broken> {
        self.fills += 1;
        if fill.number != FillNumber(self.fills) {
            return Err("a number out of order".to_owned());
        }
        if fill.buyer.account == fill.seller.account {
            return Err("one account on both sides".to_owned());
        }
        let (key, units) = self.markets[fill.market.0 as usize];
        if units.quote(fill.price, fill.lots) != Some(fill.quote) || units.base(fill.lots) != Some(fill.base) {
            return Err("amounts that are not price and lots".to_owned());
        }
        self.side(fill, &fill.buyer, Side::Buy, key, units, now)?;
        self.side(fill, &fill.seller, Side::Sell, key, units, now)
    }

    fn side(
        &mut self,
        fill: &Fill,
        of: &FillSide,
        side: Side,
        market: B256,
        units: MarketUnits,
        now: UnixMillis,
    ) -> Result<(), Broken> {
        let (signed, by) = self.orders.get(&of.order).ok_or("an order that nobody signed")?;
        if *by != of.signed_by {
            return Err("a signature that was replaced".to_owned());
        }
        let address = self.addresses[of.account.0 as usize];
        if (signed.side, signed.market, signed.account) != (side, market, address) {
            return Err("another side, market or account".to_owned());
        }
        let price = fill.quote.0 * units.lot_size.0;
        let limit = signed.limit_price.0 * fill.base.0;
        if side == Side::Buy && price > limit || side == Side::Sell && price < limit {
            return Err("a price beyond the limit".to_owned());
        }
        let fees = match side {
            Side::Buy => of.fee.0,
            Side::Sell => of.fee.0 + fill.royalty.0,
        };
        if fees * 1_000_000 > fill.quote.0 * MAX_FEE_PPM {
            return Err("fees above the vault's bound".to_owned());
        }
        let until = match signed.instructions.good_until_secs {
            0 => signed.expiry_secs,
            good_until => good_until.min(signed.expiry_secs),
        };
        if u128::from(now.0) >= u128::from(until) * 1_000 {
            return Err("an expired order".to_owned());
        }
        let sums = self.filled.entry((of.account, signed.nonce)).or_default();
        *sums = (sums.0 + fill.base.0, sums.1 + fees);
        if Amount(sums.0) > signed.base_amount {
            return Err("more than was signed".to_owned());
        }
        if Amount(sums.1) > signed.fee_cap {
            return Err("more fees than were signed".to_owned());
        }
        Ok(())
    }
}

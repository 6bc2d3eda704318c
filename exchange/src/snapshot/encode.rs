//! An engine, written down.

use alloy_primitives::Address;
use serde_json::to_vec;
use souk_schema::exchange::command::Rules;
use souk_schema::exchange::event::{BustCause, Fill, FillSide};
use souk_schema::exchange::{AccountId, MarketState, Side, Ticks};

use crate::book::{Ladder, Slot};
use crate::engine::Engine;
use crate::state::accounts::{Account, Funds};
use crate::state::market::Market;
use crate::state::settlement::{InFlight, UnsettledFill};

/// What takes bytes.
pub(super) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

/// Writes parts of an engine.
pub(super) struct Encoder<'a, S: Sink> {
    sink: &'a mut S,
}

/// The number that a state is written as.
pub(super) fn state_number(state: MarketState) -> u8 {
    match state {
        MarketState::PreOpen => 0,
        MarketState::Auction => 1,
        MarketState::Open => 2,
        MarketState::PostOnly => 3,
        MarketState::Halted => 4,
        MarketState::Closed => 5,
    }
}

impl<'a, S: Sink> Encoder<'a, S> {
    pub(super) fn new(sink: &'a mut S) -> Encoder<'a, S> {
        Encoder { sink }
    }

    fn u8(&mut self, number: u8) {
        self.sink.put(&[number]);
    }

    fn u32(&mut self, number: u32) {
        self.sink.put(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.sink.put(&number.to_le_bytes());
    }

    fn u128(&mut self, number: u128) {
        self.sink.put(&number.to_le_bytes());
    }

    fn address(&mut self, address: Address) {
        self.sink.put(address.as_slice());
    }

    /// Present or not, then the number; 0 where it is not.
    fn option(&mut self, number: Option<u64>) {
        self.u8(u8::from(number.is_some()));
        self.u64(number.unwrap_or(0));
    }

    fn json(&mut self, value: &impl serde::Serialize) {
        let json = to_vec(value).expect("the vocabulary can be written as JSON");
        self.u64(json.len() as u64);
        self.sink.put(&json);
    }

    fn section(&mut self, tag: &[u8; 4], items: usize) {
        self.sink.put(tag);
        self.u64(items as u64);
    }

    pub(super) fn engine(&mut self, engine: &Engine) {
        self.section(b"GRUP", usize::from(engine.group.is_some()));
        if let Some(group) = &engine.group {
            self.json(&**group);
        }
        self.section(b"HEAD", 1);
        self.u64(engine.commands.0);
        self.u64(engine.time.0);
        self.u8(state_number(engine.limit));
        self.u8(u8::from(engine.escaped));
        self.sources(engine);
        self.section(b"INST", engine.instruments.len());
        for id in (0..engine.instruments()).map(souk_schema::exchange::InstrumentId) {
            let token = engine.instruments.token(id).expect("it is one of them");
            self.address(token.contract);
            self.sink.put(&token.id.to_le_bytes::<32>());
            self.sink.put(&engine.instruments.total(id).to_le_bytes());
        }
        self.section(b"ACCT", engine.accounts.len());
        for (_, account) in engine.accounts.iter() {
            self.account(engine, account);
        }
        self.section(b"MRKT", engine.markets.len());
        for market in engine.markets.iter() {
            self.market(market);
        }
        self.section(b"ORDR", engine.orders.len());
        for (id, _) in engine.accounts.iter() {
            self.orders(engine, id);
        }
        for market in engine.markets.iter() {
            for side in [Side::Buy, Side::Sell] {
                self.queue(engine, market, side);
            }
        }
        self.settlement(engine);
    }

    fn sources(&mut self, engine: &Engine) {
        let gateways = engine.sources.gateways();
        self.section(b"GATE", gateways.len());
        for (id, position, heard) in gateways {
            self.u64(id);
            self.u64(position);
            self.u64(heard.0);
        }
        let chains = engine.sources.chains();
        self.section(b"CHAN", chains.len());
        for (chain, position) in chains {
            self.u64(chain.0);
            self.u64(position);
        }
    }

    fn account(&mut self, engine: &Engine, account: &Account) {
        self.address(account.address);
        self.u64(account.exits.len() as u64);
        account.exits.iter().for_each(|exit| self.u64(*exit));
        let mut keys: Vec<Address> = account.keys.iter().copied().filter(|key| !key.is_zero()).collect();
        keys.sort_unstable();
        self.u64(keys.len() as u64);
        keys.into_iter().for_each(|key| self.address(key));
        let (highest, used) = account.nonces.parts();
        self.option(highest);
        used.into_iter().for_each(|word| self.u64(word));
        self.option(account.dead_man.map(|fires_at| fires_at.0));
        let funds = account
            .funds()
            .into_iter()
            .map(|(instrument, index)| (instrument, *engine.accounts.funds(index)));
        let funds: Vec<_> = funds.filter(|(_, funds)| *funds != Funds::default()).collect();
        self.u64(funds.len() as u64);
        for (instrument, funds) in funds {
            self.u32(instrument.0);
            self.sink.put(&funds.available.to_le_bytes());
            self.u128(funds.held);
            self.u128(funds.pending_in);
            self.u128(funds.pending_out);
        }
    }

    fn market(&mut self, market: &Market) {
        self.json(&*market.spec);
        self.json(market.fees());
        self.json(market.limits());
        self.u8(state_number(market.state));
        self.option(market.auction_ends_at.map(|ends_at| ends_at.0));
        self.u64(market.last_price().0);
        self.u32(market.royalty_account.0);
    }

    fn orders(&mut self, engine: &Engine, account: AccountId) {
        if engine.accounts.get(account).open_orders == 0 {
            return;
        }
        for (_, slot) in engine.orders_of(account) {
            self.order(engine, slot);
        }
    }

    fn order(&mut self, engine: &Engine, slot: Slot) {
        let (node, record, links, extra) = (
            engine.orders.node(slot),
            engine.orders.record(slot),
            engine.orders.links(slot),
            engine.orders.extra(slot),
        );
        let seat = engine.accounts.seat(node.seat);
        self.u64(node.id.0);
        self.u32(seat.account.0);
        self.u32(seat.market.0);
        self.u8(node.side as u8);
        self.u8(node.kind.number());
        self.u8(node.time_in_force.number());
        self.u8(node.post_only.number());
        self.u8(node.self_trade.number());
        self.u8(u8::from(node.waits));
        self.u8(u8::from(node.is_quote));
        self.u64(node.price.0);
        self.u64(node.left.0);
        self.u64(node.expires_at.0);
        self.u128(record.fee_cap.0);
        self.u128(record.fees_paid.0);
        self.u64(links.lots.0);
        self.u64(record.filled.0);
        self.u64(record.nonce);
        self.u64(record.signed_by.0);
        self.u32(record.rate.0);
        self.address(engine.accounts.get(seat.account).signer(links.signer));
        self.option(extra.limit.map(|limit| limit.0));
        self.option(extra.display.map(|display| display.0));
        self.option(extra.trigger.map(|Ticks(trigger)| trigger));
        self.sink.put(extra.client_order_id.as_slice());
    }

    /// The orders of one side as they stand: best price first, then oldest first, with what each shows.
    fn queue(&mut self, engine: &Engine, market: &Market, side: Side) {
        let ladder = market.book.side(side);
        let orders: usize = ladder.iter().map(|level| level.orders as usize).sum();
        self.section(b"BOOK", orders);
        for level in ladder.iter() {
            for slot in Ladder::queue(engine.orders.nodes(), level) {
                let node = engine.orders.node(slot);
                self.u64(node.id.0);
                self.u64(node.shown.0);
            }
        }
    }

    fn settlement(&mut self, engine: &Engine) {
        let settlement = &engine.settlement;
        self.section(b"SETL", settlement.unsettled().len());
        self.u64(settlement.settled.0);
        settlement.unsettled().for_each(|fill| self.unsettled(fill));
        self.section(b"KEPT", settlement.remembered().len());
        settlement.remembered().for_each(|fill| self.unsettled(fill));
        self.section(b"DEPO", settlement.deposits.len());
        for (id, deposit) in &settlement.deposits {
            self.u64(*id);
            self.u32(deposit.account.0);
            self.u32(deposit.instrument.0);
            self.u128(deposit.amount.0);
            self.u8(u8::from(deposit.vanished));
        }
        self.section(b"WITH", settlement.withdrawals.len());
        for ((account, _), flight) in &settlement.withdrawals {
            self.flight(*account, flight);
        }
        self.section(b"OVER", settlement.finished.len());
        for ((account, _), finished) in &settlement.finished {
            self.flight(*account, &finished.flight);
            self.u8(u8::from(finished.executed));
        }
        self.section(b"PAID", settlement.exits.len());
        for (id, exit) in &settlement.exits {
            self.u64(*id);
            self.u32(exit.account.0);
            self.u32(exit.instrument.0);
            self.u128(exit.amount.0);
        }
        if engine.goes_by(Rules::Third) {
            self.section(b"OWED", settlement.debts.len());
            for ((account, instrument), debt) in &settlement.debts {
                self.u32(account.0);
                self.u32(instrument.0);
                self.u128(*debt);
            }
        }
    }

    fn flight(&mut self, account: AccountId, flight: &InFlight) {
        self.u32(account.0);
        self.u32(flight.instrument.0);
        self.json(&flight.withdraw);
    }

    fn unsettled(&mut self, unsettled: &UnsettledFill) {
        self.fill(&unsettled.fill);
        self.u64(unsettled.matched_at.0);
        let (cause, reason) = match unsettled.bust {
            None => (0, 0),
            Some(BustCause::Skipped { reason }) => (1, reason),
            Some(BustCause::Uncovered) => (2, 0),
            Some(BustCause::Escape) => (3, 0),
        };
        self.u8(cause);
        self.u8(reason);
    }

    fn fill(&mut self, fill: &Fill) {
        self.u64(fill.number.0);
        self.u32(fill.market.0);
        self.u64(fill.price.0);
        self.u64(fill.lots.0);
        self.u8(fill.taker as u8);
        self.u128(fill.base.0);
        self.u128(fill.quote.0);
        self.u128(fill.royalty.0);
        self.fill_side(&fill.buyer);
        self.fill_side(&fill.seller);
    }

    fn fill_side(&mut self, side: &FillSide) {
        self.u64(side.order.0);
        self.u64(side.signed_by.0);
        self.u32(side.account.0);
        self.u128(side.fee.0);
        self.u128(side.released.0);
    }
}

//! An engine, read back.

use alloy_primitives::{Address, B256, U256};
use souk_schema::exchange::command::{Rules, Withdraw};
use souk_schema::exchange::event::{BustCause, Fill, FillSide};
use souk_schema::exchange::{
    AccountId, Amount, CommandNumber, FeeSchedule, FillNumber, InstrumentId, Lots, MarketId, MarketLimits, MarketSpec,
    MarketState, OrderId, OrderKind, PostOnly, Ppm, SelfTrade, Side, Ticks, TimeInForce, UnixMillis,
};
use souk_schema::{ChainId, TokenRef};

use super::SnapshotError;
use crate::book::{NONE, Node};
use crate::engine::Engine;
use crate::state::market::{Listing, Market, Terms};
use crate::state::nonces::NonceWindow;
use crate::state::orders::{Extra, Links, Record};
use crate::state::settlement::{Deposit, Finished, InFlight, PaidExit, UnsettledFill};

type Decoded<T> = Result<T, SnapshotError>;

/// Reads parts of an engine.
struct Decoder<'a> {
    bytes: &'a [u8],
    /// The section being read, for the error.
    section: &'static str,
}

pub(super) fn engine(body: &[u8]) -> Decoded<Engine> {
    let mut decoder = Decoder {
        bytes: body,
        section: "its start",
    };
    let engine = decoder.engine()?;
    match decoder.bytes {
        [] => Ok(engine),
        _ => Err(SnapshotError::Malformed("its end")),
    }
}

impl Decoder<'_> {
    fn malformed<T>(&self) -> Decoded<T> {
        Err(SnapshotError::Malformed(self.section))
    }

    fn known<T>(&self, found: Option<T>) -> Decoded<T> {
        found.ok_or(SnapshotError::Malformed(self.section))
    }

    fn take<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let (taken, rest) = self.known(self.bytes.split_first_chunk())?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Decoded<u8> {
        Ok(self.take::<1>()?[0])
    }

    fn bool(&mut self) -> Decoded<bool> {
        Ok(self.u8()? != 0)
    }

    fn u32(&mut self) -> Decoded<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Decoded<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn u128(&mut self) -> Decoded<u128> {
        self.take().map(u128::from_le_bytes)
    }

    fn amount(&mut self) -> Decoded<Amount> {
        self.u128().map(Amount)
    }

    fn address(&mut self) -> Decoded<Address> {
        self.take().map(Address::from)
    }

    fn option(&mut self) -> Decoded<Option<u64>> {
        let is_there = self.bool()?;
        let number = self.u64()?;
        Ok(is_there.then_some(number))
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self) -> Decoded<T> {
        let length = usize::try_from(self.u64()?).ok();
        let split = length.and_then(|length| self.bytes.split_at_checked(length));
        let (json, rest) = self.known(split)?;
        self.bytes = rest;
        let parsed = serde_json::from_slice(json);
        self.known(parsed.ok())
    }

    fn section(&mut self, tag: &[u8; 4], name: &'static str) -> Decoded<u64> {
        self.section = name;
        if &self.take::<4>()? != tag {
            return self.malformed();
        }
        self.u64()
    }

    fn engine(&mut self) -> Decoded<Engine> {
        let mut engine = Engine::new();
        if self.section(b"GRUP", "the group")? != 0 {
            engine.group = Some(Box::new(self.json()?));
        }
        self.section(b"HEAD", "its head")?;
        engine.commands = CommandNumber(self.u64()?);
        let time = UnixMillis(self.u64()?);
        engine.limit = self.state()?;
        engine.escaped = self.bool()?;
        for _ in 0..self.section(b"GATE", "the gateways")? {
            engine
                .sources
                .restore_gateway(self.u64()?, self.u64()?, UnixMillis(self.u64()?));
        }
        for _ in 0..self.section(b"CHAN", "the chains")? {
            engine.sources.restore_chain(ChainId(self.u64()?), self.u64()?);
        }
        for _ in 0..self.section(b"INST", "the instruments")? {
            let (contract, id) = (self.address()?, U256::from_le_bytes(self.take::<32>()?));
            let instrument = engine.instruments.add(TokenRef { contract, id });
            *engine.instruments.total_mut(instrument) = i128::from_le_bytes(self.take()?);
        }
        for _ in 0..self.section(b"ACCT", "the accounts")? {
            self.account(&mut engine)?;
        }
        for id in 0..self.section(b"MRKT", "the markets")? {
            let market = self.market(&mut engine, MarketId(id as u32))?;
            engine.markets.push(market);
        }
        for _ in 0..self.section(b"ORDR", "the orders")? {
            self.order(&mut engine)?;
        }
        // Not before all timers run: some orders may have expired since the last tick, and the next one has to close them.
        engine.time = time;
        for market in 0..engine.markets.len() {
            for side in [Side::Buy, Side::Sell] {
                self.queue(&mut engine, market, side)?;
            }
        }
        self.settlement(&mut engine)?;
        Ok(engine)
    }

    fn state(&mut self) -> Decoded<MarketState> {
        Ok(match self.u8()? {
            0 => MarketState::PreOpen,
            1 => MarketState::Auction,
            2 => MarketState::Open,
            3 => MarketState::PostOnly,
            4 => MarketState::Halted,
            5 => MarketState::Closed,
            _ => return self.malformed(),
        })
    }

    fn side(&mut self) -> Decoded<Side> {
        match self.u8()? {
            0 => Ok(Side::Buy),
            1 => Ok(Side::Sell),
            _ => self.malformed(),
        }
    }

    fn account(&mut self, engine: &mut Engine) -> Decoded<()> {
        let id = engine.accounts.open(self.address()?);
        for _ in 0..self.u64()? {
            let exit = self.u64()?;
            engine.accounts.get_mut(id).exits.push(exit);
        }
        for _ in 0..self.u64()? {
            let key = self.address()?;
            engine.accounts.get_mut(id).keys.push(key);
        }
        let highest = self.option()?;
        let used = [self.u64()?, self.u64()?, self.u64()?, self.u64()?];
        let dead_man = self.option()?.map(UnixMillis);
        engine.dead_men.extend(dead_man.map(|fires_at| (fires_at, id)));
        let account = engine.accounts.get_mut(id);
        account.nonces = NonceWindow::from_parts(highest, used);
        account.dead_man = dead_man;
        for _ in 0..self.u64()? {
            let index = engine.accounts.funds_of(id, InstrumentId(self.u32()?));
            let funds = engine.accounts.funds_mut(index);
            funds.available = i128::from_le_bytes(self.take()?);
            funds.held = self.u128()?;
            funds.pending_in = self.u128()?;
            funds.pending_out = self.u128()?;
        }
        Ok(())
    }

    fn market(&mut self, engine: &mut Engine, id: MarketId) -> Decoded<Market> {
        let spec: Box<MarketSpec> = self.json()?;
        let (fees, limits): (FeeSchedule, MarketLimits) = (self.json()?, self.json()?);
        let state = self.state()?;
        let auction_ends_at = self.option()?.map(UnixMillis);
        let last_price = Ticks(self.u64()?);
        let royalty_account = AccountId(self.u32()?);
        let base = self.known(engine.instruments.find(&spec.base))?;
        let quote = self.known(engine.instruments.find(&TokenRef::new(spec.quote, U256::ZERO)))?;
        self.known(engine.accounts.try_get(royalty_account))?;
        self.known(engine.accounts.try_get(AccountId::FEES))?;
        let listing = Listing {
            id,
            base,
            quote,
            royalty_account,
            royalty_funds: engine.accounts.funds_of(royalty_account, quote),
            fee_funds: engine.accounts.funds_of(AccountId::FEES, quote),
            spec,
        };
        let terms = Terms {
            state,
            auction_ends_at,
            last_price,
            fees,
            limits,
        };
        Ok(Market::new(listing, terms))
    }

    fn order(&mut self, engine: &mut Engine) -> Decoded<()> {
        let id = OrderId(self.u64()?);
        let (account, market_id) = (AccountId(self.u32()?), MarketId(self.u32()?));
        let market = self.known(engine.markets.get(market_id))?;
        let (base, quote) = (market.base, market.quote);
        self.known(engine.accounts.try_get(account))?;
        let seat = engine.accounts.seat_of(account, market_id, base, quote);
        let side = self.side()?;
        let (kind, time_in_force) = (OrderKind::from_number(self.u8()?), TimeInForce::from_number(self.u8()?));
        let (post_only, self_trade) = (PostOnly::from_number(self.u8()?), SelfTrade::from_number(self.u8()?));
        let (waits, is_quote) = (self.bool()?, self.bool()?);
        let (price, left) = (Ticks(self.u64()?), Lots(self.u64()?));
        let node = Node {
            id,
            price,
            left,
            shown: left,
            expires_at: UnixMillis(self.u64()?),
            next: NONE,
            prev: NONE,
            level: NONE,
            seat,
            side,
            kind: self.known(kind)?,
            time_in_force: self.known(time_in_force)?,
            post_only: self.known(post_only)?,
            self_trade: self.known(self_trade)?,
            waits,
            is_quote,
            is_listed: false,
        };
        let (fee_cap, fees_paid) = (self.amount()?, self.amount()?);
        let (lots, filled, nonce) = (Lots(self.u64()?), Lots(self.u64()?), self.u64()?);
        let (signed_by, rate) = (CommandNumber(self.u64()?), Ppm(self.u32()?));
        let signer = self.address()?;
        let mut record = Record::new(nonce);
        (record.fee_cap, record.fees_paid, record.filled) = (fee_cap, fees_paid, filled);
        (record.signed_by, record.rate) = (signed_by, rate);
        let signer = self.known(engine.accounts.get(account).signer_number(&signer))?;
        let extra = Extra {
            limit: self.option()?.map(Ticks),
            display: self.option()?.map(Lots),
            trigger: self.option()?.map(Ticks),
            client_order_id: B256::from(self.take::<32>()?),
        };
        let slot = engine.orders.take(node, record, Links::new(lots, signer));
        engine.orders.set_extra(slot, extra);
        if waits {
            let trigger = self.known(extra.trigger)?;
            engine.markets[market_id.0 as usize]
                .stops
                .insert(side, trigger, id, slot);
        }
        engine.list(slot);
        Ok(())
    }

    fn queue(&mut self, engine: &mut Engine, market: usize, side: Side) -> Decoded<()> {
        for _ in 0..self.section(b"BOOK", "a book")? {
            let (id, shown) = (OrderId(self.u64()?), Lots(self.u64()?));
            let slot = self.known(engine.orders.find(id))?;
            let node = engine.orders.node_mut(slot);
            if node.side != side || node.level != NONE {
                return self.malformed();
            }
            node.shown = shown;
            engine.markets[market].book.push(engine.orders.nodes_mut(), side, slot);
        }
        Ok(())
    }

    fn settlement(&mut self, engine: &mut Engine) -> Decoded<()> {
        let count = self.section(b"SETL", "the unsettled fills")?;
        engine.settlement.settled = FillNumber(self.u64()?);
        let mut unsettled = Vec::new();
        for _ in 0..count {
            unsettled.push(self.unsettled(engine)?);
        }
        let mut remembered = Vec::new();
        for _ in 0..self.section(b"KEPT", "the fills that were settled last")? {
            remembered.push(self.unsettled(engine)?);
        }
        engine.settlement.restore(remembered, unsettled);
        for _ in 0..self.section(b"DEPO", "the deposits")? {
            let id = self.u64()?;
            let deposit = Deposit {
                account: AccountId(self.u32()?),
                instrument: InstrumentId(self.u32()?),
                amount: self.amount()?,
                vanished: self.bool()?,
            };
            engine.settlement.deposits.insert(id, deposit);
        }
        for _ in 0..self.section(b"WITH", "the withdrawals")? {
            let (key, flight) = self.flight()?;
            engine.settlement.withdrawals.insert(key, flight);
        }
        for _ in 0..self.section(b"OVER", "the withdrawals that are over")? {
            let (key, flight) = self.flight()?;
            let executed = self.bool()?;
            let finished = Finished { flight, executed };
            engine.settlement.finished.insert(key, finished);
        }
        for _ in 0..self.section(b"PAID", "the exits that were paid")? {
            let id = self.u64()?;
            let exit = PaidExit {
                account: AccountId(self.u32()?),
                instrument: InstrumentId(self.u32()?),
                amount: self.amount()?,
            };
            engine.settlement.exits.insert(id, exit);
        }
        if engine.goes_by(Rules::Third) {
            for _ in 0..self.section(b"OWED", "what is owed")? {
                let key = (AccountId(self.u32()?), InstrumentId(self.u32()?));
                let debt = self.u128()?;
                engine.settlement.debts.insert(key, debt);
            }
        }
        Ok(())
    }

    fn flight(&mut self) -> Decoded<((AccountId, u64), InFlight)> {
        let (account, instrument) = (AccountId(self.u32()?), InstrumentId(self.u32()?));
        let withdraw: Withdraw = self.json()?;
        Ok(((account, withdraw.nonce), InFlight { withdraw, instrument }))
    }

    fn unsettled(&mut self, engine: &mut Engine) -> Decoded<UnsettledFill> {
        let fill = self.fill()?;
        let market = self.known(engine.markets.get(fill.market))?;
        let (base, quote) = (market.base, market.quote);
        let accounts = [fill.buyer.account, fill.seller.account];
        for account in accounts {
            self.known(engine.accounts.try_get(account))?;
        }
        let seats = accounts.map(|account| engine.accounts.seat_of(account, fill.market, base, quote));
        let matched_at = UnixMillis(self.u64()?);
        let bust = match (self.u8()?, self.u8()?) {
            (0, _) => None,
            (1, reason) => Some(BustCause::Skipped { reason }),
            (2, _) => Some(BustCause::Uncovered),
            (3, _) => Some(BustCause::Escape),
            _ => return self.malformed(),
        };
        Ok(UnsettledFill {
            fill,
            matched_at,
            bust,
            seats,
        })
    }

    fn fill(&mut self) -> Decoded<Fill> {
        Ok(Fill {
            number: FillNumber(self.u64()?),
            market: MarketId(self.u32()?),
            price: Ticks(self.u64()?),
            lots: Lots(self.u64()?),
            taker: self.side()?,
            base: self.amount()?,
            quote: self.amount()?,
            royalty: self.amount()?,
            buyer: self.fill_side()?,
            seller: self.fill_side()?,
        })
    }

    fn fill_side(&mut self) -> Decoded<FillSide> {
        Ok(FillSide {
            order: OrderId(self.u64()?),
            signed_by: CommandNumber(self.u64()?),
            account: AccountId(self.u32()?),
            fee: self.amount()?,
            released: self.amount()?,
        })
    }
}

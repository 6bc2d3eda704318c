//! Groups and markets, and what their operator does to them.

use alloy_primitives::{Address, B256, U256};
use rand::RngExt;
use souk_schema::exchange::command::{OpenGroup, Rules};
use souk_schema::exchange::{
    Amount, CommandBody, FeeSchedule, GroupId, Lots, MarketKind, MarketLimits, MarketSpec, MarketState, MarketUnits,
    Ppm, Ticks, UnixMillis,
};
use souk_schema::{ChainId, TokenRef};

use super::{Generator, START};
use crate::oracle::Oracle;

/// Where fees go.
pub const FEE_ACCOUNT: Address = Address::repeat_byte(0xfe);

const SHARES: Address = Address::repeat_byte(0x10);
const QUOTES: [Address; 2] = [Address::repeat_byte(0x20), Address::repeat_byte(0x21)];

/// Two ids of shares and two that pay.
pub fn tokens() -> [TokenRef; 4] {
    [
        TokenRef::new(SHARES, U256::from(1)),
        TokenRef::new(SHARES, U256::from(2)),
        TokenRef::new(QUOTES[0], U256::ZERO),
        TokenRef::new(QUOTES[1], U256::ZERO),
    ]
}

/// The group of every run, but for the rules that it goes by.
pub fn group() -> OpenGroup {
    OpenGroup {
        group: GroupId(1),
        chain: ChainId(31_337),
        vault: Address::repeat_byte(0xee),
        fee_account: FEE_ACCOUNT,
        exit_delay_secs: 240,
        settlement_grace_secs: 60,
        max_open_orders: 14,
        rules: Rules::LATEST,
    }
}

/// A market of shares with round numbers, the `number`th of its run.
pub fn market(number: u8, base: TokenRef, quote: Address) -> MarketSpec {
    MarketSpec {
        key: B256::repeat_byte(number + 1),
        base,
        quote,
        kind: MarketKind::Shares,
        units: MarketUnits {
            lot_size: Amount(2),
            tick_size: Amount(3),
        },
        fees: FeeSchedule {
            maker_ppm: Ppm(10_000),
            taker_ppm: Ppm(25_000),
            royalty_ppm: Ppm(20_000),
        },
        limits: MarketLimits {
            min_lots: Lots(1),
            max_lots: Lots(40),
            max_price: Ticks(30),
            max_open_orders: 8,
            band_ppm: Some(Ppm(300_000)),
            auction_secs: 8,
        },
        reference_price: Ticks(10),
    }
}

impl Generator {
    pub fn new_market(&mut self) -> MarketSpec {
        let number = self.listings;
        self.listings += 1;
        let [first, second, ..] = tokens();
        let base = if number == 1 { second } else { first };
        let quote = QUOTES[usize::from(number == 2)];
        let mut spec = market(number, base, quote);
        if number == 1 {
            let secs_left = self.random.random_range(100..900);
            spec.kind = MarketKind::Licence {
                expires_at: Some(UnixMillis(START.0 + secs_left * 1_000)),
            };
        }
        spec.units.lot_size = Amount(self.pick(&[1, 2, 5]));
        spec.units.tick_size = Amount(self.pick(&[1, 3, 7]));
        spec.fees = self.fees();
        spec.limits = self.limits();
        spec.reference_price = Ticks(self.random.random_range(6..14));
        spec
    }

    fn fees(&mut self) -> FeeSchedule {
        FeeSchedule {
            maker_ppm: Ppm(self.pick(&[0, 5_000, 20_000])),
            taker_ppm: Ppm(self.pick(&[0, 10_000, 30_000])),
            royalty_ppm: Ppm(self.pick(&[0, 10_000, 20_000])),
        }
    }

    fn limits(&mut self) -> MarketLimits {
        MarketLimits {
            min_lots: Lots(self.pick(&[1, 1, 2])),
            max_lots: Lots(40),
            max_price: Ticks(self.pick(&[18, 30])),
            max_open_orders: self.pick(&[3, 8]),
            band_ppm: self.pick(&[None, Some(Ppm(200_000)), Some(Ppm(450_000)), Some(Ppm(2_000_000))]),
            auction_secs: self.pick(&[0, 5, 12]),
        }
    }

    pub fn administration(&mut self, oracle: &Oracle) -> CommandBody {
        use MarketState::{Auction, Closed, Halted, Open, PostOnly, PreOpen};
        match self.random.random_range(0..40) {
            0 => CommandBody::OpenGroup(group()),
            1..4 => {
                let spec = self.listing(oracle);
                CommandBody::ListMarket(Box::new(spec))
            }
            4..8 => {
                let fees = self.fees();
                let mut limits = self.limits();
                if self.one_in(6) {
                    limits.max_price = Ticks(1);
                }
                CommandBody::SetMarketRules {
                    market: self.market_key(oracle),
                    fees,
                    limits,
                }
            }
            _ => {
                // What does not trade first.
                let resting = oracle
                    .markets
                    .iter()
                    .find(|market| matches!(market.state, Halted | PostOnly | PreOpen));
                let market = match resting.filter(|_| !self.one_in(4)) {
                    Some(market) => market.spec.key,
                    None => self.market_key(oracle),
                };
                let state = match oracle
                    .market_of(market)
                    .map(|market| oracle.markets[market as usize].state)
                {
                    // What is not trading is brought back more often than not.
                    Some(PreOpen) => self.pick(&[Auction, Auction, Auction, Halted]),
                    Some(Halted | PostOnly) => self.pick(&[Auction, Open, Open, Open, PostOnly, Halted]),
                    // What trades is mostly left alone.
                    _ if self.calm || !self.one_in(3) => self.pick(&[Open, Open, Open, Auction]),
                    _ => self.pick(&[Auction, Auction, PostOnly, PostOnly, Halted, PreOpen, Closed]),
                };
                CommandBody::SetMarketState { market, state }
            }
        }
    }

    /// A listing that is often wrong, in one way each.
    fn listing(&mut self, oracle: &Oracle) -> MarketSpec {
        let [.., quote] = tokens();
        if self.one_in(8) && !oracle.markets.is_empty() {
            return oracle.markets[0].spec.clone();
        }
        let mut spec = self.new_market();
        match self.random.random_range(0..12) {
            0 => spec.units.lot_size = Amount(0),
            1 => spec.units.tick_size = Amount(0),
            2 => spec.limits.min_lots = Lots(0),
            3 => spec.limits.min_lots = Lots(41),
            4 => spec.reference_price = Ticks(0),
            5 => spec.reference_price = Ticks(31),
            6 => spec.units.tick_size = Amount(1 << 99),
            7 => spec.units.lot_size = Amount(u128::MAX),
            8 => spec.limits.max_lots = Lots(1 << 40),
            9 => spec.fees.taker_ppm = Ppm(u32::MAX),
            10 => spec.base = TokenRef::new(quote.contract, U256::from(7)),
            _ => {}
        }
        if spec.base.contract == quote.contract {
            spec.quote = quote.contract;
        }
        spec
    }
}

//! A small exchange to feed a sequencer with: a group, a market, traders with deposits, and orders that rest and meet.

use alloy::primitives::{Address, B256, U256};
use souk_schema::exchange::command::{Fact, OpenGroup, Rules};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{
    Amount, CommandBody, FeeSchedule, GroupId, Instructions, Lots, MarketKind, MarketLimits, MarketSpec, MarketState,
    MarketUnits, Ppm, Side, SignedOrder, Source, Ticks,
};
use souk_schema::{ChainId, TokenRef};

pub const GROUP: GroupId = GroupId(1);
pub const CHAIN: ChainId = ChainId(31_337);
pub const MARKET: B256 = B256::repeat_byte(0x77);
/// Unix seconds at which orders expire: within thirty days of the time that `now_secs` gave.
pub const LIFETIME_SECS: u64 = 20 * 24 * 3_600;

fn base() -> TokenRef {
    TokenRef::new(Address::repeat_byte(0xba), U256::ONE)
}

fn quote() -> Address {
    Address::repeat_byte(0x90)
}

pub fn vault() -> Address {
    Address::repeat_byte(0xee)
}

pub fn trader(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(number + 1)))
}

/// What opens the group and a market in which these can trade.
pub fn opening(traders: &[Address], open_orders: u32) -> (Vec<CommandBody>, Vec<(Source, Fact)>) {
    let market = MarketSpec {
        key: MARKET,
        base: base(),
        quote: quote(),
        kind: MarketKind::Shares,
        units: MarketUnits {
            lot_size: Amount(1),
            tick_size: Amount(1),
        },
        fees: FeeSchedule {
            maker_ppm: Ppm(1_000),
            taker_ppm: Ppm(2_000),
            royalty_ppm: Ppm(0),
        },
        limits: MarketLimits {
            min_lots: Lots(1),
            max_lots: Lots(1_000),
            max_price: Ticks(1_000_000),
            max_open_orders: open_orders,
            band_ppm: None,
            auction_secs: 1,
        },
        reference_price: Ticks(1_000),
    };
    let group = OpenGroup {
        group: GROUP,
        chain: CHAIN,
        vault: vault(),
        fee_account: Address::repeat_byte(0xfe),
        exit_delay_secs: 365 * 24 * 3_600,
        settlement_grace_secs: 365 * 24 * 3_600,
        max_open_orders: open_orders,
        rules: Rules::LATEST,
    };
    let state = |state| CommandBody::SetMarketState { market: MARKET, state };
    let commands = vec![
        CommandBody::OpenGroup(group),
        CommandBody::ListMarket(Box::new(market)),
        state(MarketState::Halted),
        state(MarketState::Open),
    ];
    let deposits = (0..).zip(traders).flat_map(|(number, account)| {
        [
            (base(), 2 * number),
            (TokenRef::new(quote(), U256::ZERO), 2 * number + 1),
        ]
        .map(|(token, deposit_id)| {
            let fact = Fact::Deposited {
                deposit_id,
                account: *account,
                token,
                amount: Amount(1 << 60),
            };
            (fact_source(deposit_id + 1), fact)
        })
    });
    (commands, deposits.collect())
}

pub fn fact_source(position: u64) -> Source {
    Source::Chain { chain: CHAIN, position }
}

/// An order that its account signed, as far as the engine can tell.
pub fn order(trader_number: u64, nonce: u64, side: Side, price: u64, lots: u64, expiry_secs: u64) -> SignedOrder {
    let account = trader(trader_number);
    SignedOrder {
        account,
        market: MARKET,
        side,
        base_amount: Amount(lots.into()),
        limit_price: Amount(price.into()),
        fee_cap: Amount(1 << 60),
        nonce,
        expiry_secs,
        instructions: Instructions {
            kind: Default::default(),
            time_in_force: Default::default(),
            post_only: Default::default(),
            self_trade: Default::default(),
            display_amount: Amount::ZERO,
            trigger_price: Amount::ZERO,
            good_until_secs: 0,
            client_order_id: B256::ZERO,
        },
        signature: Signature([7; 65]),
        signer: account,
    }
}

pub fn place(order: SignedOrder) -> CommandBody {
    CommandBody::PlaceOrder(Box::new(order))
}

pub fn expiry_secs() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_secs() + LIFETIME_SECS
}

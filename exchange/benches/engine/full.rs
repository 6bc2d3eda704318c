//! The same flow as commands of a whole engine: signed orders of a thousand accounts with balances, fees, royalties, self-trade prevention.

use alloy_primitives::{Address, B256, U256, keccak256};
use souk_exchange::Engine;
use souk_schema::exchange::command::{Fact, OpenGroup, OrderTarget, Rules};
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::*;
use souk_schema::{ChainId, TokenRef};

use crate::book_only::BookOnly;
use crate::flow::{Action, Flow, Op};

const START_SECS: u64 = 1_700_000_000;
const ACCOUNTS: u32 = 1_000;

/// Operations after which the vault has settled what traded by then.
const SETTLED_EVERY: usize = 1_000;

/// Engine time of all commands.
pub const NOW: UnixMillis = UnixMillis(START_SECS * 1_000);

/// An engine with open markets and funded accounts, and the commands of a flow.
pub struct Full {
    /// Before the flow's setup.
    pub engine: Engine,
    /// Those that fill the books.
    pub setup: Vec<Command>,
    /// Those that are measured: one for each operation, and those that settle the fills.
    pub commands: Vec<Command>,
    /// Fills of the measured commands.
    pub fills: usize,
}

struct Translator {
    position: u64,
    /// Of each order: account, nonce, the command that placed it.
    orders: Vec<(Address, u64, u64)>,
    nonces: Vec<u64>,
    keys: Vec<B256>,
}

fn account(number: u32) -> Address {
    Address::from_slice(&keccak256(number.to_be_bytes())[..20])
}

fn usd() -> TokenRef {
    TokenRef::new(Address::repeat_byte(0xdd), U256::ZERO)
}

fn shares(market: u32) -> TokenRef {
    TokenRef::new(Address::repeat_byte(0xbb), U256::from(market))
}

/// Translates a flow. Buyers and sellers are different accounts, so that no order meets its own account and the books come out as those of the book
/// alone.
pub fn translate(flow: &Flow) -> Full {
    let mut translator = Translator {
        position: 0,
        orders: Vec::new(),
        nonces: vec![0; ACCOUNTS as usize],
        keys: (0..flow.markets)
            .map(|market| keccak256(market.to_be_bytes()))
            .collect(),
    };
    let mut engine = Engine::new();
    let mut events = Vec::new();
    for body in opening(flow.markets, &translator.keys) {
        let command = translator.command(body);
        engine
            .apply(&command, NOW, &mut events)
            .expect("the opening is in order");
        events.clear();
    }
    let mut book = BookOnly::new(flow.markets as usize);
    let setup = translator.translate_all(&flow.setup, &mut book);
    let before = book.fills;
    let commands = translator.translate_all(&flow.ops, &mut book);
    Full {
        engine,
        setup,
        commands,
        fills: (book.fills - before) as usize,
    }
}

fn opening(markets: u32, keys: &[B256]) -> Vec<CommandBody> {
    let mut bodies = vec![CommandBody::OpenGroup(OpenGroup {
        group: GroupId(1),
        chain: ChainId(1),
        vault: Address::repeat_byte(0xaa),
        fee_account: Address::repeat_byte(0xfe),
        exit_delay_secs: 7 * 24 * 3_600,
        settlement_grace_secs: 3_600,
        max_open_orders: u32::MAX,
        rules: Rules::LATEST,
    })];
    for (market, key) in keys.iter().enumerate() {
        bodies.push(CommandBody::ListMarket(Box::new(spec(market as u32, *key))));
    }
    let mut deposit_id = 0;
    let mut deposit = |account, token, amount| {
        deposit_id += 1;
        CommandBody::Fact(Fact::Deposited {
            deposit_id,
            account,
            token,
            amount: Amount(amount),
        })
    };
    for number in 0..ACCOUNTS {
        bodies.push(deposit(account(number), usd(), 1 << 80));
    }
    for number in ACCOUNTS / 2..ACCOUNTS {
        for market in 0..markets {
            bodies.push(deposit(account(number), shares(market), 1 << 80));
        }
    }
    for state in [MarketState::Halted, MarketState::Open] {
        for key in keys {
            bodies.push(CommandBody::SetMarketState { market: *key, state });
        }
    }
    bodies
}

fn spec(market: u32, key: B256) -> MarketSpec {
    MarketSpec {
        key,
        base: shares(market),
        quote: usd().contract,
        kind: MarketKind::Shares,
        units: MarketUnits {
            lot_size: Amount(1),
            tick_size: Amount(10_000),
        },
        fees: FeeSchedule {
            maker_ppm: Ppm(1_000),
            taker_ppm: Ppm(2_500),
            royalty_ppm: Ppm(10_000),
        },
        limits: MarketLimits {
            min_lots: Lots(1),
            max_lots: Lots(1_000_000),
            max_price: Ticks(1_000_000),
            max_open_orders: u32::MAX,
            band_ppm: Some(Ppm(200_000)),
            auction_secs: 60,
        },
        reference_price: Ticks(10_000),
    }
}

impl Translator {
    fn command(&mut self, body: CommandBody) -> Command {
        self.position += 1;
        let source = Source::Gateway {
            id: 1,
            position: self.position,
        };
        Command { source, body }
    }

    /// The book alone is run along, to know how many fills there are to settle.
    fn translate_all(&mut self, ops: &[Op], book: &mut BookOnly) -> Vec<Command> {
        let mut commands = Vec::with_capacity(ops.len() + ops.len() / SETTLED_EVERY + 1);
        for some in ops.chunks(SETTLED_EVERY) {
            let before = book.fills;
            for op in some {
                book.apply(op, &mut |_| {});
                commands.push(self.translate(op));
            }
            if book.fills > before {
                let through = FillNumber(book.fills);
                commands.push(self.command(CommandBody::Fact(Fact::FillsSettled { through })));
            }
        }
        commands
    }

    fn translate(&mut self, op: &Op) -> Command {
        if matches!(op.action, Action::Add | Action::Take) {
            let half = ACCOUNTS / 2;
            let number = op.order.wrapping_mul(0x9e37_79b1) >> 8;
            let number = number % half + if op.side == Side::Sell { half } else { 0 };
            self.nonces[number as usize] += 1;
            self.orders
                .push((account(number), self.nonces[number as usize], self.position + 1));
            assert_eq!(
                self.orders.len(),
                op.order as usize + 1,
                "orders are counted as they come"
            );
        }
        let (owner, nonce, placed_by) = self.orders[op.order as usize];
        let body = match op.action {
            Action::Add | Action::Take => CommandBody::PlaceOrder(Box::new(self.order(op, owner, nonce))),
            Action::Move => CommandBody::AmendOrder(Box::new(self.order(op, owner, nonce))),
            Action::Cancel => CommandBody::CancelOrder {
                account: owner,
                order: OrderTarget::Id(OrderId::new(CommandNumber(placed_by), 0)),
            },
        };
        self.command(body)
    }

    fn order(&self, op: &Op, owner: Address, nonce: u64) -> SignedOrder {
        SignedOrder {
            account: owner,
            market: self.keys[op.market as usize],
            side: op.side,
            base_amount: Amount(op.lots.into()),
            limit_price: Amount(u128::from(op.price) * 10_000),
            fee_cap: Amount(1 << 60),
            nonce,
            expiry_secs: START_SECS + 86_400,
            instructions: Instructions {
                kind: OrderKind::Limit,
                time_in_force: match op.action {
                    Action::Take => TimeInForce::ImmediateOrCancel,
                    _ => TimeInForce::GoodTilCancelled,
                },
                post_only: PostOnly::No,
                self_trade: SelfTrade::CancelTaker,
                display_amount: Amount::ZERO,
                trigger_price: Amount::ZERO,
                good_until_secs: 0,
                client_order_id: B256::ZERO,
            },
            signature: Signature([7; 65]),
            signer: owner,
        }
    }
}

//! The scripts' language. A line is a command, its words separated by spaces; `name=value` words are options, in any order.
//!
//! ```text
//! open · list m1 maker=… taker=… royalty=… band=… auction=… min=… max=… top=… ref=… room=… ends=… · rules m1 … · state m1 open
//! at 60 (seconds since the start) · tick · deposit A1 500 usd id=1
//! place A1 bid 10 @ 101 · ioc fok market stop=… stop-limit=… post slide show=… self=… nonce=… cap=… cid=… until=… expiry=… by=K1 in=m2
//! amend A1 bid 8 @ 101 nonce=1 · quote A1 bid 1 @ 99 / ask 1 @ 101 · cancel A1 #1 (or nonce=… or cid=…) · cancel-all A1 in=m1
//! reduce A1 #1 3 · deadman A1 30 · withdraw A1 10 usd nonce=… deadline=… · again (the last command, as it was delivered before)
//! settled 3 · skipped 1 · vanished 1 · withdrawn A1 7 · final 90 · exit A1 1 · exit-cancelled A1 1 · exit-executed A1 1 50 usd
//! fills-vanished 2 · withdrawal-vanished A1 7 · exit-vanished 1 · flush-vanished m1 3
//! key A1 K1 · revoke A1 K1 · invalidate A1 5 (below) single=9 · flushed m1 3 · series-revoked m1 · escape · escaped A1 5 usd · balances A1
//! ```
//!
//! A lot and a tick are one base unit. Orders are called `#1`, `#2`… as they were accepted. Nonces count up where none is given.

mod transcript;

use std::collections::BTreeMap;
use std::fmt::Write;

use alloy_primitives::{Address, B256, U256, keccak256};
use souk_schema::exchange::command::{Fact, MassQuote, OpenGroup, OrderTarget, Rules, Withdraw};
use souk_schema::exchange::event::ReduceCause;
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::*;
use souk_schema::{ChainId, TokenRef};

use crate::{Engine, Preview, PreviewFill};

const START_SECS: u64 = 1_700_000_000;

struct World {
    engine: Engine,
    now_secs: u64,
    position: u64,
    nonces: u64,
    deposits: u64,
    orders: Vec<OrderId>,
    accounts: BTreeMap<AccountId, String>,
    names: BTreeMap<Address, String>,
    last: Option<Command>,
}

/// The words of a line: those by place, and the options by name (`""` for one without a value).
struct Words<'a> {
    plain: Vec<&'a str>,
    options: BTreeMap<&'a str, &'a str>,
}

const FLAGS: [&str; 7] = ["ioc", "fok", "market", "post", "slide", "first-rules", "second-rules"];

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Words<'a> {
        let (mut plain, mut options) = (Vec::new(), BTreeMap::new());
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some((name, value)) => drop(options.insert(name, value)),
                None if FLAGS.contains(&word) => drop(options.insert(word, "")),
                None => plain.push(word),
            }
        }
        Words { plain, options }
    }

    fn number(&self, place: usize) -> u64 {
        self.plain[place]
            .parse()
            .unwrap_or_else(|_| panic!("a number: {}", self.plain[place]))
    }

    fn option(&self, name: &str) -> Option<u64> {
        self.options
            .get(name)
            .map(|value| value.parse().unwrap_or_else(|_| panic!("a number: {value}")))
    }

    fn has(&self, flag: &str) -> bool {
        self.options.contains_key(flag)
    }
}

/// The engine that a script leaves, and the position of its last command.
pub(super) fn engine(script: &str) -> (Engine, u64) {
    let mut world = World::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        world.run(line);
    }
    (world.engine, world.position)
}

/// Runs a script; gives its transcript.
pub(super) fn run(script: &str, restored: bool) -> String {
    let mut world = World::new();
    let mut transcript = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if restored {
            let again = Engine::restore(&world.engine.snapshot()).expect("its own snapshot");
            assert_eq!(again.state_hash(), world.engine.state_hash());
            world.engine = again;
        }
        let outcome = world.run(line);
        // What only sets the scene says nothing.
        if outcome.is_empty() {
            writeln!(transcript, "{line}").unwrap();
        } else {
            writeln!(transcript, "{line}\n    {}", outcome.join("\n    ")).unwrap();
        }
    }
    transcript
}

pub(super) fn address(name: &str) -> Address {
    match name {
        "zero" => Address::ZERO,
        "fees" => Address::repeat_byte(0xfe),
        name => Address::from_slice(&keccak256(name)[..20]),
    }
}

fn token(name: &str) -> TokenRef {
    match name {
        "usd" => TokenRef::new(Address::repeat_byte(0xdd), U256::ZERO),
        market => TokenRef::new(Address::repeat_byte(0xbb), U256::from_be_bytes(keccak256(market).0)),
    }
}

fn key(market: &str) -> B256 {
    keccak256(market)
}

impl World {
    fn new() -> World {
        World {
            engine: Engine::new(),
            now_secs: START_SECS,
            position: 0,
            nonces: 0,
            deposits: 0,
            orders: Vec::new(),
            accounts: BTreeMap::from([(AccountId(0), "deficit".to_owned()), (AccountId(1), "fees".to_owned())]),
            names: BTreeMap::new(),
            last: None,
        }
    }

    fn run(&mut self, line: &str) -> Vec<String> {
        let words = Words::of(line);
        match words.plain[0] {
            "at" => {
                self.now_secs = START_SECS + words.number(1);
                return Vec::new();
            }
            "balances" => return self.balances(words.plain[1]),
            "again" => {
                let last = self.last.clone().expect("a command before");
                return self.apply(last);
            }
            _ => {}
        }
        let body = self.body(line, &words);
        self.position += 1;
        let source = Source::Gateway {
            id: 1,
            position: self.position,
        };
        self.apply(Command { source, body })
    }

    fn apply(&mut self, command: Command) -> Vec<String> {
        let mut events = Vec::new();
        let (before, now) = (self.engine.open_orders(), UnixMillis(self.now_secs * 1_000));
        let preview = match &command.body {
            CommandBody::PlaceOrder(order) => Some(self.engine.preview(order, now)),
            CommandBody::AmendOrder(order) => Some(self.engine.preview_amendment(order, now)),
            _ => None,
        };
        self.engine.read_ahead(std::slice::from_ref(&command));
        let outcome = self.engine.apply(&command, now, &mut events);
        self.last = Some(command);
        if let Some(preview) = preview {
            check_preview(preview, outcome, &events);
        }
        match outcome {
            Ok(()) => events.iter().filter_map(|event| self.render(event)).collect(),
            Err(refusal) => {
                assert!(events.is_empty(), "a refused command has no events");
                assert_eq!(self.engine.open_orders(), before, "a refused command changes nothing");
                vec![format!("refused: {refusal:?}")]
            }
        }
    }

    fn body(&mut self, line: &str, words: &Words<'_>) -> CommandBody {
        let plain = &words.plain;
        match plain[0] {
            "open" => CommandBody::OpenGroup(OpenGroup {
                group: GroupId(1),
                chain: ChainId(1),
                vault: Address::repeat_byte(0xaa),
                fee_account: address("fees"),
                exit_delay_secs: words.option("delay").unwrap_or(600),
                settlement_grace_secs: words.option("grace").unwrap_or(600),
                max_open_orders: words.option("room").unwrap_or(100) as u32,
                rules: match () {
                    () if words.has("first-rules") => Rules::First,
                    () if words.has("second-rules") => Rules::Second,
                    () => Rules::LATEST,
                },
            }),
            "list" => CommandBody::ListMarket(Box::new(spec(plain[1], words))),
            "rules" => {
                let spec = spec(plain[1], words);
                CommandBody::SetMarketRules {
                    market: spec.key,
                    fees: spec.fees,
                    limits: spec.limits,
                }
            }
            "state" => CommandBody::SetMarketState {
                market: key(plain[1]),
                state: serde_json::from_value(plain[2].into()).expect("a state"),
            },
            "place" => CommandBody::PlaceOrder(Box::new(self.order(plain[1], &plain[2..], words))),
            "amend" => CommandBody::AmendOrder(Box::new(self.order(plain[1], &plain[2..], words))),
            "quote" => CommandBody::MassQuote(self.quotes(line, words)),
            "cancel" => CommandBody::CancelOrder {
                account: address(plain[1]),
                order: self.target(words),
            },
            "cancel-all" => CommandBody::CancelAll {
                account: address(plain[1]),
                market: words.options.get("in").map(|market| key(market)),
            },
            "reduce" => CommandBody::ReduceOrder {
                account: address(plain[1]),
                order: self.target(words),
                remaining: Lots(plain.last().expect("words").parse().expect("lots")),
            },
            "deadman" => CommandBody::SetDeadMan {
                account: address(plain[1]),
                timeout_secs: words.number(2) as u32,
            },
            "withdraw" => CommandBody::Withdraw(Withdraw {
                account: address(plain[1]),
                token: token(plain[3]),
                amount: Amount(words.number(2).into()),
                receiver: address(plain[1]),
                nonce: self.nonce(words),
                deadline_secs: START_SECS + words.option("deadline").unwrap_or(3_600),
            }),
            "tick" => CommandBody::Tick,
            _ => CommandBody::Fact(self.fact(words)),
        }
    }

    fn fact(&mut self, words: &Words<'_>) -> Fact {
        let plain = &words.plain;
        let account = plain.get(1).map_or(Address::ZERO, |name| address(name));
        match plain[0] {
            "deposit" => {
                self.deposits += 1;
                self.names.insert(account, plain[1].to_owned());
                Fact::Deposited {
                    deposit_id: words.option("id").unwrap_or(self.deposits),
                    account,
                    token: token(plain[3]),
                    amount: Amount(plain[2].parse().expect("an amount")),
                }
            }
            "vanished" => Fact::DepositVanished {
                deposit_id: words.number(1),
            },
            "fills-vanished" => Fact::FillsVanished {
                from: FillNumber(words.number(1)),
            },
            "withdrawal-vanished" => Fact::WithdrawalVanished {
                account,
                nonce: words.number(2),
            },
            "exit-vanished" => Fact::ExitVanished {
                exit_id: words.number(1),
            },
            "flush-vanished" => Fact::FlushVanished {
                market: key(plain[1]),
                amount: Amount(words.number(2).into()),
            },
            "withdrawn" => Fact::Withdrawn {
                account,
                nonce: words.number(2),
            },
            "final" => Fact::FinalityReached {
                block: 1,
                secs: START_SECS + words.number(1),
            },
            "exit" | "exit-cancelled" => {
                self.names.insert(account, plain[1].to_owned());
                let exit_id = words.number(2);
                match plain[0] {
                    "exit" => Fact::ExitRequested { account, exit_id },
                    _ => Fact::ExitCancelled { account, exit_id },
                }
            }
            "exit-executed" => Fact::ExitExecuted {
                account,
                exit_id: words.number(2),
                token: token(plain[4]),
                amount: Amount(words.number(3).into()),
            },
            "settled" => Fact::FillsSettled {
                through: FillNumber(words.number(1)),
            },
            "skipped" => Fact::FillSkipped {
                fill: FillNumber(words.number(1)),
                reason: 7,
            },
            "key" | "revoke" => {
                self.names.insert(account, plain[1].to_owned());
                let key = address(plain[2]);
                match plain[0] {
                    "key" => Fact::KeyRegistered { account, key },
                    _ => Fact::KeyRevoked { account, key },
                }
            }
            "invalidate" => Fact::NoncesInvalidated {
                account,
                below: words.number(2),
                single: words.option("single"),
            },
            "flushed" => Fact::RoyaltyFlushed {
                market: key(plain[1]),
                amount: Amount(words.number(2).into()),
            },
            "series-revoked" => Fact::SeriesRevoked { token: token(plain[1]) },
            "escape" => Fact::EscapeEntered,
            "escaped" => {
                let (amount, token) = (Amount(words.number(2).into()), token(plain[3]));
                Fact::Escaped { account, token, amount }
            }
            other => panic!("no such command: {other}"),
        }
    }

    fn nonce(&mut self, words: &Words<'_>) -> u64 {
        words.option("nonce").unwrap_or_else(|| {
            self.nonces += 1;
            self.nonces
        })
    }

    fn target(&self, words: &Words<'_>) -> OrderTarget {
        if let Some(nonce) = words.option("nonce") {
            return OrderTarget::Nonce(nonce);
        }
        if let Some(id) = words.options.get("cid") {
            return OrderTarget::ClientId(keccak256(id));
        }
        let label: usize = words.plain[2]
            .trim_start_matches('#')
            .parse()
            .expect("an order's label");
        OrderTarget::Id(self.orders.get(label - 1).copied().unwrap_or(OrderId(u64::MAX)))
    }

    /// `bid 10 @ 101` and options.
    fn order(&mut self, account: &str, words_of_it: &[&str], words: &Words<'_>) -> SignedOrder {
        let number = |place: usize| words_of_it[place].parse::<u128>().expect("a number");
        let option = |name| Amount(words.option(name).unwrap_or(0).into());
        let kind = match () {
            () if words.has("market") => OrderKind::Market,
            () if words.has("stop") => OrderKind::Stop,
            () if words.has("stop-limit") => OrderKind::StopLimit,
            () => OrderKind::Limit,
        };
        let time_in_force = match () {
            () if words.has("ioc") => TimeInForce::ImmediateOrCancel,
            () if words.has("fok") => TimeInForce::FillOrKill,
            () => TimeInForce::GoodTilCancelled,
        };
        let post_only = match () {
            () if words.has("post") => PostOnly::Reject,
            () if words.has("slide") => PostOnly::Slide,
            () => PostOnly::No,
        };
        let trigger = match kind {
            OrderKind::StopLimit => option("stop-limit"),
            OrderKind::Stop => option("stop"),
            _ => option("trigger"),
        };
        SignedOrder {
            account: address(account),
            market: key(words.options.get("in").unwrap_or(&"m1")),
            side: if words_of_it[0] == "bid" { Side::Buy } else { Side::Sell },
            base_amount: Amount(number(1)),
            limit_price: Amount(number(3)),
            fee_cap: Amount(words.option("cap").unwrap_or(1 << 50).into()),
            nonce: self.nonce(words),
            expiry_secs: START_SECS + words.option("expiry").unwrap_or(86_400),
            instructions: Instructions {
                kind,
                time_in_force,
                post_only,
                self_trade: match words.options.get("self") {
                    None | Some(&"taker") => SelfTrade::CancelTaker,
                    Some(&"maker") => SelfTrade::CancelMaker,
                    Some(&"both") => SelfTrade::CancelBoth,
                    Some(_) => SelfTrade::Decrement,
                },
                display_amount: option("show"),
                trigger_price: trigger,
                good_until_secs: words.option("until").map_or(0, |until| START_SECS + until),
                client_order_id: words.options.get("cid").map_or(B256::ZERO, keccak256),
            },
            signature: Signature([0; 65]),
            signer: address(words.options.get("by").unwrap_or(&account)),
        }
    }

    fn quotes(&mut self, line: &str, words: &Words<'_>) -> MassQuote {
        let account = words.plain[1];
        let listed = line
            .split_whitespace()
            .skip(2)
            .filter(|word| !word.starts_with("in="))
            .collect::<Vec<_>>()
            .join(" ");
        let market = words
            .options
            .get("in")
            .map_or(String::new(), |market| format!(" in={market}"));
        let quotes = listed.split('/').filter(|quote| !quote.trim().is_empty()).map(|quote| {
            let post = if quote.contains("slide") || quote.contains("take") {
                ""
            } else {
                " post"
            };
            let quote = quote.replace("take", "") + post + &market;
            let words = Words::of(&quote);
            self.order(account, &words.plain, &words)
        });
        MassQuote {
            account: address(account),
            quotes: quotes.collect(),
            market: key(words.options.get("in").unwrap_or(&"m1")),
        }
    }
}

/// A preview says what the order then does, up to the first stop that it triggers.
fn check_preview(preview: Result<Preview, Rejection>, outcome: Result<(), Rejection>, events: &[Event]) {
    let preview = match (preview, outcome) {
        (Ok(preview), Ok(())) => preview,
        (preview, outcome) => return assert_eq!(preview.map(|_| ()), outcome),
    };
    let own = events
        .iter()
        .take_while(|event| !matches!(event, Event::OrderTriggered { .. }));
    let (mut fills, mut fees, mut royalty, mut rests) = (Vec::new(), 0, 0, Lots(0));
    for event in own {
        match event {
            Event::OrderAccepted { price, hold, lots, .. } => {
                assert_eq!((preview.price, preview.hold), (*price, *hold));
                rests = if preview.waits { *lots } else { Lots(0) };
            }
            Event::OrderAmended { price, hold, lots, .. } => {
                assert_eq!(
                    (preview.price, preview.hold, preview.keeps_place),
                    (*price, *hold, false)
                );
                rests = if preview.waits { *lots } else { Lots(0) };
            }
            Event::OrderReduced {
                lots,
                cause: ReduceCause::Trader,
                ..
            } => {
                assert!(preview.keeps_place);
                rests = *lots;
            }
            Event::Traded(fill) => {
                fills.push(PreviewFill {
                    price: fill.price,
                    lots: fill.lots,
                });
                royalty += fill.royalty.0;
                fees += match fill.taker {
                    Side::Buy => fill.buyer.fee.0,
                    Side::Sell => fill.seller.fee.0,
                };
            }
            Event::OrderRested { lots, .. } => rests = *lots,
            _ => {}
        }
    }
    let found = (fills, Amount(fees), Amount(royalty), rests);
    assert_eq!((preview.fills, preview.fees, preview.royalty, preview.rests), found);
}

fn spec(name: &str, words: &Words<'_>) -> MarketSpec {
    let ppm = |name| Ppm(words.option(name).unwrap_or(0) as u32);
    let option = |name, default| words.option(name).unwrap_or(default);
    MarketSpec {
        key: key(name),
        base: token(words.options.get("base").unwrap_or(&name)),
        quote: token("usd").contract,
        kind: match words.option("ends") {
            None => MarketKind::Shares,
            Some(ends) => MarketKind::Licence {
                expires_at: Some(UnixMillis((START_SECS + ends) * 1_000)),
            },
        },
        units: MarketUnits {
            lot_size: Amount(option("lot", 1).into()),
            tick_size: Amount(option("tick", 1).into()),
        },
        fees: FeeSchedule {
            maker_ppm: ppm("maker"),
            taker_ppm: ppm("taker"),
            royalty_ppm: ppm("royalty"),
        },
        limits: MarketLimits {
            min_lots: Lots(option("min", 1)),
            max_lots: Lots(option("max", 1_000_000)),
            max_price: Ticks(option("top", 1_000_000)),
            max_open_orders: option("room", 100) as u32,
            band_ppm: words.option("band").map(|band| Ppm(band as u32)),
            auction_secs: option("auction", 60) as u32,
        },
        reference_price: Ticks(option("ref", 100)),
    }
}

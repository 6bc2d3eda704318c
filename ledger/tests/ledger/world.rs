//! A small exchange: the real engine, traders who do whatever comes to their minds, and a vault that settles, skips and pays out. What the
//! vault does is told to the engine as facts, so that both must agree at any time.

mod broken;

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use souk_exchange::Engine;
use souk_ledger::reconcile::{EngineBalance, VaultSnapshot};
use souk_schema::exchange::command::{Fact, OpenGroup, OrderTarget, Rules, Withdraw};
use souk_schema::exchange::event::Fill;
use souk_schema::exchange::order::Signature;
use souk_schema::exchange::{
    Amount, Command, CommandBody, Event, FeeSchedule, FillNumber, GroupId, Instructions, Lots, MarketKind,
    MarketLimits, MarketSpec, MarketState, MarketUnits, OrderKind, Outcome, PostOnly, Ppm, SelfTrade, Side,
    SignedOrder, Source, Ticks, TimeInForce, UnixMillis, Venue,
};
use souk_schema::{Address, B256, BlockRef, ChainId, TokenRef, U256};

use self::broken::Mark;

pub const GROUP: GroupId = GroupId(1);
pub const VENUE: Venue = Venue {
    chain: ChainId(31_337),
    vault: Address::repeat_byte(0xee),
};
pub const START: UnixMillis = UnixMillis(1_700_000_000_000);
const FEE_ACCOUNT: Address = Address::repeat_byte(0xfe);
const QUOTE: Address = Address::repeat_byte(0x20);
const TRADERS: u8 = 5;
const MARKETS: u8 = 2;

pub fn trader(number: u8) -> Address {
    Address::repeat_byte(0xa0 + number)
}

pub fn base(market: u8) -> TokenRef {
    TokenRef::new(Address::repeat_byte(0x10), U256::from(market + 1))
}

pub fn quote() -> TokenRef {
    TokenRef::new(QUOTE, U256::ZERO)
}

pub fn market_key(market: u8) -> B256 {
    B256::repeat_byte(market + 1)
}

fn spec(market: u8) -> MarketSpec {
    MarketSpec {
        key: market_key(market),
        base: base(market),
        quote: QUOTE,
        kind: MarketKind::Shares,
        units: MarketUnits {
            lot_size: Amount(2),
            tick_size: Amount(30),
        },
        fees: FeeSchedule {
            maker_ppm: Ppm(10_000),
            taker_ppm: Ppm(25_000),
            royalty_ppm: Ppm(20_000),
        },
        limits: MarketLimits {
            min_lots: Lots(1),
            max_lots: Lots(1_000),
            max_price: Ticks(10_000),
            max_open_orders: 40,
            band_ppm: None,
            auction_secs: 10,
        },
        reference_price: Ticks(100),
    }
}

/// A deposit that the vault took.
#[derive(Clone)]
struct Deposit {
    id: u64,
    account: Address,
    token: TokenRef,
    amount: u128,
}

#[derive(Clone, Default)]
struct Vault {
    balances: BTreeMap<(Address, TokenRef), u128>,
    deposits: Vec<Deposit>,
    withdrawals: Vec<Withdraw>,
    exits: Vec<(Address, u64)>,
    /// Fills in the order of their numbers that it has not consumed.
    fills: Vec<Fill>,
    counter: u64,
}

pub struct World {
    pub engine: Engine,
    pub outcomes: Vec<Outcome>,
    random: ChaCha8Rng,
    vault: Vault,
    /// Where the chain goes back to when it breaks its promise.
    mark: Option<Mark>,
    /// How often it did.
    pub breaks: u64,
    now: UnixMillis,
    position: u64,
    chain_position: u64,
    blocks: u64,
    nonce: u64,
    /// Orders that were placed: whose, and with which nonce.
    placed: Vec<(Address, SignedOrder)>,
}

impl World {
    /// A group with two open markets and traders with money.
    pub fn new(seed: u64) -> World {
        let mut world = World {
            engine: Engine::new(),
            outcomes: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
            vault: Vault::default(),
            mark: None,
            breaks: 0,
            now: START,
            position: 0,
            chain_position: 0,
            blocks: 0,
            nonce: 0,
            placed: Vec::new(),
        };
        world.tell(CommandBody::OpenGroup(OpenGroup {
            group: GROUP,
            chain: VENUE.chain,
            vault: VENUE.vault,
            fee_account: FEE_ACCOUNT,
            exit_delay_secs: 100_000,
            settlement_grace_secs: 100_000,
            max_open_orders: 60,
            rules: Rules::LATEST,
        }));
        for market in 0..MARKETS {
            world.tell(CommandBody::ListMarket(Box::new(spec(market))));
            world.tell(CommandBody::SetMarketState {
                market: market_key(market),
                state: MarketState::Auction,
            });
        }
        for number in 0..TRADERS {
            for token in [quote(), base(0), base(1)] {
                let amount = if token == quote() { 90_000 } else { 50 };
                world.deposit(trader(number), token, amount);
            }
        }
        world.now.0 += 11_000;
        world.tell(CommandBody::Tick);
        world
    }

    /// Makes some of whatever can happen.
    pub fn live(mut self, commands: usize) -> World {
        for _ in 0..commands {
            self.step();
        }
        self.finality();
        self
    }

    pub fn step(&mut self) {
        self.now.0 += self.random.random_range(0..900);
        let account = trader(self.random.random_range(0..TRADERS));
        match self.random.random_range(0..1_000) {
            0..560 => self.place(account),
            560..640 => self.amend(account),
            640..720 => self.cancel(account),
            720..740 => self.tell(CommandBody::CancelAll { account, market: None }),
            740..770 => self.tell(CommandBody::Tick),
            770..790 => self.withdraw(account),
            790..830 => {
                let token = self.token();
                let most = if token == quote() { 60_000 } else { 40 };
                let amount = self.random.random_range(1..most);
                self.deposit(account, token, amount);
            }
            830..910 => self.settle(),
            910..940 => self.pay_out(),
            940..955 => self.exit(account),
            955..965 => self.vanish(),
            965..972 if self.mark.is_none() => self.set_mark(),
            972..975 => self.break_finality(),
            _ => self.finality(),
        }
    }

    /// What the vault holds now, as of the last finality that the engine was told of.
    pub fn vault_snapshot(&self) -> VaultSnapshot {
        let mut holdings = BTreeMap::new();
        let mut balances = BTreeMap::new();
        for ((account, token), amount) in &self.vault.balances {
            *holdings.entry(*token).or_insert(U256::ZERO) += U256::from(*amount);
            balances.insert((*account, *token), U256::from(*amount));
        }
        VaultSnapshot {
            venue: VENUE,
            block: BlockRef {
                number: self.blocks,
                hash: B256::with_last_byte(self.blocks.to_le_bytes()[0]),
            },
            position: self.chain_position,
            generations: BTreeSet::from([0]),
            balances,
            holdings,
            listing: BTreeSet::new(),
        }
    }

    /// Every balance of the engine.
    pub fn balances(&self) -> Vec<EngineBalance> {
        let of = |account: souk_exchange::AccountView<'_>| {
            let id = account.id();
            let balances: Vec<_> = account
                .balances()
                .map(|(instrument, balance)| EngineBalance {
                    account: id,
                    instrument,
                    available: balance.available,
                    held: balance.held,
                    pending_in: balance.pending_in,
                    pending_out: balance.pending_out,
                })
                .collect();
            balances
        };
        self.engine.accounts().flat_map(of).collect()
    }

    /// Every event so far.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.outcomes
            .iter()
            .filter_map(|outcome| outcome.result.as_ref().ok())
            .flatten()
    }

    pub fn tell(&mut self, body: CommandBody) {
        self.position += 1;
        let source = Source::Gateway {
            id: 7,
            position: self.position,
        };
        self.take(source, body);
    }

    fn fact(&mut self, fact: Fact) {
        self.chain_position += 1;
        let source = Source::Chain {
            chain: VENUE.chain,
            position: self.chain_position,
        };
        self.note(&fact);
        self.take(source, CommandBody::Fact(fact));
    }

    fn take(&mut self, source: Source, body: CommandBody) {
        let signed = match &body {
            CommandBody::PlaceOrder(order) | CommandBody::AmendOrder(order) => vec![(**order).clone()],
            CommandBody::MassQuote(quote) => quote.quotes.clone(),
            _ => Vec::new(),
        };
        let mut events = Vec::new();
        let result = self.engine.apply(&Command { source, body }, self.now, &mut events);
        for event in &events {
            match event {
                Event::Traded(fill) => {
                    self.note_fill(fill);
                    self.vault.fills.push((**fill).clone());
                }
                Event::WithdrawalApproved(withdraw) => {
                    self.note_withdrawal(withdraw);
                    self.vault.withdrawals.push((**withdraw).clone());
                }
                _ => {}
            }
        }
        let is_taken = result.is_ok();
        self.outcomes.push(Outcome {
            number: self.engine.commands(),
            source,
            time: self.engine.time(),
            signed: if is_taken { signed } else { Vec::new() },
            result: result.map(|()| events),
        });
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.random.random_range(0..chances) == 0
    }

    fn token(&mut self) -> TokenRef {
        match self.random.random_range(0..3) {
            0 => quote(),
            market => base(market - 1),
        }
    }

    fn order(&mut self, account: Address, nonce: u64) -> SignedOrder {
        let kind = match self.random.random_range(0..12) {
            0 => OrderKind::StopLimit,
            1 => OrderKind::Market,
            _ => OrderKind::Limit,
        };
        let time_in_force = match kind {
            OrderKind::Market => TimeInForce::ImmediateOrCancel,
            _ => TimeInForce::GoodTilCancelled,
        };
        let price = |random: &mut ChaCha8Rng| Amount(random.random_range(95..106) * 30);
        let rests = kind == OrderKind::Limit;
        let (lots, shows_part) = (self.random.random_range(1..12), self.one_in(6));
        let client_order_id = if self.one_in(3) {
            B256::from(U256::from(nonce))
        } else {
            B256::ZERO
        };
        SignedOrder {
            account,
            market: market_key(self.random.random_range(0..MARKETS)),
            side: if self.one_in(2) { Side::Buy } else { Side::Sell },
            base_amount: Amount(lots * 2),
            limit_price: price(&mut self.random),
            fee_cap: Amount(10_000),
            nonce,
            expiry_secs: self.now.secs() + self.random.random_range(30..3_000),
            instructions: Instructions {
                kind,
                time_in_force,
                post_only: if rests && self.one_in(8) {
                    PostOnly::Slide
                } else {
                    PostOnly::No
                },
                self_trade: [SelfTrade::CancelTaker, SelfTrade::CancelMaker, SelfTrade::Decrement]
                    [self.random.random_range(0..3)],
                display_amount: if rests && shows_part { Amount(2) } else { Amount::ZERO },
                trigger_price: match kind {
                    OrderKind::StopLimit => price(&mut self.random),
                    _ => Amount::ZERO,
                },
                good_until_secs: 0,
                client_order_id,
            },
            signature: Signature([nonce.to_le_bytes()[0]; 65]),
            signer: account,
        }
    }

    fn place(&mut self, account: Address) {
        self.nonce += 1;
        let order = self.order(account, self.nonce);
        self.placed.push((account, order.clone()));
        self.tell(CommandBody::PlaceOrder(Box::new(order)));
    }

    fn some_order(&mut self) -> Option<(Address, SignedOrder)> {
        let recent = self.placed.len().saturating_sub(60);
        let range = recent..self.placed.len();
        (!range.is_empty()).then(|| self.placed[self.random.random_range(range)].clone())
    }

    fn amend(&mut self, _: Address) {
        let Some((account, old)) = self.some_order() else {
            return;
        };
        let mut order = self.order(account, old.nonce);
        (order.market, order.side) = (old.market, old.side);
        (order.instructions.kind, order.instructions.time_in_force) =
            (old.instructions.kind, old.instructions.time_in_force);
        order.instructions.trigger_price = old.instructions.trigger_price;
        if order.instructions.kind != OrderKind::Limit {
            (order.instructions.post_only, order.instructions.display_amount) = (PostOnly::No, Amount::ZERO);
        }
        if self.one_in(2) {
            order.limit_price = old.limit_price;
            order.instructions = old.instructions;
        }
        self.tell(CommandBody::AmendOrder(Box::new(order)));
    }

    fn cancel(&mut self, _: Address) {
        let Some((account, order)) = self.some_order() else {
            return;
        };
        let target = OrderTarget::Nonce(order.nonce);
        if self.one_in(3) {
            let remaining = Lots(self.random.random_range(1..4));
            self.tell(CommandBody::ReduceOrder {
                account,
                order: target,
                remaining,
            });
        } else {
            self.tell(CommandBody::CancelOrder { account, order: target });
        }
    }

    pub fn deposit(&mut self, account: Address, token: TokenRef, amount: u128) {
        self.vault.counter += 1;
        let id = self.vault.counter;
        *self.vault.balances.entry((account, token)).or_default() += amount;
        self.vault.deposits.push(Deposit {
            id,
            account,
            token,
            amount,
        });
        self.fact(Fact::Deposited {
            deposit_id: id,
            account,
            token,
            amount: Amount(amount),
        });
    }

    fn withdraw(&mut self, account: Address) {
        let token = self.token();
        let most = if token == quote() { 60_000 } else { 30 };
        let amount = self.random.random_range(1..most);
        self.ask_for(account, token, amount);
    }

    fn ask_for(&mut self, account: Address, token: TokenRef, amount: u128) {
        self.nonce += 1;
        let withdraw = Withdraw {
            account,
            token,
            amount: Amount(amount),
            receiver: Address::repeat_byte(0x99),
            nonce: self.nonce,
            deadline_secs: self.now.secs() + self.random.random_range(5..120),
        };
        self.tell(CommandBody::Withdraw(withdraw));
    }

    /// The vault takes out of an account what it has, or refuses.
    fn debit(&mut self, account: Address, token: TokenRef, amount: u128) -> bool {
        let balance = self.vault.balances.entry((account, token)).or_default();
        let covered = *balance >= amount;
        if covered {
            *balance -= amount;
        }
        covered
    }

    fn pay_out(&mut self) {
        if self.vault.withdrawals.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.vault.withdrawals.len());
        let Withdraw {
            account,
            token,
            amount,
            nonce,
            deadline_secs,
            ..
        } = self.vault.withdrawals[place];
        if deadline_secs >= self.now.secs() && self.debit(account, token, amount.0) {
            self.vault.withdrawals.remove(place);
            self.fact(Fact::Withdrawn { account, nonce });
        }
    }

    fn exit(&mut self, account: Address) {
        match self.vault.exits.iter().position(|(whose, _)| *whose == account) {
            None => {
                self.vault.counter += 1;
                let exit_id = self.vault.counter;
                self.vault.exits.push((account, exit_id));
                self.fact(Fact::ExitRequested { account, exit_id });
            }
            Some(place) => {
                let (_, exit_id) = self.vault.exits.remove(place);
                let token = self.token();
                let has = self.vault.balances.get(&(account, token)).copied().unwrap_or_default();
                let amount = has / 2;
                if amount == 0 {
                    self.fact(Fact::ExitCancelled { account, exit_id });
                } else {
                    self.debit(account, token, amount);
                    self.fact(Fact::ExitExecuted {
                        account,
                        exit_id,
                        token,
                        amount: Amount(amount),
                    });
                    self.rescue();
                }
            }
        }
    }

    fn vanish(&mut self) {
        if self.vault.deposits.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.vault.deposits.len());
        let Deposit {
            id,
            account,
            token,
            amount,
        } = self.vault.deposits[place];
        // Half of them are asking for all that they have just then.
        let instrument = self.engine.instrument_of(token).expect("it was deposited");
        let withdrawable = self
            .engine
            .account(account)
            .map(|account| account.balance(instrument).withdrawable);
        if let Some(amount) = withdrawable.filter(|amount| *amount != Amount::ZERO)
            && self.one_in(2)
        {
            self.ask_for(account, token, amount.0);
        }
        if self.debit(account, token, amount) {
            self.vault.deposits.remove(place);
            self.fact(Fact::DepositVanished { deposit_id: id });
            // The vault that a mark remembers still has it.
            self.mark = None;
            self.open_again();
        }
    }

    /// The vault consumes some fills: those that are covered it settles, the others it skips, and sometimes one for another reason.
    fn settle(&mut self) {
        let count = self.random.random_range(1..6).min(self.vault.fills.len());
        let mut through: Option<FillNumber> = None;
        for fill in self.vault.fills.drain(..count).collect::<Vec<_>>() {
            let skips = self.one_in(6);
            if !skips && self.execute(&fill) {
                through = Some(fill.number);
                continue;
            }
            if let Some(through) = through.take() {
                self.fact(Fact::FillsSettled { through });
            }
            self.fact(Fact::FillSkipped {
                fill: fill.number,
                reason: 13,
            });
            self.rescue();
        }
        if let Some(through) = through {
            self.fact(Fact::FillsSettled { through });
        }
    }

    /// Somebody pays in what a fill that was busted for lack of cover would need, before the vault comes to it.
    fn rescue(&mut self) {
        let busted = self.engine.unsettled().find(|unsettled| unsettled.bust.is_some());
        let Some(fill) = busted.map(|unsettled| unsettled.fill.clone()) else {
            return;
        };
        let address = |id| self.engine.address(id).expect("it traded");
        let market = self.engine.market(fill.market).expect("it trades");
        let base = self.engine.instrument(market.base()).expect("it trades");
        let (buyer, seller) = (address(fill.buyer.account), address(fill.seller.account));
        self.deposit(buyer, quote(), fill.quote.0 + fill.buyer.fee.0);
        self.deposit(seller, base, fill.base.0);
    }

    fn execute(&mut self, fill: &Fill) -> bool {
        let address = |id| self.engine.address(id).expect("it traded");
        let (buyer, seller) = (address(fill.buyer.account), address(fill.seller.account));
        let market = self.engine.market(fill.market).expect("it trades");
        let royalty_account = address(market.royalty_account());
        let base = self.engine.instrument(market.base()).expect("it trades");
        let pays = fill.quote.0 + fill.buyer.fee.0;
        let has = |account, token| self.vault.balances.get(&(account, token)).copied().unwrap_or_default();
        if has(buyer, quote()) < pays || has(seller, base) < fill.base.0 {
            return false;
        }
        self.debit(buyer, quote(), pays);
        self.debit(seller, base, fill.base.0);
        let receipts = [
            (buyer, base, fill.base.0),
            (seller, quote(), fill.quote.0 - fill.seller.fee.0 - fill.royalty.0),
            (FEE_ACCOUNT, quote(), fill.buyer.fee.0 + fill.seller.fee.0),
            (royalty_account, quote(), fill.royalty.0),
        ];
        for (account, token, amount) in receipts {
            *self.vault.balances.entry((account, token)).or_default() += amount;
        }
        true
    }

    pub fn finality(&mut self) {
        self.blocks += 1;
        let secs = self.now.secs();
        self.vault.withdrawals.retain(|withdraw| withdraw.deadline_secs >= secs);
        self.fact(Fact::FinalityReached {
            block: self.blocks,
            secs,
        });
    }
}

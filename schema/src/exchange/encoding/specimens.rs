//! One specimen of everything that is stored, its numbers drawn from a seed: for round trips, and for the golden files.

use alloy_primitives::{Address, B256, U256};

use crate::exchange::command::*;
use crate::exchange::event::*;
use crate::exchange::id::*;
use crate::exchange::market::*;
use crate::exchange::order::*;
use crate::exchange::quantity::*;
use crate::exchange::rejection::*;
use crate::id::{ChainId, TokenRef};

/// A stream of numbers: SplitMix64, whose every seed is fine. Small ones and 0 come often.
pub(super) struct Dice(pub u64);

impl Dice {
    fn raw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn u64(&mut self) -> u64 {
        let bits = self.raw() % 65;
        self.raw().checked_shr(64 - bits as u32).unwrap_or(0)
    }

    fn u32(&mut self) -> u32 {
        self.u64() as u32
    }

    fn u8(&mut self) -> u8 {
        self.u64() as u8
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.raw() as usize % choices.len()]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Dice) -> T) -> Option<T> {
        self.raw().is_multiple_of(2).then(|| make(self))
    }

    fn amount(&mut self) -> Amount {
        Amount((u128::from(self.u64()) << (64 * (self.raw() % 2))) | u128::from(self.u64()))
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.raw() as u8)
    }

    fn address(&mut self) -> Address {
        self.bytes::<20>().into()
    }

    fn hash(&mut self) -> B256 {
        self.bytes::<32>().into()
    }

    fn token(&mut self) -> TokenRef {
        let id = U256::from_be_bytes(self.bytes::<32>()) >> (self.raw() % 257) as usize;
        TokenRef::new(self.address(), id)
    }

    fn millis(&mut self) -> UnixMillis {
        UnixMillis(self.u64())
    }

    fn side(&mut self) -> Side {
        self.one_of(&[Side::Buy, Side::Sell])
    }

    fn state(&mut self) -> MarketState {
        use MarketState::*;
        self.one_of(&[PreOpen, Auction, Open, PostOnly, Halted, Closed])
    }

    fn kind(&mut self) -> OrderKind {
        OrderKind::from_number(self.u8() % 4).unwrap()
    }

    pub(super) fn source(&mut self) -> Source {
        let position = self.u64();
        if self.raw().is_multiple_of(2) {
            Source::Gateway {
                id: self.u64(),
                position,
            }
        } else {
            Source::Chain {
                chain: ChainId(self.u64()),
                position,
            }
        }
    }

    pub(super) fn order(&mut self) -> SignedOrder {
        let account = self.address();
        SignedOrder {
            account,
            market: self.hash(),
            side: self.side(),
            base_amount: self.amount(),
            limit_price: self.amount(),
            fee_cap: self.amount(),
            nonce: self.u64(),
            expiry_secs: self.u64(),
            instructions: Instructions {
                kind: self.kind(),
                time_in_force: TimeInForce::from_number(self.u8() % 3).unwrap(),
                post_only: PostOnly::from_number(self.u8() % 3).unwrap(),
                self_trade: SelfTrade::from_number(self.u8() % 4).unwrap(),
                display_amount: self.amount(),
                trigger_price: self.amount(),
                good_until_secs: self.u64(),
                client_order_id: self.maybe(Dice::hash).unwrap_or_default(),
            },
            signature: Signature(self.bytes()),
            signer: self.maybe(Dice::address).unwrap_or(account),
        }
    }

    fn fees(&mut self) -> FeeSchedule {
        FeeSchedule {
            maker_ppm: Ppm(self.u32()),
            taker_ppm: Ppm(self.u32()),
            royalty_ppm: Ppm(self.u32()),
        }
    }

    fn limits(&mut self) -> MarketLimits {
        MarketLimits {
            min_lots: Lots(self.u64()),
            max_lots: Lots(self.u64()),
            max_price: Ticks(self.u64()),
            max_open_orders: self.u32(),
            band_ppm: self.maybe(|dice| Ppm(dice.u32())),
            auction_secs: self.u32(),
        }
    }

    fn spec(&mut self) -> Box<MarketSpec> {
        let expires_at = self.maybe(Dice::millis);
        Box::new(MarketSpec {
            key: self.hash(),
            base: self.token(),
            quote: self.address(),
            kind: self.one_of(&[MarketKind::Shares, MarketKind::Licence { expires_at }]),
            units: MarketUnits {
                lot_size: self.amount(),
                tick_size: self.amount(),
            },
            fees: self.fees(),
            limits: self.limits(),
            reference_price: Ticks(self.u64()),
        })
    }

    fn open(&mut self) -> OpenGroup {
        OpenGroup {
            group: GroupId(self.u32()),
            chain: ChainId(self.u64()),
            vault: self.address(),
            fee_account: self.address(),
            exit_delay_secs: self.u64(),
            settlement_grace_secs: self.u64(),
            max_open_orders: self.u32(),
            rules: Rules::First,
        }
    }

    fn withdraw(&mut self) -> Withdraw {
        Withdraw {
            account: self.address(),
            token: self.token(),
            amount: self.amount(),
            receiver: self.address(),
            nonce: self.u64(),
            deadline_secs: self.u64(),
        }
    }

    fn fill(&mut self) -> Box<Fill> {
        let side = |dice: &mut Dice| FillSide {
            order: OrderId(dice.u64()),
            signed_by: CommandNumber(dice.u64()),
            account: AccountId(dice.u32()),
            fee: dice.amount(),
            released: dice.amount(),
        };
        Box::new(Fill {
            number: FillNumber(self.u64()),
            market: MarketId(self.u32()),
            price: Ticks(self.u64()),
            lots: Lots(self.u64()),
            taker: self.side(),
            base: self.amount(),
            quote: self.amount(),
            royalty: self.amount(),
            buyer: side(self),
            seller: side(self),
        })
    }
}

/// Every command, every fact and every way to name an order.
#[rustfmt::skip]
pub(super) fn bodies(dice: &mut Dice) -> Vec<CommandBody> {
    let d = dice;
    let mut bodies = vec![
        CommandBody::OpenGroup(d.open()),
        CommandBody::ListMarket(d.spec()),
        CommandBody::SetMarketState { market: d.hash(), state: d.state() },
        CommandBody::SetMarketRules { market: d.hash(), fees: d.fees(), limits: d.limits() },
        CommandBody::PlaceOrder(Box::new(d.order())),
        CommandBody::CancelOrder { account: d.address(), order: OrderTarget::Id(OrderId(d.u64())) },
        CommandBody::CancelOrder { account: d.address(), order: OrderTarget::ClientId(d.hash()) },
        CommandBody::CancelAll { account: d.address(), market: d.maybe(Dice::hash) },
        CommandBody::ReduceOrder { account: d.address(), order: OrderTarget::Nonce(d.u64()), remaining: Lots(d.u64()) },
        CommandBody::AmendOrder(Box::new(d.order())),
        CommandBody::MassQuote(MassQuote { account: d.address(), market: d.hash(), quotes: vec![] }),
        CommandBody::MassQuote(MassQuote { account: d.address(), market: d.hash(), quotes: vec![d.order(), d.order()] }),
        CommandBody::SetDeadMan { account: d.address(), timeout_secs: d.u32() },
        CommandBody::Withdraw(d.withdraw()),
        CommandBody::Tick,
    ];
    bodies.extend([
        Fact::Deposited { deposit_id: d.u64(), account: d.address(), token: d.token(), amount: d.amount() },
        Fact::DepositVanished { deposit_id: d.u64() },
        Fact::Withdrawn { account: d.address(), nonce: d.u64() },
        Fact::FinalityReached { block: d.u64(), secs: d.u64() },
        Fact::ExitRequested { account: d.address(), exit_id: d.u64() },
        Fact::ExitCancelled { account: d.address(), exit_id: d.u64() },
        Fact::ExitExecuted { account: d.address(), exit_id: d.u64(), token: d.token(), amount: d.amount() },
        Fact::FillsSettled { through: FillNumber(d.u64()) },
        Fact::FillSkipped { fill: FillNumber(d.u64()), reason: d.u8() },
        Fact::KeyRegistered { account: d.address(), key: d.address() },
        Fact::KeyRevoked { account: d.address(), key: d.address() },
        Fact::NoncesInvalidated { account: d.address(), below: d.u64(), single: d.maybe(Dice::u64) },
        Fact::RoyaltyFlushed { market: d.hash(), amount: d.amount() },
        Fact::SeriesRevoked { token: d.token() },
        Fact::EscapeEntered,
    ].map(CommandBody::Fact));
    bodies
}

/// What version 2 brought.
#[rustfmt::skip]
pub(super) fn newer_bodies(dice: &mut Dice) -> Vec<CommandBody> {
    let d = dice;
    [
        Fact::FillsVanished { from: FillNumber(d.u64()) },
        Fact::WithdrawalVanished { account: d.address(), nonce: d.u64() },
        Fact::ExitVanished { exit_id: d.u64() },
        Fact::FlushVanished { market: d.hash(), amount: d.amount() },
        Fact::Escaped { account: d.address(), token: d.token(), amount: d.amount() },
    ].map(CommandBody::Fact).into()
}

/// What version 2 brought.
#[rustfmt::skip]
pub(super) fn newer_events(dice: &mut Dice) -> Vec<Event> {
    let d = dice;
    let mut events = vec![
        Event::FillUnsettled { fill: d.fill() },
        Event::SettlementVanished { through: FillNumber(d.u64()) },
        Event::WithdrawalVanished { account: AccountId(d.u32()), nonce: d.u64() },
    ];
    for cause in [CreditCause::ExitVanished { exit_id: d.u64() }, CreditCause::FlushVanished] {
        events.push(Event::Credited { account: AccountId(d.u32()), instrument: InstrumentId(d.u32()), amount: d.amount(), cause });
    }
    events.push(Event::Debited { account: AccountId(d.u32()), instrument: InstrumentId(d.u32()), amount: d.amount(), cause: DebitCause::Escape });
    events
}

/// What version 3 brought.
#[rustfmt::skip]
pub(super) fn newest_bodies(dice: &mut Dice) -> Vec<CommandBody> {
    [Rules::Second, Rules::Third].map(|rules| CommandBody::OpenGroup(OpenGroup { rules, ..dice.open() })).into()
}

/// What version 3 brought.
#[rustfmt::skip]
pub(super) fn newest_events(dice: &mut Dice) -> Vec<Event> {
    let d = dice;
    vec![Event::DeficitRepaid { account: AccountId(d.u32()), instrument: InstrumentId(d.u32()), amount: d.amount() }]
}

/// Every event and every cause.
#[rustfmt::skip]
pub(super) fn events(dice: &mut Dice) -> Vec<Event> {
    let d = dice;
    let mut events = vec![
        Event::GroupOpened(Box::new(d.open())),
        Event::InstrumentListed { instrument: InstrumentId(d.u32()), token: d.token() },
        Event::MarketListed { market: MarketId(d.u32()), base: InstrumentId(d.u32()), quote: InstrumentId(d.u32()), royalty_account: AccountId(d.u32()), spec: d.spec() },
        Event::MarketRulesChanged { market: MarketId(d.u32()), fees: d.fees(), limits: Box::new(d.limits()) },
        Event::AccountOpened { account: AccountId(d.u32()), address: d.address() },
        Event::DeficitTaken { account: AccountId(d.u32()), instrument: InstrumentId(d.u32()), amount: d.amount() },
        Event::WithdrawalApproved(Box::new(d.withdraw())),
        Event::WithdrawalExecuted { account: AccountId(d.u32()), nonce: d.u64() },
        Event::AccountStopped { account: AccountId(d.u32()) },
        Event::AccountResumed { account: AccountId(d.u32()) },
        Event::KeyRegistered { account: AccountId(d.u32()), key: d.address() },
        Event::KeyRevoked { account: AccountId(d.u32()), key: d.address() },
        Event::DeadManSet { account: AccountId(d.u32()), fires_at: d.maybe(Dice::millis) },
        Event::OrderAccepted { order: OrderId(d.u64()), account: AccountId(d.u32()), market: MarketId(d.u32()), side: d.side(), kind: d.kind(), price: Ticks(d.u64()), lots: Lots(d.u64()), hold: d.amount(), expires_at: d.millis() },
        Event::OrderTriggered { order: OrderId(d.u64()) },
        Event::OrderRested { order: OrderId(d.u64()), price: Ticks(d.u64()), lots: Lots(d.u64()) },
        Event::OrderAmended { order: OrderId(d.u64()), price: Ticks(d.u64()), lots: Lots(d.u64()), released: d.amount(), hold: d.amount(), expires_at: d.millis() },
        Event::Traded(d.fill()),
        Event::LevelChanged { market: MarketId(d.u32()), side: d.side(), price: Ticks(d.u64()), lots: Lots(d.u64()) },
        Event::AuctionCrossed { market: MarketId(d.u32()), price: Ticks(d.u64()), lots: Lots(d.u64()) },
        Event::FillsSettled { through: FillNumber(d.u64()) },
        Event::FillReinstated { fill: d.fill() },
        Event::SettlementLagged { limit: d.state() },
    ];
    for cause in { use StateCause::*; [Operator, Band, AuctionOver, SeriesEnds, SeriesRevoked, FinalityBroken, Escape] } {
        events.push(Event::MarketStateChanged { market: MarketId(d.u32()), state: d.state(), cause, auction_ends_at: d.maybe(Dice::millis) });
    }
    for cause in [CreditCause::Deposit { deposit_id: d.u64() }, CreditCause::WithdrawalExpired { nonce: d.u64() }] {
        events.push(Event::Credited { account: AccountId(d.u32()), instrument: InstrumentId(d.u32()), amount: d.amount(), cause });
    }
    for cause in { use DebitCause::*; [Withdrawal { nonce: d.u64() }, Exit { exit_id: d.u64() }, RoyaltyFlush, DepositVanished { deposit_id: d.u64() }] } {
        events.push(Event::Debited { account: AccountId(d.u32()), instrument: InstrumentId(d.u32()), amount: d.amount(), cause });
    }
    for cause in [ReduceCause::Trader, ReduceCause::SelfTrade] {
        events.push(Event::OrderReduced { order: OrderId(d.u64()), lots: Lots(d.u64()), released: d.amount(), cause });
    }
    for cause in { use CloseCause::*; [Filled, Cancelled, NotFilled, Requoted, SelfTrade, Expired, FeeCapReached, DeadMan, Band, WouldTake, AccountStopped, Unfunded, Revoked, MarketClosed] } {
        events.push(Event::OrderClosed { order: OrderId(d.u64()), cause, lots: Lots(d.u64()), released: d.amount() });
    }
    for cause in [BustCause::Skipped { reason: d.u8() }, BustCause::Uncovered, BustCause::Escape] {
        events.push(Event::FillBusted { fill: d.fill(), cause });
    }
    events
}

/// Every reason and every problem.
#[rustfmt::skip]
pub(super) fn rejections(dice: &mut Dice) -> Vec<Rejection> {
    use Rejection::*;
    let d = dice;
    let mut rejections = vec![
        Duplicate, GroupNotOpen, GroupAlreadyOpen, MarketAlreadyListed, UnknownMarket, UnknownAccount, AccountStopped, SignerNotAuthorised,
        UnknownOrder, Expired, NonceUsed, WouldTake, CannotFill, ZeroAmount, UnknownInstrument, NothingToChange, Overflow,
        StateNotReachable { from: d.state(), to: d.state() },
        MarketNotTaking { state: d.state() },
        PriceNotOnTick { tick_size: d.amount() },
        PriceTooHigh { max_price: Ticks(d.u64()) },
        QuantityNotOnLot { lot_size: d.amount() },
        QuantityOutOfBounds { min_lots: Lots(d.u64()), max_lots: Lots(d.u64()) },
        PriceOutsideBand { low: Ticks(d.u64()), high: Ticks(d.u64()) },
        ExpiryTooFar { max_secs: d.u64() },
        NonceTooOld { floor: d.u64() },
        DuplicateClientOrderId { order: OrderId(d.u64()) },
        FeeCapTooLow { needed: d.amount() },
        TooManyOpenOrders { limit: d.u32() },
        NotSmaller { remaining: Lots(d.u64()) },
        InsufficientFunds { needed: d.amount(), available: d.amount() },
        NotWithdrawable { withdrawable: d.amount() },
        NotNextFill { expected: FillNumber(d.u64()) },
    ];
    rejections.extend({ use MarketProblem::*; [ZeroUnit, LotBounds, PriceBounds, TooLarge, FeesTooHigh, SameInstrument] }.map(|problem| InvalidMarket { problem }));
    rejections.extend({ use InstructionProblem::*; [MarketOrderRests, Trigger, PostOnlyTakes, Display, StopFillOrKill, ImmediateInAuction, Quote] }.map(|problem| InvalidInstructions { problem }));
    rejections.extend({ use AmendmentProblem::*; [MarketOrSide, Kind, Quantity] }.map(|problem| AmendmentMismatch { problem }));
    rejections
}

//! What the standard seeds reach. Everything that the vocabulary can say has to be said by them, or the other tests prove less than they
//! seem to.

use std::collections::{BTreeMap, BTreeSet};

use souk_schema::exchange::event::{BustCause, CloseCause, CreditCause, DebitCause, ReduceCause, StateCause};
use souk_schema::exchange::rejection::{AmendmentProblem, InstructionProblem, MarketProblem};
use souk_schema::exchange::{Event, Rejection};

/// How often each outcome occurred.
#[derive(Debug, Default)]
pub struct Coverage(BTreeMap<String, u64>);

/// The names of an enum's variants, and the name of a value; a variant that is missing here does not compile.
macro_rules! names {
    ($kind:ident: $($variant:ident)*) => {
        impl Named for $kind {
            const ALL: &'static [&'static str] = &[$(concat!(stringify!($kind), "::", stringify!($variant))),*];

            fn name(&self) -> &'static str {
                match self {
                    $($kind::$variant { .. } => concat!(stringify!($kind), "::", stringify!($variant)),)*
                }
            }
        }
    };
}

trait Named {
    const ALL: &'static [&'static str];

    fn name(&self) -> &'static str;
}

names!(Event: GroupOpened InstrumentListed MarketListed MarketStateChanged MarketRulesChanged AccountOpened Credited Debited
    DeficitTaken DeficitRepaid WithdrawalApproved WithdrawalExecuted WithdrawalVanished AccountStopped AccountResumed KeyRegistered KeyRevoked DeadManSet
    OrderAccepted OrderTriggered OrderRested OrderReduced OrderAmended Traded OrderClosed LevelChanged AuctionCrossed
    FillsSettled FillBusted FillReinstated FillUnsettled SettlementVanished SettlementLagged);
names!(Rejection: Duplicate GroupNotOpen GroupAlreadyOpen MarketAlreadyListed InvalidMarket UnknownMarket StateNotReachable
    UnknownAccount AccountStopped SignerNotAuthorised UnknownOrder MarketNotTaking InvalidInstructions PriceNotOnTick
    PriceTooHigh QuantityNotOnLot QuantityOutOfBounds PriceOutsideBand Expired ExpiryTooFar NonceUsed NonceTooOld
    DuplicateClientOrderId FeeCapTooLow TooManyOpenOrders AmendmentMismatch NotSmaller InsufficientFunds WouldTake CannotFill
    ZeroAmount UnknownInstrument NotWithdrawable NotNextFill NothingToChange Overflow);
names!(MarketProblem: ZeroUnit LotBounds PriceBounds TooLarge FeesTooHigh SameInstrument);
names!(InstructionProblem: MarketOrderRests Trigger PostOnlyTakes Display StopFillOrKill ImmediateInAuction Quote);
names!(AmendmentProblem: MarketOrSide Kind Quantity);
names!(CreditCause: Deposit WithdrawalExpired ExitVanished FlushVanished);
names!(DebitCause: Withdrawal Exit RoyaltyFlush DepositVanished Escape);
names!(StateCause: Operator Band AuctionOver SeriesEnds SeriesRevoked FinalityBroken Escape);
names!(ReduceCause: Trader SelfTrade);
names!(CloseCause: Filled Cancelled NotFilled Requoted SelfTrade Expired FeeCapReached DeadMan Band WouldTake AccountStopped
    Unfunded Revoked MarketClosed);
names!(BustCause: Skipped Uncovered Escape);

impl Coverage {
    pub fn count(&mut self, result: &Result<(), Rejection>, events: &[Event]) {
        if let Err(rejection) = result {
            self.add(rejection);
            match rejection {
                Rejection::InvalidMarket { problem } => self.add(problem),
                Rejection::InvalidInstructions { problem } => self.add(problem),
                Rejection::AmendmentMismatch { problem } => self.add(problem),
                _ => {}
            }
        }
        for event in events {
            self.add(event);
            match event {
                Event::Credited { cause, .. } => self.add(cause),
                Event::Debited { cause, .. } => self.add(cause),
                Event::MarketStateChanged { cause, .. } => self.add(cause),
                Event::OrderReduced { cause, .. } => self.add(cause),
                Event::OrderClosed { cause, .. } => self.add(cause),
                Event::FillBusted { cause, .. } => self.add(cause),
                _ => {}
            }
        }
    }

    fn add(&mut self, named: &impl Named) {
        *self.0.entry(named.name().to_owned()).or_default() += 1;
    }

    /// Something else occurred that tests ask for by name.
    pub fn note(&mut self, name: &str) {
        self.note_times(name, 1);
    }

    pub fn note_times(&mut self, name: &str, times: u64) {
        *self.0.entry(name.to_owned()).or_default() += times;
    }

    pub fn occurred(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn merge(&mut self, other: Coverage) {
        for (name, count) in other.0 {
            *self.0.entry(name).or_default() += count;
        }
    }

    /// What never occurred.
    pub fn missing(&self) -> BTreeSet<&'static str> {
        let all = [
            Event::ALL,
            Rejection::ALL,
            MarketProblem::ALL,
            InstructionProblem::ALL,
            AmendmentProblem::ALL,
            CreditCause::ALL,
            DebitCause::ALL,
            StateCause::ALL,
            ReduceCause::ALL,
            CloseCause::ALL,
            BustCause::ALL,
        ];
        all.into_iter()
            .flatten()
            .copied()
            .filter(|name| !self.0.contains_key(*name))
            .collect()
    }

    /// The rarest first, for whoever tunes the generator.
    pub fn report(&self) -> String {
        let mut counts: Vec<_> = self.0.iter().map(|(name, count)| (count, name)).collect();
        counts.sort_unstable();
        let lines: Vec<String> = counts
            .iter()
            .map(|(count, name)| format!("{count:>8} {name}"))
            .collect();
        lines.join("\n")
    }
}

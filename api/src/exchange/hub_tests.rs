//! What is told once, what is told anew, and to whom.

#[path = "hub_readers.rs"]
mod readers;

use super::super::view::Seed;
use super::*;
use souk_exchange::market_data::Replica;
use souk_schema::exchange::market::{FeeSchedule, MarketKind, MarketLimits, MarketSpec};
use souk_schema::exchange::{AccountId, Amount, Event, GroupId, InstrumentId, MarketUnits, Source};
use souk_schema::{B256, TokenRef, U256};

const MARKET: MarketId = MarketId(0);

fn outcome(number: u64, events: Vec<Event>) -> Outcome {
    Outcome {
        number: CommandNumber(number),
        source: Source::Gateway {
            id: 1,
            position: number,
        },
        time: UnixMillis(number),
        signed: Vec::new(),
        result: Ok(events),
    }
}

fn level(side: Side, price: u64, lots: u64) -> Event {
    Event::LevelChanged {
        market: MARKET,
        side,
        price: Ticks(price),
        lots: Lots(lots),
    }
}

fn listed() -> Vec<Event> {
    let base = TokenRef::new(Address::repeat_byte(1), U256::from(1));
    let quote = Address::repeat_byte(2);
    let spec = MarketSpec {
        key: B256::repeat_byte(3),
        base,
        quote,
        kind: MarketKind::Shares,
        units: MarketUnits {
            lot_size: Amount(1),
            tick_size: Amount(1),
        },
        fees: FeeSchedule::default(),
        limits: MarketLimits {
            min_lots: Lots(1),
            max_lots: Lots(100),
            max_price: Ticks(100),
            max_open_orders: 10,
            band_ppm: None,
            auction_secs: 0,
        },
        reference_price: Ticks(1),
    };
    vec![
        Event::InstrumentListed {
            instrument: InstrumentId(0),
            token: base,
        },
        Event::InstrumentListed {
            instrument: InstrumentId(1),
            token: TokenRef::new(quote, U256::ZERO),
        },
        Event::MarketListed {
            market: MARKET,
            base: InstrumentId(0),
            quote: InstrumentId(1),
            royalty_account: AccountId(2),
            spec: Box::new(spec),
        },
        Event::AccountOpened {
            account: AccountId(3),
            address: Address::repeat_byte(9),
        },
    ]
}

fn deposit(deposit_id: u64) -> Event {
    Event::Credited {
        account: AccountId(3),
        instrument: InstrumentId(1),
        amount: Amount(5),
        cause: souk_schema::exchange::event::CreditCause::Deposit { deposit_id },
    }
}

fn view_of(outcomes: &[Outcome]) -> GroupView {
    let mut view = GroupView::new(Seed::empty(GroupId(1)));
    outcomes.iter().for_each(|outcome| drop(view.apply(outcome)));
    view
}

#[test]
fn outcomes_that_were_seen_change_and_tell_nothing() {
    let hub = Hub::new(view_of(&[outcome(1, listed())]));
    let mut book = hub.listen_book(MARKET, 10, None).unwrap().listening.coming;
    let second = outcome(2, vec![level(Side::Buy, 5, 1)]);
    hub.apply(&[outcome(1, listed()), second.clone()]);
    hub.apply(&[second]);
    assert_eq!(book.try_recv().unwrap().sequence, 2);
    assert!(book.try_recv().is_err());
    assert_eq!(hub.look().markets().len(), 1);
}

/// After missed outcomes a book goes on with one message; who follows an account or trades is sent away.
#[test]
fn a_hub_that_begins_anew_leads_books_on_and_sends_the_others_away() {
    let first = [
        outcome(1, listed()),
        outcome(2, vec![level(Side::Buy, 5, 1), level(Side::Sell, 9, 2)]),
    ];
    let hub = Hub::new(view_of(&first));
    let listening = hub.listen_book(MARKET, 10, None).unwrap();
    let (mut held, mut book) = (Replica::default(), listening.listening.coming);
    listening
        .held
        .bids
        .iter()
        .for_each(|(price, lots)| held.change(Side::Buy, *price, *lots));
    listening
        .held
        .asks
        .iter()
        .for_each(|(price, lots)| held.change(Side::Sell, *price, *lots));
    let mut account = hub.listen_account(Address::repeat_byte(9), None).coming;
    let mut trades = hub.listen_trades(MARKET, None).unwrap().1.coming;
    // Commands 3 to 6 are missed.
    let later = [
        outcome(4, vec![level(Side::Buy, 5, 0), level(Side::Buy, 4, 7)]),
        outcome(6, vec![level(Side::Sell, 9, 1), deposit(1)]),
    ];
    hub.restart(view_of(&[&first[..], &later].concat()));
    let message = book.try_recv().unwrap();
    assert_eq!((message.sequence, message.previous), (6, 2));
    message
        .changes
        .bids
        .iter()
        .for_each(|(price, lots)| held.change(Side::Buy, *price, *lots));
    message
        .changes
        .asks
        .iter()
        .for_each(|(price, lots)| held.change(Side::Sell, *price, *lots));
    assert_eq!(held.checksum(), message.checksum);
    assert!(matches!(
        account.try_recv(),
        Err(broadcast::error::TryRecvError::Closed)
    ));
    assert!(matches!(trades.try_recv(), Err(broadcast::error::TryRecvError::Closed)));
    // What was before the beginning is no longer there to resume from.
    assert!(
        hub.listen_account(Address::repeat_byte(9), Some(CommandNumber(5)))
            .missed
            .is_none()
    );
    assert_eq!(
        hub.listen_account(Address::repeat_byte(9), Some(CommandNumber(6)))
            .missed
            .unwrap()
            .len(),
        0
    );
    hub.apply(&[outcome(7, vec![deposit(2)])]);
    let missed = hub
        .listen_account(Address::repeat_byte(9), Some(CommandNumber(6)))
        .missed
        .unwrap();
    assert_eq!(missed.iter().map(|change| change.number.0).collect::<Vec<_>>(), [7]);
}

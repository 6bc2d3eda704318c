//! Each law by itself, over the engine; and each law's test tested: what is tampered with has to be noticed, or the test proves nothing.

use souk_exchange::Engine;
use souk_schema::exchange::{Amount, CommandBody, CommandNumber, Event, SignedOrder, Ticks};

use crate::differential::steps;
use crate::generator::Step;
use crate::laws::{Broken, Ledger, Priority, Signatures, check_books};
use crate::machine::{Machine, View};
use crate::{seeds, text};

/// What came of a command, as a law sees it.
struct Seen {
    number: CommandNumber,
    step: Step,
    events: Vec<Event>,
    view: View,
}

/// Has a law look at every command of a seed, after `tamper` did.
fn watch(
    seed: u64,
    mut tamper: impl FnMut(&mut Seen),
    mut law: impl FnMut(&Seen) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let mut engine = Engine::new();
    for step in steps(seed) {
        let mut events = Vec::new();
        let _ = engine.apply(&step.command, step.at, &mut events);
        let mut seen = Seen {
            number: engine.commands(),
            events,
            view: engine.view(),
            step,
        };
        tamper(&mut seen);
        law(&seen).map_err(|broken| format!("{broken}\nafter {} of seed {seed}", text::line(&seen.step)))?;
    }
    Ok(())
}

fn untouched(_: &mut Seen) {}

/// The law holds for every seed as it is.
fn holds<L: FnMut(&Seen) -> Result<(), Broken>>(law: impl Fn() -> L) {
    for seed in seeds::seeds(60) {
        if let Err(broken) = watch(seed, untouched, law()) {
            panic!("{broken}");
        }
    }
}

/// Somewhere in the first seeds the law is broken by what `tamper` does, and says so in these words.
fn notices<L: FnMut(&Seen) -> Result<(), Broken>>(words: &str, tamper: impl Fn(&mut Seen), law: impl Fn() -> L) {
    let mut said = Vec::new();
    for seed in 0..60 {
        match watch(seed, &tamper, law()) {
            Err(broken) if broken.contains(words) => return,
            Err(broken) => said.push(broken),
            Ok(()) => {}
        }
    }
    panic!("nobody noticed that it is {words:?}, only {said:?}");
}

fn ex_1() -> impl FnMut(&Seen) -> Result<(), Broken> {
    let mut priority = Priority::default();
    move |seen| {
        check_books(&seen.view)?;
        priority.observe(&seen.step.command.body, &seen.events)
    }
}

fn ex_3() -> impl FnMut(&Seen) -> Result<(), Broken> {
    let mut ledger = Ledger::default();
    move |seen| {
        ledger.observe(&seen.events)?;
        ledger.conserves(&seen.view)
    }
}

fn ex_4() -> impl FnMut(&Seen) -> Result<(), Broken> {
    let mut signatures = Signatures::default();
    move |seen| signatures.observe(seen.number, &seen.step.command.body, &seen.events, seen.view.time)
}

fn ex_5() -> impl FnMut(&Seen) -> Result<(), Broken> {
    let mut ledger = Ledger::default();
    move |seen| {
        ledger.observe(&seen.events)?;
        ledger.is_backed(&seen.view)
    }
}

fn led_1() -> impl FnMut(&Seen) -> Result<(), Broken> {
    let mut ledger = Ledger::default();
    move |seen| {
        ledger.observe(&seen.events)?;
        ledger.compare(&seen.view)
    }
}

#[test]
fn ex_1_books_do_not_cross_and_fills_go_to_the_first_in_price_and_time() {
    holds(ex_1);
}

#[test]
fn ex_1_a_crossed_book_is_noticed() {
    let cross = |seen: &mut Seen| {
        for market in &mut seen.view.markets {
            if let (Some(bid), Some(ask)) = (market.bids.first_mut(), market.asks.first()) {
                bid.0 = ask.0;
            }
        }
    };
    notices("EX-1: market", cross, ex_1);
}

#[test]
fn ex_1_a_fill_out_of_turn_is_noticed() {
    // Who comes to rest while another stands at the same price is said to have come before it.
    let mut standing: Vec<Event> = Vec::new();
    let hold_back = std::cell::RefCell::new(&mut standing);
    let overtake = |seen: &mut Seen| {
        let mut held = hold_back.borrow_mut();
        if seen.number == CommandNumber(1) {
            held.clear();
        }
        for event in &mut seen.events {
            if let Event::OrderRested { price, .. } = event {
                let same =
                    |other: &&mut Event| matches!(other, Event::OrderRested { price: known, .. } if known == price);
                match held.iter_mut().find(same) {
                    Some(other) => std::mem::swap(event, other),
                    None => held.push(event.clone()),
                }
            }
        }
    };
    notices("EX-1: ", overtake, ex_1);
}

#[test]
fn ex_1_a_fill_at_another_price_is_noticed() {
    let reprice = |seen: &mut Seen| {
        for event in &mut seen.events {
            if let Event::Traded(fill) = event {
                fill.price = Ticks(fill.price.0 + 1);
            }
        }
    };
    notices("does not fit what rests", reprice, ex_1);
}

#[test]
fn ex_1_a_level_that_is_told_wrongly_is_noticed() {
    let miscount = |seen: &mut Seen| {
        for event in &mut seen.events {
            if let Event::LevelChanged { lots, .. } = event {
                lots.0 += 1;
            }
        }
    };
    notices("EX-1: the levels that changed", miscount, ex_1);
}

#[test]
fn ex_2_one_command_more_or_less_is_another_hash() {
    for seed in 0..20 {
        let steps = steps(seed);
        let (mut engine, mut other) = (Engine::new(), Engine::new());
        let missing = steps.len() / 2;
        for (place, step) in steps.iter().enumerate() {
            let _ = engine.apply(&step.command, step.at, &mut Vec::new());
            if place != missing {
                let _ = other.apply(&step.command, step.at, &mut Vec::new());
            }
            assert_eq!(
                engine.state_hash() == other.state_hash(),
                place < missing,
                "seed {seed}, step {place}"
            );
        }
    }
}

#[test]
fn ex_3_accounts_have_what_came_in_and_did_not_go_out() {
    holds(ex_3);
}

#[test]
fn ex_3_money_from_nowhere_is_noticed() {
    let mint = |seen: &mut Seen| {
        if let Some(balance) = seen.view.balances.values_mut().next() {
            balance.available += 1;
        }
    };
    notices("EX-3: accounts have", mint, ex_3);
}

#[test]
fn ex_3_a_negative_balance_is_noticed() {
    let overdraw = |seen: &mut Seen| {
        for ((account, _), balance) in &mut seen.view.balances {
            if *account != souk_schema::exchange::AccountId::DEFICIT {
                balance.available = -1;
            }
        }
    };
    notices("EX-3: account", overdraw, ex_3);
}

#[test]
fn ex_4_fills_keep_to_what_was_signed() {
    holds(ex_4);
}

/// The engine took the order as it was; the law is shown another signature.
fn ex_4_notices(words: &str, forge: impl Fn(&mut SignedOrder)) {
    let tamper = |seen: &mut Seen| {
        if let CommandBody::PlaceOrder(signed) | CommandBody::AmendOrder(signed) = &mut seen.step.command.body {
            forge(signed);
        }
    };
    notices(words, tamper, ex_4);
}

#[test]
fn ex_4_a_fill_beyond_a_limit_is_noticed() {
    ex_4_notices("EX-4: a price beyond the limit", |signed| {
        signed.limit_price = match signed.side {
            souk_schema::exchange::Side::Buy => Amount(0),
            souk_schema::exchange::Side::Sell => Amount(1 << 60),
        };
    });
}

#[test]
fn ex_4_a_fill_of_more_than_was_signed_is_noticed() {
    ex_4_notices("EX-4: more than was signed", |signed| signed.base_amount = Amount(1));
}

#[test]
fn ex_4_fees_beyond_the_cap_are_noticed() {
    ex_4_notices("EX-4: more fees than were signed", |signed| signed.fee_cap = Amount(0));
}

#[test]
fn ex_4_a_fill_after_expiry_is_noticed() {
    ex_4_notices("EX-4: an expired order", |signed| signed.expiry_secs = 1);
}

#[test]
fn ex_4_a_strangers_signature_is_noticed() {
    ex_4_notices("EX-4: ", |signed| {
        signed.signer = alloy_primitives::Address::repeat_byte(1)
    });
}

#[test]
fn ex_5_who_owes_has_nothing_of_it() {
    holds(ex_5);
}

#[test]
fn ex_5_money_of_one_who_owes_is_noticed() {
    let enrich = |seen: &mut Seen| {
        for balance in seen.view.balances.values_mut() {
            balance.held += 1;
        }
    };
    notices("EX-5: account", enrich, ex_5);
}

#[test]
fn ex_5_a_repayment_that_is_not_told_is_noticed() {
    let conceal = |seen: &mut Seen| {
        seen.events
            .retain(|event| !matches!(event, Event::DeficitRepaid { .. }));
    };
    notices("EX-5: ", conceal, ex_5);
}

#[test]
fn led_1_postings_of_events_are_the_balances() {
    holds(led_1);
}

#[test]
fn led_1_an_amount_that_is_told_wrongly_is_noticed() {
    let tampers: [fn(&mut Event); 5] = [
        |event| {
            if let Event::Traded(fill) = event {
                fill.buyer.fee.0 += 1;
            }
        },
        |event| {
            if let Event::Traded(fill) = event {
                fill.royalty.0 += 1;
            }
        },
        |event| {
            if let Event::OrderClosed { released, .. } = event {
                released.0 += 1;
            }
        },
        |event| {
            if let Event::OrderAmended { hold, .. } = event {
                hold.0 += 1;
            }
        },
        |event| {
            if let Event::FillBusted { fill, .. } = event {
                fill.seller.fee.0 += 1;
            }
        },
    ];
    for tamper in tampers {
        notices(
            "LED-1: postings say",
            |seen| seen.events.iter_mut().for_each(tamper),
            led_1,
        );
    }
}

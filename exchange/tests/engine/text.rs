//! Commands as lines of text, for failures: what a reader needs to see why, without the noise.

use std::fmt::Write as _;

use alloy_primitives::Address;
use souk_schema::exchange::{CommandBody, OrderKind, PostOnly, SelfTrade, SignedOrder, Source, TimeInForce};

use crate::generator::{START, Step};

/// One line for each step.
pub fn steps(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |mut text, step| {
        let _ = writeln!(text, "{}", line(step));
        text
    })
}

/// For example `+12.345s gw0:17 place a2 buy 4@11 in 01 nonce 3 cap 7 expires +60 ioc`. Amounts are base units, times are from the start.
pub fn line(step: &Step) -> String {
    let ms = step.at.0 as i128 - i128::from(START.0);
    let source = match step.command.source {
        Source::Gateway { id, position } => format!("gw{id}:{position}"),
        Source::Chain { position, .. } => format!("chain:{position}"),
    };
    let body = match &step.command.body {
        CommandBody::PlaceOrder(signed) => format!("place {}", order(signed)),
        CommandBody::AmendOrder(signed) => format!("amend {}", order(signed)),
        CommandBody::MassQuote(quotes) => {
            let lines: Vec<String> = quotes.quotes.iter().map(order).collect();
            format!("quote {} [{}]", name(quotes.account), lines.join("; "))
        }
        other => format!("{other:?}"),
    };
    format!("+{}.{:03}s {source} {body}", ms.div_euclid(1_000), ms.rem_euclid(1_000))
}

fn name(address: Address) -> String {
    format!("{:02x}", address[0])
}

fn order(signed: &SignedOrder) -> String {
    let told = &signed.instructions;
    let start = i128::from(START.secs());
    let mut text = format!(
        "{} {:?} {}@{} in {:02x} nonce {} cap {} expires {:+}",
        name(signed.account),
        signed.side,
        signed.base_amount.0,
        signed.limit_price.0,
        signed.market[0],
        signed.nonce,
        signed.fee_cap.0,
        i128::from(signed.expiry_secs) - start,
    );
    if told.kind != OrderKind::Limit {
        let _ = write!(text, " {:?}", told.kind);
    }
    if told.time_in_force != TimeInForce::GoodTilCancelled {
        let _ = write!(text, " {:?}", told.time_in_force);
    }
    if told.post_only != PostOnly::No {
        let _ = write!(text, " post-only {:?}", told.post_only);
    }
    if told.self_trade != SelfTrade::CancelTaker {
        let _ = write!(text, " {:?}", told.self_trade);
    }
    if told.display_amount.0 != 0 {
        let _ = write!(text, " shows {}", told.display_amount.0);
    }
    if told.trigger_price.0 != 0 {
        let _ = write!(text, " trigger {}", told.trigger_price.0);
    }
    if told.good_until_secs != 0 {
        let _ = write!(text, " until {:+}", i128::from(told.good_until_secs) - start);
    }
    if !told.client_order_id.is_zero() {
        let _ = write!(text, " client {}", told.client_order_id[31]);
    }
    if signed.signer != signed.account {
        let _ = write!(text, " signed by {}", name(signed.signer));
    }
    text
}

//! `souk license-check`: may an asset be used for a purpose as of a block, by anyone or by one account; what stands in the way, and the
//! smallest mend. The log alone answers, by the time of its blocks.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use souk_payouts::license::{
    Access, Admission, Blocker, Mend, NewParent, NotUsable, Purpose, Why, access, compatibility,
};

use super::economy::{AsOf, Economy, When};
use super::say;
use crate::cli::{LicenseCheckArgs, PurposeName};
use crate::instance::DataDir;

/// The exit code of an answer that is no.
const NOT_ALLOWED: u8 = 3;

/// Checks what the arguments ask.
///
/// # Errors
/// One line for an asset that does not exist.
pub async fn run(args: &LicenseCheckArgs, dir: &DataDir) -> Result<ExitCode> {
    let economy = Economy::of(&args.economy, dir).await?;
    let when = match (args.block, args.at) {
        (Some(number), _) => When::Block(number),
        (None, Some(time)) => When::Time(time),
        (None, None) => When::Now,
    };
    let AsOf { state, block, time } = economy.as_of(when)?;
    ensure!(
        state.asset(args.asset).is_some(),
        "no asset has the id {} as of block {block}",
        args.asset
    );
    let purpose = match args.purpose {
        PurposeName::Use => Purpose::Use,
        PurposeName::Commercial => Purpose::Commercial,
        PurposeName::Derive => Purpose::Derive,
    };
    let (allowed, lines) = match args.account {
        None => {
            let answer = compatibility(&state, args.asset, purpose, time);
            let mut lines: Vec<(Value, String)> = answer.blockers.iter().map(blocker).collect();
            lines.extend(answer.mend.iter().map(mend));
            (answer.allowed, lines)
        }
        Some(account) => {
            let answer = access(&state, account, args.asset, purpose, time);
            (answer.is_allowed(), in_words(&answer))
        }
    };
    if args.economy.instance.json {
        let reasons: Vec<Value> = lines.into_iter().map(|(value, _)| value).collect();
        say(json!({ "allowed": allowed, "block": block, "judgedAt": time, "reasons": reasons }));
    } else {
        say(if allowed { "allowed" } else { "not allowed" });
        lines.iter().for_each(|(_, words)| say(format!("  {words}")));
    }
    Ok(match allowed {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(NOT_ALLOWED),
    })
}

/// By what an account may, or why it may not.
fn in_words(answer: &Access) -> Vec<(Value, String)> {
    match answer {
        Access::AsOwner => vec![(json!({ "by": "owner" }), "as its owner".into())],
        Access::Licensed { series, until } => {
            let ends = until.map_or("for ever".into(), |until| format!("until {until}"));
            let value = json!({ "by": series.to_string(), "until": until });
            vec![(value, format!("by licence {series}, {ends}"))]
        }
        Access::NoLicense { held, offered } => {
            let none = (
                json!({ "why": "no licence" }),
                "the account holds no licence of it".into(),
            );
            let none = Some(none).filter(|_| held.is_empty());
            let take = offered.map(|terms| in_one(format!("mend: the account takes a licence under terms {terms}")));
            let each = held.iter().map(|(series, why)| {
                let why = match why {
                    NotUsable::Expired(at) => format!("ended at {at}"),
                    NotUsable::Revoked => "was revoked".into(),
                    NotUsable::TermsForbid => "does not allow it".into(),
                };
                (
                    json!({ "licence": series.to_string(), "why": why }),
                    format!("licence {series} {why}"),
                )
            });
            none.into_iter().chain(each).chain(take).collect()
        }
        Access::Blocked { blockers } => blockers.iter().map(blocker).collect(),
    }
}

fn blocker(blocker: &Blocker) -> (Value, String) {
    let Blocker {
        ancestor,
        child,
        series,
        why,
    } = blocker;
    let reason = match why {
        Why::TermsForbid => "its terms forbid it",
        Why::Revoked => "the licence was revoked",
        Why::Unknown => "the licence is not known",
        Why::NotOffered => "it is offered under no terms that allow it",
    };
    let words = match child {
        Some(child) => format!("asset {child} was made from asset {ancestor}: {reason}"),
        None => format!("asset {ancestor}: {reason}"),
    };
    let text = |id: &alloy::primitives::U256| id.to_string();
    let value = json!({
        "ancestor": text(ancestor), "child": child.as_ref().map(text), "licence": series.as_ref().map(text), "why": reason,
    });
    (value, words)
}

fn mend(mend: &Mend) -> (Value, String) {
    let words = match mend {
        Mend::OfferTerms {
            asset,
            anew,
            derivatives,
            terms_id,
        } => {
            let new = if *anew { "the new " } else { "" };
            let also = if *derivatives { ", and derivatives" } else { "" };
            let terms = terms_id.map_or(format!("terms that allow it{also}"), |terms| format!("terms {terms}"));
            format!("the owner of {new}asset {asset} offers {terms}")
        }
        Mend::RegisterAnew { asset, parents } => {
            let from: Vec<String> = parents.iter().map(parent).collect();
            format!(
                "the owner of asset {asset} registers it anew, made from {}",
                from.join(" and ")
            )
        }
    };
    in_one(format!("mend: {words}"))
}

fn parent(parent: &NewParent) -> String {
    let NewParent { parent, anew, by } = parent;
    let new = if *anew { "the new " } else { "" };
    match by {
        Admission::SameOwner => format!("{new}asset {parent} of the same owner"),
        Admission::Held(series) => format!("{new}asset {parent} by licence {series}"),
        Admission::Taken(Some(terms)) => format!("{new}asset {parent} by a licence taken under terms {terms}"),
        Admission::Taken(None) => format!("{new}asset {parent} by a licence taken under what is then offered"),
    }
}

/// A line that is the same for programs and people.
fn in_one(words: String) -> (Value, String) {
    (json!({ "mend": words }), words)
}

//! `souk license-check`: may an asset be used for a purpose, by anyone or by one account; what stands in the way, and the smallest mend.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use souk_payouts::license::{Access, Blocker, Mend, NotUsable, Purpose, Why, access, compatibility};

use super::economy::Economy;
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
    let mut economy = Economy::of(&args.economy, dir).await?;
    let state = &economy.deployed_mut()?.state;
    ensure!(state.asset(args.asset).is_some(), "no asset has the id {}", args.asset);
    let purpose = match args.purpose {
        PurposeName::Use => Purpose::Use,
        PurposeName::Commercial => Purpose::Commercial,
        PurposeName::Derive => Purpose::Derive,
    };
    let (allowed, lines) = match args.account {
        None => {
            let answer = compatibility(state, args.asset, purpose);
            let mut lines: Vec<(Value, String)> = answer.blockers.iter().map(blocker).collect();
            lines.extend(answer.mend.iter().map(mend));
            (answer.allowed, lines)
        }
        Some(account) => {
            let answer = access(state, account, args.asset, purpose, args.at.unwrap_or_else(now));
            (answer.is_allowed(), in_words(&answer))
        }
    };
    if args.economy.instance.json {
        let reasons: Vec<Value> = lines.into_iter().map(|(value, _)| value).collect();
        say(json!({ "allowed": allowed, "reasons": reasons }));
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
        Access::NoLicense { held } if held.is_empty() => {
            vec![(
                json!({ "why": "no licence" }),
                "the account holds no licence of it".into(),
            )]
        }
        Access::NoLicense { held } => {
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
            each.collect()
        }
        Access::Blocked { blockers } => blockers.iter().map(blocker).collect(),
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
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
        Mend::TakeLicense {
            ancestor,
            child,
            terms_id,
        } => format!("mend: the owner of asset {child} takes a licence of asset {ancestor} under terms {terms_id}"),
        Mend::OfferTerms { asset } => format!("mend: the owner of asset {asset} offers terms that allow it"),
    };
    (json!({ "mend": words }), words)
}

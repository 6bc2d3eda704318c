//! `souk simulate`: who would get what of a revenue, under LAP, LRP and pro rata side by side, computed from the log alone.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use souk_payouts::Role;
use souk_payouts::simulate::{SimulatedLine, SupposedParent, SupposedTerms, WhatIf};
use souk_schema::{Address, E8, U256};

use super::economy::{Economy, royalty};
use super::say;
use crate::cli::SimulateArgs;
use crate::instance::DataDir;

/// Who is paid as what for which asset; unknown where an asset is yet to be registered.
type Payee = (Option<U256>, Option<Address>, Role);

/// The names of the rules, in the order in which they are shown.
const RULES: [&str; 4] = ["asDeclared", "lap", "lrp", "proRata"];

/// Simulates what the arguments ask for.
///
/// # Errors
/// One line for an asset or terms that do not exist, terms that are named twice, or a derivation that could not be declared.
pub async fn run(args: &SimulateArgs, dir: &DataDir) -> Result<()> {
    let mut question = WhatIf {
        asset: args.asset,
        amount: args.amount,
        fee: args.fee.map(E8::from_parts).transpose()?,
        parents: Vec::new(),
        terms: Vec::new(),
    };
    for text in &args.parents {
        let (parent, policy, share) = royalty("--parent", text)?;
        question.parents.push(SupposedParent { parent, policy, share });
    }
    for text in &args.terms {
        let (terms_id, policy, share) = royalty("--terms", text)?;
        question.terms.push(SupposedTerms {
            terms_id,
            policy,
            share,
        });
    }
    let mut economy = Economy::of(&args.economy, dir).await?;
    let compared = economy.deployed_mut()?.state.simulate(&question)?;
    let mut payees: BTreeMap<Payee, [U256; 4]> = BTreeMap::new();
    let mut add = |rule: usize, lines: &[SimulatedLine]| {
        for line in lines {
            let amounts = payees.entry((line.asset, line.recipient, line.role)).or_default();
            amounts[rule] += line.amount;
        }
    };
    let mut overspent = Vec::new();
    for (rule, lines) in [&compared.as_declared, &compared.lap, &compared.lrp]
        .into_iter()
        .enumerate()
    {
        match lines {
            Ok(lines) => add(rule, lines),
            Err(error) => overspent.push((RULES[rule], error.to_string())),
        }
    }
    add(3, &compared.pro_rata);
    if args.economy.instance.json {
        say(as_json(compared.fee, &payees, &overspent));
    } else {
        print(compared.fee, &payees, &overspent);
    }
    Ok(())
}

fn print(fee: U256, payees: &BTreeMap<Payee, [U256; 4]>, overspent: &[(&str, String)]) {
    say(format!("protocol fee {fee}"));
    say(format!(
        "{:>10} {:<42} {:<11} {:>20} {:>20} {:>20} {:>20}",
        "asset", "account", "as", "as declared", "LAP", "LRP", "pro rata"
    ));
    for ((asset, recipient, role), amounts) in payees {
        let asset = asset.map_or("new".into(), |asset| asset.to_string());
        let recipient = recipient.map_or("its owner".into(), |recipient| recipient.to_string());
        let [declared, lap, lrp, pro_rata] = amounts.map(|amount| amount.to_string());
        let role = format!("{role:?}").to_lowercase();
        say(format!(
            "{asset:>10} {recipient:<42} {role:<11} {declared:>20} {lap:>20} {lrp:>20} {pro_rata:>20}"
        ));
    }
    for (rule, error) in overspent {
        say(format!("{rule}: {error}"));
    }
}

fn as_json(fee: U256, payees: &BTreeMap<Payee, [U256; 4]>, overspent: &[(&str, String)]) -> Value {
    let line = |((asset, recipient, role), amounts): (&Payee, &[U256; 4])| {
        let mut line = json!({ "asset": asset.map(|asset| asset.to_string()), "recipient": recipient, "role": role });
        for (rule, amount) in RULES.iter().zip(amounts) {
            line[*rule] = amount.to_string().into();
        }
        line
    };
    let overspent: BTreeMap<&str, &str> = overspent.iter().map(|(rule, error)| (*rule, error.as_str())).collect();
    json!({ "fee": fee.to_string(), "lines": payees.iter().map(line).collect::<Vec<_>>(), "overspent": overspent })
}

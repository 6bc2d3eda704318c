//! `souk explain`: who gets what of a revenue, and each line path by path, computed from the log alone.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use souk_payouts::explain::{Explanation, Path};
use souk_payouts::rule::MANY_PATHS;
use souk_payouts::state::{Line, PortionStatus, Revenue};
use souk_payouts::{Role, Route, State};

use super::economy::Economy;
use super::say;
use crate::cli::ExplainArgs;
use crate::instance::DataDir;

/// Explains what the arguments ask for.
///
/// # Errors
/// One line for a revenue that nobody received, or lines that it does not have.
pub async fn run(args: &ExplainArgs, dir: &DataDir) -> Result<()> {
    let mut economy = Economy::of(&args.economy, dir).await?;
    let state = &mut economy.deployed_mut()?.state;
    if let Some(distributor) = state.paid_elsewhere(args.revenue) {
        bail!(
            "revenue {} went to the distributor {distributor}, which the router paid then: that one owes it, and nobody by this deployment's roots",
            args.revenue
        );
    }
    let revenue = state
        .revenue(args.revenue)
        .with_context(|| format!("no revenue has the number {}", args.revenue))?
        .clone();
    let is_asked = |line: &Line| {
        args.recipient.is_none_or(|recipient| recipient == line.recipient)
            && args.asset.is_none_or(|asset| asset == line.asset)
    };
    let lines: Vec<Line> = state.lines(args.revenue).into_iter().filter(is_asked).collect();
    ensure!(!lines.is_empty(), "revenue {} has no such line", args.revenue);
    let by_path = args.recipient.is_some() || args.asset.is_some();
    if !args.economy.instance.json {
        let payment = &revenue.payment;
        say(format!(
            "revenue {} of asset {}: {} base units of {} from {} in block {}; protocol fee {}",
            args.revenue, payment.asset, payment.amount, payment.token, payment.payer, revenue.block, revenue.fee
        ));
    }
    for line in &lines {
        let status = status(state, &revenue, line.portion);
        let explained = match by_path {
            true => Some(explained(state, line, args)?),
            false => None,
        };
        if args.economy.instance.json {
            say(as_json(line, &status, explained.as_ref()));
        } else {
            print(line, &status, explained.as_ref());
        }
    }
    Ok(())
}

fn explained(state: &mut State, line: &Line, args: &ExplainArgs) -> Result<(Explanation, Vec<Path>)> {
    let explanation = state.explain(line.revenue, line.portion, line.recipient, line.kind.role)?;
    let mut paths = state.paths(&explanation).context("the revenue is gone")?;
    paths.skip_paths(args.skip);
    let paths = paths.take(args.limit).collect();
    Ok((explanation, paths))
}

fn status(state: &State, revenue: &Revenue, portion: u32) -> String {
    match state.portion_status(revenue, portion) {
        PortionStatus::Releasable => "in the next root".into(),
        PortionStatus::Held(holds) => format!("held by {holds:?}"),
        PortionStatus::Ended(block) => format!("recomputed in block {block}"),
        PortionStatus::Vested(epoch) => format!("claimable since epoch {epoch}"),
    }
}

fn route(route: Route) -> &'static str {
    match route {
        Route::ProtocolFee => "protocol fee",
        Route::Own => "own",
        Route::RoyaltyLap => "royalty, LAP",
        Route::RoyaltyLrp => "royalty, LRP",
        Route::Returned => "returned by a judgement",
        Route::Forfeited => "forfeited by a judgement",
    }
}

fn ways(paths: u32) -> String {
    match paths {
        1 => "1 path".into(),
        MANY_PATHS => "more than 100,000,000 paths".into(),
        paths => format!("{paths} paths"),
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Protocol => "protocol",
        Role::Contributor => "contributor",
        Role::Shareholder => "shareholder",
        Role::Owner => "owner",
    }
}

fn print(line: &Line, status: &str, explained: Option<&(Explanation, Vec<Path>)>) {
    say(format!(
        "{:>24} to {} as {} of asset {} ({}, {}), {status}",
        line.amount.to_string(),
        line.recipient,
        role(line.kind.role),
        line.asset,
        route(line.kind.route),
        ways(line.paths)
    ));
    let Some((explanation, paths)) = explained else { return };
    say(format!(
        "{:>24} = {} × {} × {}, rounded by {}",
        explanation.unrounded,
        explanation.basis,
        explanation.asset_share,
        explanation.recipient_share,
        explanation.rounding
    ));
    for path in paths {
        let steps: Vec<String> = path
            .edges
            .iter()
            .map(|edge| {
                format!(
                    "{} {} {} ({} {} parts, licence {})",
                    edge.child,
                    edge.relation.as_str(),
                    edge.parent,
                    edge.policy.as_str(),
                    edge.share,
                    edge.license
                )
            })
            .collect();
        say(format!(
            "{:>24}   share {} by {}",
            path.amount.to_string(),
            path.share,
            if steps.is_empty() {
                "itself".into()
            } else {
                steps.join(", ")
            }
        ));
    }
}

fn as_json(line: &Line, status: &str, explained: Option<&(Explanation, Vec<Path>)>) -> Value {
    let mut value = json!({
        "revenue": line.revenue.to_string(), "portion": line.portion, "asset": line.asset.to_string(),
        "route": line.kind.route, "role": line.kind.role, "paths": line.paths, "recipient": line.recipient, "token": line.token,
        "amount": line.amount.to_string(), "status": status,
    });
    if let Some((explanation, paths)) = explained {
        let text = |number: &dyn std::fmt::Display| number.to_string();
        value["basis"] = text(&explanation.basis).into();
        value["unrounded"] = text(&explanation.unrounded).into();
        value["rounding"] = text(&explanation.rounding).into();
        value["pathsShown"] = paths
            .iter()
            .map(|path| {
                let edges: Vec<Value> = path
                    .edges
                    .iter()
                    .map(|edge| {
                        json!({
                            "child": edge.child.to_string(), "parent": edge.parent.to_string(), "relation": edge.relation,
                            "policy": edge.policy, "shareE8": edge.share, "license": edge.license.to_string(),
                            "terms": edge.terms.to_string(),
                        })
                    })
                    .collect();
                json!({ "share": text(&path.share), "amount": text(&path.amount), "edges": edges })
            })
            .collect();
    }
    value
}

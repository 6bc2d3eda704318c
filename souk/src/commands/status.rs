//! `souk status`: how a running instance is. Exits 0 only when it is ready.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::cli::StatusArgs;
use crate::commands::say;
use crate::instance::DataDir;

/// How long the instance may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

const QUERY: &str = "{ chains { chainId stream generation nextSequence startBlock quarantineCount \
    head { number hash } finalized { number hash } lag { records nodeBlocks } \
    indexer { phase nodeHead blocksPerSecond logsPerSecond secondsLeft problem } } \
    metadataCounts { fetched mismatched failed waiting withheld nextSequence } \
    payoutStatus { chainId nextSequence block { number } refusedFacts { count last { registry block { number } sequence reason } } } }";

/// Asked apart, because an instance without an exchange has no answer to it.
const GROUPS: &str = "{ marketGroups { group phase primary chainId vault commandNumber tablesCommandNumber unsettledFills \
    oldestUnsettledFill settlementLimit } }";

/// Asks the instance that the arguments name, or that of the data folder.
///
/// # Errors
/// One line when there is none or it does not answer.
pub async fn run(args: &StatusArgs, dir: &DataDir) -> Result<ExitCode> {
    let url = match &args.url {
        Some(url) => url.as_str().trim_end_matches('/').to_string(),
        None => dir.running()?.url,
    };
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let reach = || format!("no souk answers at {url}; is it running there?");
    let mut answer = ask(&client, &url, QUERY, &[]).await?;
    let mut groups = ask(&client, &url, GROUPS, &["EXCHANGE_NOT_RUNNING"]).await?;
    let readiness = client.get(format!("{url}/readyz")).send().await.with_context(reach)?;
    let ready = readiness.status().is_success();
    let readiness: Value = readiness.json().await.with_context(reach)?;
    let mut answered = |name: &str| answer[name].take();
    let (chains, metadata, payouts) = (answered("chains"), answered("metadataCounts"), answered("payoutStatus"));
    let groups = groups["marketGroups"].take();
    if args.json {
        say(
            json!({ "url": url, "ready": ready, "waitingFor": readiness["waiting_for"], "chains": chains, "payouts": payouts,
                "marketGroups": groups, "metadata": metadata }),
        );
    } else {
        let words = in_words(&url, ready, &readiness, &chains, &payouts)
            + &groups_in_words(&groups)
            + &metadata_in_words(&metadata);
        say(words.trim_end());
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What GraphQL answers; null where it answers with one of the codes that are expected.
async fn ask(client: &reqwest::Client, url: &str, query: &str, expected: &[&str]) -> Result<Value> {
    let reach = || format!("no souk answers at {url}; is it running there?");
    let answer = client
        .post(format!("{url}/graphql"))
        .json(&json!({ "query": query }))
        .send()
        .await
        .with_context(reach)?;
    let mut answer: Value = answer.json().await.with_context(reach)?;
    match answer["errors"].get(0) {
        Some(error) if expected.iter().any(|code| error["extensions"]["code"] == *code) => Ok(Value::Null),
        Some(error) => bail!(
            "{url} answered: {}",
            error["message"].as_str().unwrap_or("an error without a message")
        ),
        None => Ok(answer["data"].take()),
    }
}

fn in_words(url: &str, ready: bool, readiness: &Value, chains: &Value, payouts: &Value) -> String {
    let mut text = format!("{url} is {}\n", if ready { "ready" } else { "not ready" });
    for reason in readiness["waiting_for"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "  waiting: {}", plain(reason));
    }
    for chain in chains.as_array().into_iter().flatten() {
        let _ = writeln!(text, "{}", plain(&chain["chainId"]));
        let indexer = &chain["indexer"];
        let _ = writeln!(
            text,
            "  node       head {}, {}",
            plain(&indexer["nodeHead"]),
            plain(&indexer["phase"])
        );
        if !indexer["problem"].is_null() {
            let _ = writeln!(text, "  problem    {}", plain(&indexer["problem"]));
        }
        let (stream, next) = (plain(&chain["stream"]), plain(&chain["nextSequence"]));
        let _ = writeln!(
            text,
            "  log        {stream}, generation {}",
            plain(&chain["generation"])
        );
        let (records, blocks) = (plain(&chain["lag"]["records"]), plain(&chain["lag"]["nodeBlocks"]));
        let (head, finalized) = (plain(&chain["head"]["number"]), plain(&chain["finalized"]["number"]));
        let _ = writeln!(
            text,
            "  tables     block {head}, final {finalized}, record {next}; behind by {records} records, {blocks} blocks"
        );
        let _ = writeln!(text, "  quarantine {} logs", plain(&chain["quarantineCount"]));
        let of_chain = |payouts: &&Value| payouts["chainId"] == chain["chainId"];
        if let Some(payouts) = payouts.as_array().and_then(|all| all.iter().find(of_chain)) {
            payouts_in_words(payouts, &mut text);
        }
    }
    text
}

fn metadata_in_words(metadata: &Value) -> String {
    let count = |name: &str| plain(&metadata[name]);
    format!(
        "metadata documents\n  {} fetched, {} mismatched, {} failed, {} waiting, {} withheld\n",
        count("fetched"),
        count("mismatched"),
        count("failed"),
        count("waiting"),
        count("withheld")
    )
}

fn groups_in_words(groups: &Value) -> String {
    let mut text = String::new();
    for group in groups.as_array().into_iter().flatten() {
        let (number, phase, vault) = (plain(&group["group"]), plain(&group["phase"]), plain(&group["vault"]));
        let role = if group["primary"] == true {
            "publishes"
        } else {
            "compares"
        };
        let _ = writeln!(text, "market group {number}, vault {vault}");
        let (decided, tables) = (plain(&group["commandNumber"]), plain(&group["tablesCommandNumber"]));
        let _ = writeln!(
            text,
            "  engine     {phase}, {role}; command {decided}, tables at {tables}"
        );
        let _ = write!(text, "  settlement {} fills to go", plain(&group["unsettledFills"]));
        if !group["oldestUnsettledFill"].is_null() {
            let _ = write!(text, ", the oldest {}", plain(&group["oldestUnsettledFill"]));
        }
        match plain(&group["settlementLimit"]).as_str() {
            "OPEN" => text.push('\n'),
            limit => {
                let _ = writeln!(text, "; it lags, so markets are {limit}");
            }
        }
    }
    text
}

fn payouts_in_words(payouts: &Value, text: &mut String) {
    let (block, next) = (plain(&payouts["block"]["number"]), plain(&payouts["nextSequence"]));
    let _ = writeln!(text, "  payouts    block {block}, record {next}");
    let (count, last) = (&payouts["refusedFacts"]["count"], &payouts["refusedFacts"]["last"]);
    if !last.is_null() {
        let (at, sequence) = (plain(&last["block"]["number"]), plain(&last["sequence"]));
        let _ = writeln!(
            text,
            "  refused    {} facts; the last in block {at}, record {sequence}: {} (payouts of registry {} stop there)",
            plain(count),
            plain(&last["reason"]),
            plain(&last["registry"]),
        );
    }
}

/// A JSON value without the quotes of a text; `-` for what is not known.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_a_dash_and_reasons_are_shown() {
        let chains = json!([{ "chainId": "eip155:1", "stream": "chain.1", "generation": 1, "nextSequence": "7", "head": { "number": "5" },
            "finalized": null, "lag": { "records": "0", "nodeBlocks": null }, "indexer": null, "quarantineCount": "2" }]);
        let text = in_words(
            "http://x",
            false,
            &json!({ "waiting_for": ["the graph is loading"] }),
            &chains,
            &json!([]),
        );
        assert!(
            text.starts_with("http://x is not ready\n  waiting: the graph is loading\neip155:1\n"),
            "{text}"
        );
        assert!(
            text.contains("block 5, final -, record 7; behind by 0 records, - blocks"),
            "{text}"
        );
        assert!(text.contains("quarantine 2 logs"), "{text}");
    }

    #[test]
    fn documents_are_counted() {
        let counts = json!({ "fetched": "7", "mismatched": "1", "failed": "2", "waiting": "3", "withheld": null });
        let text = metadata_in_words(&counts);
        assert_eq!(
            text,
            "metadata documents\n  7 fetched, 1 mismatched, 2 failed, 3 waiting, - withheld\n"
        );
    }

    #[test]
    fn a_group_whose_settlement_lags_says_so() {
        let mut group = json!({ "group": "1", "phase": "LIVE", "primary": true, "chainId": "eip155:1", "vault": "0x1", "commandNumber": "9",
            "tablesCommandNumber": "8", "unsettledFills": "2", "oldestUnsettledFill": "4", "settlementLimit": "POST_ONLY" });
        let lags = groups_in_words(&json!([group]));
        assert_eq!(
            lags,
            "market group 1, vault 0x1\n  engine     LIVE, publishes; command 9, tables at 8\n  settlement 2 fills to go, the oldest 4; \
             it lags, so markets are POST_ONLY\n"
        );
        group["settlementLimit"] = json!("OPEN");
        group["oldestUnsettledFill"] = Value::Null;
        assert!(groups_in_words(&json!([group])).ends_with("2 fills to go\n"));
    }

    #[test]
    fn a_refused_fact_is_told_where_its_chain_is() {
        let chains = json!([{ "chainId": "eip155:1" }, { "chainId": "eip155:5" }]);
        let refused = |count: &str, last: Value| json!({ "count": count, "last": last });
        let last = json!({ "registry": "0xa1", "block": { "number": "9" }, "sequence": "12", "reason": "asset 7 was never registered" });
        let payouts = json!([
            { "chainId": "eip155:1", "nextSequence": "8", "block": { "number": "5" }, "refusedFacts": refused("0", Value::Null) },
            { "chainId": "eip155:5", "nextSequence": "14", "block": { "number": "9" }, "refusedFacts": refused("2", last) },
        ]);
        let text = in_words("http://x", true, &json!({}), &chains, &payouts);
        let (one, five) = text.split_once("eip155:5").expect("both are told");
        assert!(
            one.contains("payouts    block 5, record 8") && !one.contains("refused"),
            "{text}"
        );
        let wanted = "refused    2 facts; the last in block 9, record 12: asset 7 was never registered (payouts of registry 0xa1 stop there)";
        assert!(five.contains(wanted), "{text}");
    }
}

//! Spoils single answers: pure changes to JSON, chosen by the seeded dice of the proxy.

use serde_json::{Value, json};

use super::State;
use super::faults::{Fault, RANGE_LIMIT_BLOCKS, range_limit, rate_limit, unsupported};

/// What the call is answered with before the node is asked, if a fault strikes.
pub(super) fn refuse(state: &State, call: &Value) -> Option<Value> {
    let method = call["method"].as_str().unwrap_or_default();
    if state.strikes(Fault::RateLimit) {
        return Some(error(call, rate_limit(state.below(60))));
    }
    if method == "eth_getBlockReceipts" && state.strikes(Fault::NoBlockReceipts) {
        return Some(error(call, unsupported(state.below(60))));
    }
    if method == "eth_getLogs" && state.is_on(Fault::RangeLimit) {
        let number = |key: &str| u64::from_str_radix(call["params"][0][key].as_str()?.strip_prefix("0x")?, 16).ok();
        if let (Some(from), Some(to)) = (number("fromBlock"), number("toBlock"))
            && to.saturating_sub(from) >= RANGE_LIMIT_BLOCKS
            && state.strikes(Fault::RangeLimit)
        {
            return Some(error(call, range_limit(state.below(240), from)));
        }
    }
    None
}

/// Asks for an older head than the newest, if the fault strikes.
pub(super) fn mislead(state: &State, call: &mut Value) {
    let is_latest = call["method"] == "eth_getBlockByNumber" && call["params"][0] == "latest";
    if is_latest && state.strikes(Fault::OldHead) {
        call["params"][0] = json!("finalized");
    }
}

/// Changes what the node answered, if a fault strikes.
pub(super) fn spoil(state: &State, method: &str, answer: &mut Value) {
    let Some(result) = answer.get_mut("result").filter(|result| !result.is_null()) else {
        return;
    };
    match method {
        "eth_getLogs" => spoil_logs(state, result),
        "eth_getBlockReceipts" => spoil_receipts(state, result),
        "eth_getBlockByNumber" | "eth_getBlockByHash" => spoil_block(state, result),
        _ => {}
    }
}

fn spoil_logs(state: &State, result: &mut Value) {
    let Some(logs) = result.as_array_mut().filter(|logs| !logs.is_empty()) else {
        return;
    };
    if state.strikes(Fault::EmptyLogs) {
        logs.clear();
    } else if state.strikes(Fault::PartialLogs) {
        logs.remove(state.below(logs.len()));
    } else if state.strikes(Fault::ForeignLogs) {
        let at = state.below(logs.len());
        logs[at]["blockHash"] = json!(format!("0x{:064x}", 0xbad));
    } else if state.strikes(Fault::RemovedLogs) {
        let at = state.below(logs.len());
        logs[at]["removed"] = json!(true);
    }
}

fn spoil_receipts(state: &State, result: &mut Value) {
    if state.strikes(Fault::NullReceipts) {
        *result = Value::Null;
        return;
    }
    let Some(receipts) = result.as_array_mut().filter(|receipts| !receipts.is_empty()) else {
        return;
    };
    if state.strikes(Fault::PartialReceipts) {
        receipts.remove(state.below(receipts.len()));
        return;
    }
    let at = state.below(receipts.len());
    if let Some(logs) = receipts[at]["logs"].as_array_mut().filter(|logs| !logs.is_empty())
        && state.strikes(Fault::PartialReceiptLogs)
    {
        logs.remove(state.below(logs.len()));
    }
}

fn spoil_block(state: &State, block: &mut Value) {
    // Block 0 tells chains apart; a node that denies it denies everything.
    if block["number"] == "0x0" {
        return;
    }
    if state.strikes(Fault::NullBlocks) {
        *block = Value::Null;
    } else if state.strikes(Fault::WrongHash) {
        let field = ["logsBloom", "receiptsRoot", "hash", "parentHash", "timestamp"][state.below(5)];
        let width = block[field].as_str().map_or(2, str::len) - 2;
        block[field] = json!(format!("0x{:0>width$}", format!("{:x}", 1 + state.below(200))));
    }
}

fn error(call: &Value, error: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": call["id"], "error": error })
}

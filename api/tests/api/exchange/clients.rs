//! The examples for other languages, run as they are: wallets and sockets of other makers.

use std::time::Duration;

use serde_json::{Value, json};
use souk_ledger::settlement::{SettlementBatch, note_settlement};
use souk_schema::B256;
use souk_schema::exchange::command::Fact;
use souk_schema::exchange::{FillNumber, GroupId, Side};
use tokio::process::Command;

use super::desk::*;

/// Runs an example until it ends, while a settler does its work; what it printed, one JSON value a line.
async fn run(mut command: Command, desk: &Desk) -> Vec<Value> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    command
        .current_dir(root)
        .env("SOUK_URL", desk.souk.url("/graphql"))
        .env("SOUK_MARKET", desk.shares.to_string())
        .env("SOUK_KEY", B256::repeat_byte(0xb0).to_string())
        .kill_on_drop(true);
    let settling = async {
        // The vault settles whatever was matched, a block at a time.
        let mut settled = 0;
        loop {
            let newest = desk
                .handle
                .read(|engine| engine.settled().0 + engine.unsettled().count() as u64);
            if newest > settled {
                desk.tables().await;
                for block_number in [None, Some(7)] {
                    let batch = SettlementBatch {
                        group: GroupId(1),
                        first_fill: FillNumber(settled + 1),
                        last_fill: FillNumber(newest),
                        transaction_hash: B256::repeat_byte(0x7a),
                        block_number,
                    };
                    note_settlement(&desk.souk.database.pool, &batch).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(1_500)).await;
                }
                desk.fact(Fact::FillsSettled {
                    through: FillNumber(newest),
                })
                .await;
                settled = newest;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let running = tokio::time::timeout(Duration::from_secs(90), command.output());
    let output = tokio::select! {
        output = running => output.expect("the example ends").expect("it can be started"),
        () = settling => unreachable!("the settler never ends"),
    };
    let (out, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{errors}");
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{errors}"));
    out.lines().map(line).collect()
}

fn steps(lines: &[Value]) -> Vec<String> {
    lines
        .iter()
        .map(|line| line["step"].as_str().unwrap().to_owned())
        .collect()
}

async fn follows_a_trade_to_its_settlement(command: Command) {
    let desk = Desk::open().await;
    desk.place(&desk.alice, Side::Sell, 10, 110, 1).await;
    let lines = run(command, &desk).await;
    assert_eq!(
        steps(&lines),
        [
            "signed in",
            "signed",
            "placed",
            "matched",
            "submitted",
            "settled",
            "final",
            "balances"
        ],
        "{lines:#?}"
    );
    assert_eq!(lines[0]["account"], json!(desk.bob.address()));
    assert_eq!(
        lines[1]["digestAgrees"], true,
        "its wallet hashes the typed data to the digest that the server says"
    );
    assert_eq!(lines[2]["status"], "CLOSED");
    assert_eq!(lines[6]["transactionHash"], json!(B256::repeat_byte(0x7a)));
}

#[tokio::test]
async fn the_typescript_example_trades_to_settlement() {
    let mut command = Command::new("tools/node_modules/.bin/tsx");
    command
        .arg("examples/typescript/trade.ts")
        .env("NODE_PATH", "tools/node_modules");
    follows_a_trade_to_its_settlement(command).await;
}

#[tokio::test]
async fn the_python_example_trades_to_settlement() {
    let mut command = Command::new("tools/.venv/bin/python");
    command.arg("examples/python/trade.py");
    follows_a_trade_to_its_settlement(command).await;
}

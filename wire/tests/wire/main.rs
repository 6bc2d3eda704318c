//! A line to a real node behind a gate that shuts: what alloy's own WebSocket does not survive.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::client::{BuiltInConnectionString, ConnectionConfig, RpcClient};
use souk_devstack::{Anvil, AnvilConfig, Gate};
use souk_wire::{Wire, genesis_of, is_away, when_there};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

async fn node() -> (Anvil, Gate) {
    let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
    let gate = Gate::before(anvil.port()).await.expect("a gate");
    (anvil, gate)
}

async fn answers(node: &DynProvider) -> bool {
    match node.get_chain_id().await {
        Ok(chain) => chain == 31_337,
        Err(error) => {
            assert!(is_away(&error), "{error}");
            false
        }
    }
}

/// Alloy's own connection with the same few retries is the measure: it is given up for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_survives_what_a_websocket_of_alloys_does_not() {
    let (_anvil, gate) = node().await;
    let config = ConnectionConfig::new()
        .with_max_retries(1)
        .with_retry_interval(Duration::ZERO);
    let bare = BuiltInConnectionString::connect_with(&gate.ws_url(), config).await;
    let bare = RpcClient::new(bare.expect("connects"), true);
    let bare = ProviderBuilder::new().connect_client(bare).erased();
    let lines = [gate.ws_url(), gate.http_url()].map(|url| Wire::new(&url).expect("a URL").provider());
    let genesis = genesis_of(&lines[0]).await.expect("it answers");
    assert!(answers(&bare).await && answers(&lines[1]).await);
    for outage in 0..3 {
        gate.shut();
        for line in &lines {
            assert!(!answers(line).await, "outage {outage}");
        }
        // Both WebSockets try once by themselves, and each question tried again.
        gate.turned_away(3).await;
        gate.open();
        assert!(!answers(&bare).await, "alloy's own has been given up");
        for line in &lines {
            assert!(answers(line).await, "outage {outage}");
            assert_eq!(genesis_of(line).await.expect("it answers"), genesis);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_while_nobody_asked_costs_no_question() {
    let (_anvil, gate) = node().await;
    let line = Wire::new(&gate.ws_url()).expect("a URL").provider();
    assert!(answers(&line).await);
    gate.shut();
    // Alloy's one try; it gives up.
    gate.turned_away(1).await;
    gate.open();
    let asked = [(); 8].map(|()| {
        let line = line.clone();
        tokio::spawn(async move { answers(&line).await })
    });
    for answer in asked {
        assert!(answer.await.expect("no panic"));
    }
}

/// A transaction that was sent before an outage, and a receipt that is waited for through it.
#[tokio::test(flavor = "multi_thread")]
async fn fillers_and_receipts_work_over_another_connection() {
    let (anvil, gate) = node().await;
    let direct = Wire::new(&anvil.http_url()).expect("a URL").provider();
    let line = ProviderBuilder::new().connect_client(Wire::new(&gate.ws_url()).expect("a URL").client());
    let sender = direct.get_accounts().await.expect("accounts")[0];
    for nonce in 0..3 {
        let pay = alloy::rpc::types::TransactionRequest::default()
            .from(sender)
            .to(Address::repeat_byte(9))
            .value(U256::ONE);
        let sent = line.send_transaction(pay).await.expect("it is sent");
        let receipt = sent.get_receipt().await.expect("it is mined");
        assert!(receipt.status());
        assert_eq!(direct.get_transaction_count(sender).await.expect("a nonce"), nonce + 1);
        gate.shut();
        assert!(line.get_block_number().await.is_err());
        gate.open();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_there_yet_is_waited_for() {
    let (_anvil, gate) = node().await;
    gate.shut();
    let line = Wire::new(&gate.ws_url()).expect("a URL").provider();
    let waiting =
        tokio::spawn(
            async move { when_there("a test", "the node", is_away, || line.get_chain_id().into_future()).await },
        );
    gate.turned_away(2).await;
    gate.open();
    assert_eq!(waiting.await.expect("no panic").expect("it answers"), 31_337);
}

/// One that takes connections and says nothing, as a host does whose other end is gone. The clock is the runtime's own.
#[tokio::test(start_paused = true)]
async fn silence_is_no_answer_and_the_line_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/secret-key", listener.local_addr().expect("an address"));
    let (counted, mut count) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let counted = counted.clone();
            tokio::spawn(async move {
                let mut said = [0; 64];
                let read = client.read(&mut said).await;
                let _ = counted.send(read.is_ok_and(|bytes| bytes > 0));
                std::future::pending::<()>().await;
                drop(client);
            });
        }
    });
    let line = Wire::new(&url).expect("a URL").provider();
    for _ in 0..2 {
        let error = line.get_chain_id().await.expect_err("nothing is said");
        assert!(is_away(&error) && error.to_string().contains("within"), "{error}");
    }
    // Each question went over a connection of its own.
    assert_eq!((count.recv().await, count.recv().await), (Some(true), Some(true)));
}

#[tokio::test]
async fn what_is_said_of_a_failure_has_the_reason_and_not_the_key() {
    for scheme in ["http", "ws"] {
        let line = Wire::new(&format!("{scheme}://127.0.0.1:9/secret-key")).expect("a URL");
        assert_eq!(line.shown(), format!("{scheme}://127.0.0.1:9"));
        let error = line.provider().get_chain_id().await.expect_err("nobody is there");
        let said = format!("{error} {error:?}");
        assert!(said.contains("refused") && !said.contains("secret"), "{said}");
    }
}

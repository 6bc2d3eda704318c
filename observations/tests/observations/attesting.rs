//! What attestations say, asked of nodes. What EAS's own contracts answer is the whole system's scenario.

use alloy::sol_types::{SolCall, SolValue};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use souk_devstack::{Anvil, AnvilConfig, Gate};
use souk_observations::attempt::{Attempt, attempt};
use souk_observations::attestation::{Attestation, Attestations, SchemaRecord, Schemas};
use souk_observations::fetch::Fetcher;
use souk_observations::store::Counts;
use souk_observations::{Nodes, retry};
use souk_schema::observation::{FailureKind, Outcome, Verification, Wanted};
use souk_schema::{Address, B256, Bytes, TokenRef, U256, keccak256};
use tokio::net::TcpListener;
use url::Url;

use crate::chain::{ATTESTATIONS, CHAIN, Chain, Deed};
use crate::support::{Stand, policy};

/// An attestation, the schema of its data, and the uid that both hash to.
fn specimen() -> (Attestation, SchemaRecord, B256) {
    let definition = "bool safe".to_string();
    let schema = SchemaRecord {
        uid: keccak256((definition.clone(), Address::ZERO, true).abi_encode_packed()),
        resolver: Address::ZERO,
        revocable: true,
        schema: definition,
    };
    let (schema_uid, zero, data) = (schema.uid, B256::ZERO, Bytes::from(true.abi_encode()));
    let said = (
        schema_uid,
        Address::ZERO,
        Address::repeat_byte(0xcc),
        7_u64,
        0_u64,
        true,
        zero,
        data.clone(),
        0_u32,
    );
    let uid = keccak256(said.abi_encode_packed());
    let attestation = Attestation {
        uid,
        schema: schema_uid,
        time: 7,
        expirationTime: 0,
        revocationTime: 0,
        refUID: zero,
        recipient: Address::ZERO,
        attester: Address::repeat_byte(0xcc),
        revocable: true,
        data,
    };
    (attestation, schema, uid)
}

fn wanted(uid: B256) -> Wanted {
    Wanted::attestation(CHAIN, TokenRef::new(ATTESTATIONS, U256::from_be_bytes(uid.0)))
}

/// A node that answers with an attestation and a schema, whatever it is asked for.
async fn answering(attestation: Attestation, schema: SchemaRecord) -> Url {
    let answer = async move |Json(request): Json<Value>| {
        if request["method"] == "eth_chainId" {
            return Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": format!("{:#x}", CHAIN.0) }));
        }
        let input = request["params"][0]["input"].as_str().unwrap_or_default();
        let called = |selector: [u8; 4]| input.starts_with(&alloy::hex::encode_prefixed(selector));
        let result = match () {
            () if called(Attestations::getAttestationCall::SELECTOR) => attestation.abi_encode(),
            () if called(Schemas::getSchemaCall::SELECTOR) => schema.abi_encode(),
            () => Address::repeat_byte(0xe5).abi_encode(),
        };
        Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": alloy::hex::encode_prefixed(result) }))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
    url.parse().expect("a URL")
}

async fn asked(urls: Vec<Url>, uid: B256, tries: u32) -> Attempt {
    let fetcher = Fetcher::new(policy()).expect("a fetcher");
    let nodes = Nodes::new([(CHAIN, urls)], &[]).expect("URLs");
    attempt(&fetcher, &nodes, &wanted(uid), tries).await
}

fn again(attempt: &Attempt) -> FailureKind {
    match attempt {
        Attempt::Again { failure, .. } => failure.kind,
        other => panic!("it is not tried again: {other:?}"),
    }
}

fn is_proved(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::Observed(Outcome::Document(document)) if document.verification == Verification::Uid)
}

#[tokio::test]
async fn nodes_that_lie_or_do_not_know_are_passed_over() {
    let (attestation, schema, uid) = specimen();
    let honest = answering(attestation.clone(), schema.clone()).await;
    assert!(is_proved(&asked(vec![honest.clone()], uid, 1).await));
    let ignorant = Attestation {
        uid: B256::ZERO,
        ..attestation.clone()
    };
    let ignorant = answering(ignorant, schema.clone()).await;
    let lying = Attestation { time: 8, ..attestation };
    let lying = answering(lying, schema).await;
    assert!(is_proved(
        &asked(vec![ignorant.clone(), lying.clone(), honest], uid, 1).await
    ));
    assert_eq!(again(&asked(vec![ignorant], uid, 1).await), FailureKind::Missing);
    assert_eq!(again(&asked(vec![lying.clone()], uid, 1).await), FailureKind::WrongUid);
    let given_up = asked(vec![lying], uid, retry::tries(FailureKind::WrongUid)).await;
    assert!(matches!(given_up, Attempt::Observed(Outcome::Failed(failure)) if failure.kind == FailureKind::WrongUid));
}

#[tokio::test]
async fn without_a_node_it_is_withheld_and_with_one_that_is_down_it_waits() {
    let (_, _, uid) = specimen();
    let withheld = asked(vec![], uid, 1).await;
    assert!(
        matches!(withheld, Attempt::Withheld(reason) if reason.contains("--rpc")),
        "{withheld:?}"
    );
    let down: Url = "http://127.0.0.1:9/secret-key".parse().expect("a URL");
    let Attempt::Again { failure, .. } = asked(vec![down], uid, 1).await else {
        panic!("it is not tried again")
    };
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(
        !failure.detail.contains("secret"),
        "a node's address is told: {}",
        failure.detail
    );
}

/// A real node, and no contract of EAS's at the address.
#[tokio::test]
async fn a_contract_that_is_none_of_eas_is_named() {
    let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
    let url: Url = anvil.http_url().parse().expect("a URL");
    let (_, _, uid) = specimen();
    assert_eq!(again(&asked(vec![url], uid, 1).await), FailureKind::WrongUid);
}

/// Whoever observes begins without its node, says what it waits for, and asks once the node is there.
#[tokio::test]
async fn an_attestation_waits_for_a_node_that_is_not_there_yet() {
    let (attestation, schema, uid) = specimen();
    let stand = Stand::new().await;
    let mut chain = Chain::new();
    chain.block(&[Deed::Attested(uid)]);
    stand.index(&mut chain).await;
    let node = answering(attestation, schema).await;
    let gate = Gate::before(node.port().expect("a port")).await.expect("a gate");
    gate.shut();
    let url: Url = gate.http_url().parse().expect("a URL");
    let observer = stand.observe_with(policy(), Nodes::new([], &[url]).expect("a URL"));
    let withheld = Counts {
        withheld: 1,
        ..Counts::default()
    };
    stand.reach(withheld).await;
    let problem = stand.problem().await.expect("it is said why");
    assert!(problem.contains("has answered yet"), "{problem}");
    gate.turned_away(2).await;
    gate.open();
    let fetched = Counts {
        fetched: 1,
        ..Counts::default()
    };
    stand.reach(fetched).await;
    observer.stop().await;
    assert_eq!(stand.observations().await[0].tries, 1, "waiting was no try");
}

/// Asked over a WebSocket to a real node, which is cut for longer than alloy is patient.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_asked_again_after_a_long_outage() {
    let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
    let gate = Gate::before(anvil.port()).await.expect("a gate");
    let url: Url = gate.ws_url().parse().expect("a URL");
    let nodes = Nodes::new([(CHAIN, vec![url])], &[]).expect("a URL");
    let (fetcher, (_, _, uid)) = (Fetcher::new(policy()).expect("a fetcher"), specimen());
    let ask = async || again(&attempt(&fetcher, &nodes, &wanted(uid), 1).await);
    // There is no contract of EAS's, which is an answer all the same.
    assert_eq!(ask().await, FailureKind::WrongUid);
    gate.shut();
    assert_eq!(ask().await, FailureKind::Unreachable);
    gate.turned_away(2).await;
    gate.open();
    assert_eq!(ask().await, FailureKind::WrongUid);
}

/// Withheld without a node, found once one is named, and never asked for again.
#[tokio::test]
async fn an_attestation_is_found_when_a_node_is_named() {
    let (attestation, schema, uid) = specimen();
    let stand = Stand::new().await;
    let mut chain = Chain::new();
    chain.block(&[Deed::Attested(uid)]);
    stand.index(&mut chain).await;
    let withheld = Counts {
        withheld: 1,
        ..Counts::default()
    };
    let observer = stand.observe(policy());
    stand.reach(withheld).await;
    observer.stop().await;

    let nodes = Nodes::new([(CHAIN, vec![answering(attestation, schema).await])], &[]).expect("URLs");
    let fetched = Counts {
        fetched: 1,
        ..Counts::default()
    };
    let observer = stand.observe_with(policy(), nodes);
    stand.reach(fetched).await;
    observer.stop().await;
    let observed = stand.observations().await;
    assert_eq!(observed.len(), 1);
    assert_eq!(observed[0].wanted, wanted(uid));
    let found = stand.found().await;
    stand.execute("drop schema observations cascade").await;
    let observer = stand.observe(policy());
    stand.reach(fetched).await;
    observer.stop().await;
    assert_eq!((stand.found().await, stand.end().await), (found, 1));
}

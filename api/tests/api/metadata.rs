//! Documents behind the URIs of assets: shown with what they are worth, and never for more.

use serde_json::{Value, json};
use souk_observations::attempt::judge;
use souk_observations::store::Store;
use souk_observations::uri::Source;
use souk_schema::observation::{Failure, FailureKind, Observation, Outcome, Subject, SubjectKind, Wanted};
use souk_schema::{Address, B256, ChainId, TokenRef, U256, keccak256};

use crate::fixture::*;

const DOCUMENT: &str = r#"{"name":"Zephyr\u202e","description":"A wind.","license":"MIT","n":[1,{"a":1.5}]}"#;

fn wanted(number: u64, uri: &str, commitment: B256) -> Wanted {
    Wanted {
        subject: Subject {
            chain: ChainId(31_337),
            kind: SubjectKind::Asset,
            key: TokenRef::new(Address::repeat_byte(REGISTRY), U256::from(number)),
        },
        uri: uri.into(),
        commitment: Some(commitment),
    }
}

fn found(wanted: Wanted, content: &str) -> Observation {
    let source = Source::parse("https://a.example/x", 10).expect("a URI");
    Observation {
        outcome: judge(&wanted, &source, content.into()),
        wanted,
        observed_at_ms: 1_700_000_000_999,
        tries: 2,
    }
}

/// A server over an economy whose asset 1 names a document with its hash, and 2 with another; 3 names a page, and nobody looked at 4.
async fn observed() -> Souk {
    let database = Database::seeded().await;
    let uri = "https://a.example/x";
    for (number, hash) in [
        (1, keccak256(DOCUMENT)),
        (2, B256::repeat_byte(9)),
        (3, B256::repeat_byte(9)),
    ] {
        let of = key(REGISTRY, number);
        let hash = hex(hash.as_slice());
        database
            .sql(&format!(
                "update asset_version set metadata_uri = '{uri}', content_hash = '\\x{hash}' where asset_key = {of}"
            ))
            .await;
    }
    let store = Store::connect(database.pool.clone()).await.unwrap();
    assert!(store.scan().await.unwrap());
    let failed = Observation {
        outcome: Outcome::Failed(Failure {
            kind: FailureKind::TimedOut,
            detail: "it took more than 30 s".into(),
            fingerprint: None,
        }),
        ..found(wanted(3, uri, B256::repeat_byte(9)), DOCUMENT)
    };
    let observations = [
        (0, found(wanted(1, uri, keccak256(DOCUMENT)), DOCUMENT)),
        (1, found(wanted(2, uri, B256::repeat_byte(9)), DOCUMENT)),
        (2, failed),
    ];
    assert!(store.write(0, 3, &observations).await.unwrap());
    Souk::over(database, |_| {}).await
}

const FIELDS: &str = "status uri contentHash verification verifiedBy name description licence length keccak256 fetchedAt tries problem \
    failure { kind detail mayHeal } document";

async fn metadata(souk: &Souk, number: u64) -> Value {
    let id = asset(number);
    let query = format!("{{ asset(id: \"{id}\") {{ metadata {{ {FIELDS} }} }} }}");
    souk.ask(&query).await["asset"]["metadata"].take()
}

#[tokio::test]
async fn a_document_that_the_chain_commits_to_is_shown() {
    let souk = observed().await;
    let shown = metadata(&souk, 1).await;
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let expected = json!({
        "status": "FETCHED", "uri": "https://a.example/x", "contentHash": keccak256(DOCUMENT), "verification": "MATCH",
        "verifiedBy": "KECCAK_256", "name": "Zephyr", "description": "A wind.", "licence": "MIT", "length": DOCUMENT.len(),
        "keccak256": keccak256(DOCUMENT), "fetchedAt": 1_700_000_000, "tries": 2, "problem": null, "failure": null, "document": document,
    });
    assert_eq!(shown, expected, "{shown:#}");
}

#[tokio::test]
async fn a_false_document_can_be_looked_at_and_speaks_for_nobody() {
    let souk = observed().await;
    let shown = metadata(&souk, 2).await;
    assert_eq!(
        (&shown["status"], &shown["verification"]),
        (&json!("MISMATCHED"), &json!("MISMATCH"))
    );
    assert_eq!(shown["document"]["description"], "A wind.");
    for field in ["name", "description", "licence", "verifiedBy", "failure"] {
        assert_eq!(shown[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn what_is_missing_says_why_and_what_was_never_looked_at_waits() {
    let souk = observed().await;
    let shown = metadata(&souk, 3).await;
    assert_eq!(shown["status"], "FAILED");
    let failure = json!({ "kind": "timed_out", "detail": "it took more than 30 s", "mayHeal": true });
    assert_eq!((&shown["failure"], &shown["document"]), (&failure, &Value::Null));
    assert_eq!(metadata(&souk, 4).await["status"], "WAITING");
    let store = Store::connect(souk.database.pool.clone()).await.unwrap();
    let all = sqlx::query_scalar::<_, Vec<u8>>("select key from observations.wanted where not is_settled")
        .fetch_all(&souk.database.pool)
        .await
        .unwrap();
    let keys: Vec<B256> = all.iter().map(|key| B256::from_slice(key)).collect();
    store.withhold(&keys, "no gateway is named").await.unwrap();
    let shown = metadata(&souk, 4).await;
    assert_eq!(
        (&shown["status"], &shown["problem"]),
        (&json!("WITHHELD"), &json!("no gateway is named"))
    );
}

#[tokio::test]
async fn documents_are_counted_and_lists_name_them() {
    let souk = observed().await;
    let counts = souk
        .ask("{ metadataCounts { fetched mismatched failed stream nextSequence } }")
        .await;
    let expected = json!({ "fetched": 1, "mismatched": 1, "failed": 1, "stream": "observations", "nextSequence": 3 });
    assert_eq!(counts["metadataCounts"], expected);
    let before = souk.database.statements();
    let listed = souk.ask("{ assets(first: 10) { nodes { name metadata { name } versions(first: 1) { nodes { metadata { status } } } } } }").await;
    let names: Vec<&Value> = listed["assets"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["metadata"]["name"])
        .collect();
    assert_eq!(names.iter().filter(|name| **name == "Zephyr").count(), 1, "{names:?}");
    assert!(
        souk.database.statements() - before < 20,
        "each document is not read on its own"
    );
}

/// Where nobody ever observed there is no schema to read.
#[tokio::test]
async fn without_an_observer_everything_waits() {
    let souk = Souk::start().await;
    assert_eq!(metadata(&souk, 1).await["status"], "WAITING");
    let counts = souk.ask("{ metadataCounts { fetched waiting } }").await;
    assert_eq!(counts["metadataCounts"], json!({ "fetched": 0, "waiting": 0 }));
}

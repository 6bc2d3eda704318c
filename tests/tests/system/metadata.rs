//! Metadata documents in the whole system: fetched from a real server, kept in the log, shown, and never asked for again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alloy::primitives::{B256, keccak256};
use alloy::providers::Provider;
use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::routing::get;
use serde_json::Value;
use souk_contracts::AssetRegistry;
use tokio::net::TcpListener;

use crate::program::{Souk, ask, run};
use crate::world::{Backend, DEPLOYER_KEY, PATIENCE, World, send_as};

const DOCUMENT: &str = r#"{"name":"Harbour Sounds","description":"Recordings of ports.","license":"CC-BY-4.0"}"#;

/// A server with one document; how often it was asked for it, and its URL.
async fn documents() -> Result<(Arc<AtomicUsize>, String)> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let document = get(async move || {
        counted.fetch_add(1, Ordering::Relaxed);
        DOCUMENT
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/sounds.json", listener.local_addr()?);
    let router = Router::new().route("/sounds.json", document);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((asked, url))
}

/// Registers a dataset with a document. By the node's own account, which knows its nonce after a reorganisation too.
async fn register(world: &World, url: &str, hash: B256) -> Result<()> {
    let owner = alloy::signers::local::PrivateKeySigner::from_bytes(&DEPLOYER_KEY)?.address();
    let call = AssetRegistry::registerCall {
        owner,
        kind: 0,
        assetName: "sounds".into(),
        contentHash: hash,
        metadataUri: url.into(),
        contributorShareE8: 0,
    };
    let is_registered = send_as(&world.node, owner, world.deployment.addresses.asset_registry, call).await?;
    ensure!(is_registered, "{url} is not registered");
    Ok(())
}

/// Waits until the newest version's document of every asset stands so.
async fn until_shown(url: &str, statuses: &[&str]) -> Result<Value> {
    let shown = async {
        loop {
            let query = "{ assets(first: 10) { nodes { assetId metadata { status name description verification } } } }";
            let nodes = ask(url, query).await?["assets"]["nodes"].take();
            let found: Vec<&str> = nodes
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|node| node["metadata"]["status"].as_str())
                .collect();
            if found == statuses {
                return Ok(nodes);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, shown)
        .await
        .with_context(|| format!("never {statuses:?}"))?
}

async fn a_document_is_fetched_once(backend: Backend) -> Result<()> {
    let world = World::start(backend).await?;
    let (asked, document) = documents().await?;
    let dir = world.data_dir("souk").display().to_string();
    let mut arguments = world.arguments(&world.database_url, &world.anvil.ws_url());
    arguments.extend(["--data-dir", &dir, "--metadata-http", "--metadata-loopback"].map(String::from));
    let souk = Souk::start(&arguments).await?;
    register(&world, &document, keccak256(DOCUMENT)).await?;
    register(&world, &document, B256::repeat_byte(7)).await?;
    register(&world, "http://169.254.169.254/latest/meta-data", B256::repeat_byte(7)).await?;
    let outcome = ["FETCHED", "MISMATCHED", "FAILED"];
    let nodes = until_shown(&souk.url, &outcome).await?;
    ensure!(
        nodes[0]["metadata"]["name"] == "Harbour Sounds" && nodes[0]["metadata"]["verification"] == "MATCH",
        "{nodes:#}"
    );
    ensure!(nodes[1]["metadata"]["name"].is_null(), "{nodes:#}");
    ensure!(asked.load(Ordering::Relaxed) == 2, "two assets asked for it");

    let id = nodes[0]["assetId"].as_str().context("no id")?;
    let export = run(&["export", id, "--format", "croissant", "--url", &souk.url]).await?;
    let croissant: Value = serde_json::from_str(&export.out).with_context(|| format!("{export:?}"))?;
    ensure!(
        croissant["name"] == "Harbour Sounds" && croissant["description"] == "Recordings of ports.",
        "{croissant:#}"
    );
    ensure!(
        croissant["license"][0] == "https://spdx.org/licenses/CC-BY-4.0",
        "{croissant:#}"
    );
    let status = run(&["status", "--url", &souk.url]).await?;
    ensure!(
        status
            .out
            .contains("1 fetched, 1 mismatched, 1 failed, 0 waiting, 0 withheld"),
        "{status:?}"
    );
    let records = run(&["log", "observations", "--data-dir", &dir]).await?;
    ensure!(
        records.out.lines().count() == 3 && records.out.contains("forbidden_address"),
        "{records:?}"
    );

    // LOG-1: killed, its tables dropped, and the blocks that named the documents replaced by others, one of which names one again.
    souk.killed().await?;
    let pool = world.pool().await?;
    sqlx::query("drop schema observations cascade").execute(&pool).await?;
    let _: Value = world
        .node
        .raw_request("anvil_reorg".into(), (3, Vec::<()>::new()))
        .await?;
    register(&world, &document, keccak256(DOCUMENT)).await?;
    let souk = Souk::start(&arguments).await?;
    until_shown(&souk.url, &["FETCHED"]).await?;
    ensure!(asked.load(Ordering::Relaxed) == 2, "it was fetched again");
    souk.stop().await
}

#[tokio::test]
async fn log_1_a_document_is_fetched_once_whatever_happens_embedded() -> Result<()> {
    a_document_is_fetched_once(Backend::Embedded).await
}

#[tokio::test]
async fn log_1_a_document_is_fetched_once_whatever_happens_kafka() -> Result<()> {
    a_document_is_fetched_once(Backend::Kafka).await
}

//! Attestations of EAS in the whole system, made on EAS's own contracts: what they say is asked of the node once, proved by their uids,
//! kept in the log, and shown at the assets that they name.

use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, U256, hex, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolValue;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use souk_contracts::AssetRegistry;
use souk_devstack::published_bytecode;

use crate::program::{Souk, ask, run};
use crate::world::{Backend, PATIENCE, World, send_as};

const PACKAGE: &str = "@ethereum-attestation-service/eas-contracts/artifacts/contracts";
const DEFINITION: &str = "string model,bool safe,uint8 score";

sol! {
    struct AttestationRequestData {
        address recipient;
        uint64 expirationTime;
        bool revocable;
        bytes32 refUID;
        bytes data;
        uint256 value;
    }
    struct AttestationRequest {
        bytes32 schema;
        AttestationRequestData data;
    }
    struct RevocationRequestData {
        bytes32 uid;
        uint256 value;
    }
    struct RevocationRequest {
        bytes32 schema;
        RevocationRequestData data;
    }
    function register(string schema, address resolver, bool revocable) returns (bytes32);
    function attest(AttestationRequest request) returns (bytes32);
    function revoke(RevocationRequest request);
}

/// EAS on the world's chain.
struct Eas {
    attestations: Address,
    schemas: Address,
    schema: B256,
}

async fn published(world: &World, artifact: &str, arguments: Vec<u8>) -> Result<Address> {
    let code = hex::decode(published_bytecode(&format!("{PACKAGE}/{artifact}"))?)?;
    let deployment = TransactionRequest::default()
        .with_from(world.deployer()?)
        .with_deploy_code([code, arguments].concat());
    let receipt = world.node.send_transaction(deployment).await?.get_receipt().await?;
    receipt.contract_address.context("it is not deployed")
}

impl Eas {
    async fn deploy(world: &World) -> Result<Eas> {
        let schemas = published(world, "SchemaRegistry.sol/SchemaRegistry.json", vec![]).await?;
        let attestations = published(world, "EAS.sol/EAS.json", schemas.abi_encode()).await?;
        let register = registerCall {
            schema: DEFINITION.into(),
            resolver: Address::ZERO,
            revocable: true,
        };
        ensure!(send_as(&world.node, world.deployer()?, schemas, register).await?);
        let schema = keccak256((DEFINITION.to_string(), Address::ZERO, true).abi_encode_packed());
        Ok(Eas {
            attestations,
            schemas,
            schema,
        })
    }

    /// Attests of a model that it is safe, until a time.
    async fn attest(&self, world: &World, model: &str, expires: u64) -> Result<()> {
        let data = AttestationRequestData {
            recipient: Address::ZERO,
            expirationTime: expires,
            revocable: true,
            refUID: B256::ZERO,
            data: (model.to_string(), true, 97_u64).abi_encode_params().into(),
            value: U256::ZERO,
        };
        let request = AttestationRequest {
            schema: self.schema,
            data,
        };
        ensure!(
            send_as(
                &world.node,
                world.deployer()?,
                self.attestations,
                attestCall { request }
            )
            .await?
        );
        Ok(())
    }

    async fn revoke(&self, world: &World, uid: B256) -> Result<()> {
        let data = RevocationRequestData { uid, value: U256::ZERO };
        let request = RevocationRequest {
            schema: self.schema,
            data,
        };
        ensure!(
            send_as(
                &world.node,
                world.deployer()?,
                self.attestations,
                revokeCall { request }
            )
            .await?
        );
        Ok(())
    }
}

async fn register(world: &World) -> Result<()> {
    let owner = world.deployer()?;
    let call = AssetRegistry::registerCall {
        owner,
        kind: 1,
        assetName: "zephyr".into(),
        contentHash: B256::repeat_byte(7),
        metadataUri: String::new(),
        contributorShareE8: 0,
    };
    ensure!(send_as(&world.node, owner, world.deployment.addresses.asset_registry, call).await?);
    Ok(())
}

const ASKED: &str = "{ assets(first: 1) { nodes { assetId attestations(first: 10) { totalCount nodes { uid isRevoked
    evidence { status verifiedBy } contents { isExpired expiresAt definition about { assetId } fields { name kind value } } } } } } }";

/// Waits until the attestations of the only asset are so.
async fn until_shown(url: &str, is_so: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>> {
    let shown = async {
        loop {
            let nodes = ask(url, ASKED).await?["assets"]["nodes"][0]["attestations"]["nodes"].take();
            let nodes = nodes.as_array().cloned().unwrap_or_default();
            if is_so(&nodes) {
                return Ok(nodes);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.context("never so")?
}

/// Waits until the log has so many observations.
async fn until_recorded(dir: &str, count: usize) -> Result<()> {
    let recorded = async {
        while run(&["log", "observations", "--data-dir", dir])
            .await?
            .out
            .lines()
            .count()
            != count
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, recorded)
        .await
        .with_context(|| format!("never {count} observations"))?
}

#[tokio::test]
async fn lin_1_an_attestation_shows_at_the_asset_that_it_names() -> Result<()> {
    let mut world = World::start(Backend::Embedded).await?;
    let eas = Eas::deploy(&world).await?;
    world.watched.extend([
        "--watch".into(),
        format!("eas:{}+schema_registry={}", eas.attestations, eas.schemas),
    ]);
    let dir = world.data_dir("souk").display().to_string();
    let mut arguments = world.arguments(&world.database_url, &world.anvil.ws_url());
    arguments.extend(["--data-dir".into(), dir.clone()]);
    let souk = Souk::start(&arguments).await?;
    register(&world).await?;
    let registry = world.deployment.addresses.asset_registry;
    let asset = format!("eip155:31337/erc721:{registry:#x}/1");
    eas.attest(&world, &asset, 0).await?;
    eas.attest(&world, &asset, u64::MAX).await?;
    // Of another asset, and of none.
    eas.attest(&world, &format!("{asset}1"), 0).await?;
    eas.attest(&world, "zephyr", 0).await?;
    let nodes = until_shown(&souk.url, |nodes| nodes.len() == 2).await?;
    let contents = json!({
        "isExpired": false, "expiresAt": null, "definition": DEFINITION, "about": [{ "assetId": asset }],
        "fields": [
            { "name": "model", "kind": "string", "value": asset },
            { "name": "safe", "kind": "bool", "value": true },
            { "name": "score", "kind": "uint8", "value": "97" },
        ],
    });
    for node in &nodes {
        assert_eq!(node["contents"], contents);
        assert_eq!(node["evidence"], json!({ "status": "FETCHED", "verifiedBy": "UID" }));
        assert_eq!(node["isRevoked"], false);
    }

    let oldest: B256 = nodes[1]["uid"].as_str().context("no uid")?.parse()?;
    eas.revoke(&world, oldest).await?;
    let revoked = until_shown(&souk.url, |nodes| nodes.iter().any(|node| node["isRevoked"] == true)).await?;
    assert_eq!(
        (&revoked[0]["isRevoked"], &revoked[1]["isRevoked"]),
        (&json!(false), &json!(true))
    );

    // LOG-1: the tables are made again of the log alone, and nobody is asked again.
    until_recorded(&dir, 4).await?;
    souk.killed().await?;
    let pool = world.pool().await?;
    sqlx::query("drop schema observations cascade").execute(&pool).await?;
    let souk = Souk::start(&arguments).await?;
    assert_eq!(until_shown(&souk.url, |nodes| nodes.len() == 2).await?, revoked);
    let records = run(&["log", "observations", "--data-dir", &dir]).await?;
    assert_eq!(records.out.lines().count(), 4, "it was asked for again: {records:?}");
    souk.stop().await
}

//! Deployment on a real node, and the ids that this crate computes without one.

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, U256, address};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use souk_contracts::LicenseRegistry::LicenseTerms;
use souk_contracts::{
    AssetRegistry, DeployError, Deployment, LicenseRegistry, RevenueRouter, deploy, license_expiry, license_id,
    terms_id,
};
use souk_devstack::{Anvil, AnvilConfig};

use crate::world::{DISTRIBUTOR, World};

/// The first account of the well-known test mnemonic, which anvil funds.
const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const DEPLOYER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

fn provider(anvil: &Anvil) -> impl Provider {
    let signer: PrivateKeySigner = KEY.parse().expect("a private key");
    let url = anvil.http_url().parse().expect("a URL");
    ProviderBuilder::new()
        .wallet(EthereumWallet::from(signer))
        .connect_http(url)
}

#[tokio::test]
async fn a_real_node_takes_the_deployment() {
    let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
    let provider = provider(&anvil);

    let first = deploy(&provider, DEPLOYER, DISTRIBUTOR).await.expect("a deployment");
    assert_eq!((first.chain_id, first.block), (31_337, 1));
    for (name, contract) in first.addresses.named() {
        assert!(
            !provider.get_code_at(contract).await.expect("code").is_empty(),
            "{name} has no code"
        );
    }
    let at = first.addresses;
    let licenses = LicenseRegistry::new(at.license_registry, &provider);
    assert_eq!(licenses.ASSETS().call().await.expect("a view"), at.asset_registry);
    assert_eq!(licenses.ROUTER().call().await.expect("a view"), at.revenue_router);
    let router = RevenueRouter::new(at.revenue_router, &provider);
    assert_eq!(router.LICENSES().call().await.expect("a view"), at.license_registry);
    assert_eq!(router.distributor().call().await.expect("a view"), DISTRIBUTOR);
    assert_eq!(router.owner().call().await.expect("a view"), DEPLOYER);

    let assets = AssetRegistry::new(at.asset_registry, &provider);
    let name = "Ünïcode – 模型".to_owned();
    let sent = assets
        .register(DEPLOYER, 1, name.clone(), B256::repeat_byte(7), "ipfs://x".into(), 5)
        .send()
        .await;
    let receipt = sent.expect("a transaction").get_receipt().await.expect("a receipt");
    let event = receipt
        .decoded_log::<AssetRegistry::AssetRegistered>()
        .expect("the event");
    assert_eq!((event.assetId, event.owner, &event.name), (U256::ONE, DEPLOYER, &name));

    let second = deploy(&provider, DEPLOYER, DISTRIBUTOR)
        .await
        .expect("a second deployment");
    assert!(second.block > first.block);
    assert_ne!(second.addresses, first.addresses);
    let json = serde_json::to_string(&second).expect("JSON");
    assert_eq!(serde_json::from_str::<Deployment>(&json).expect("a deployment"), second);
}

/// The constructor refuses a distributor of zero; nothing is reported as deployed.
#[tokio::test]
async fn a_refused_deployment_says_which_contract() {
    let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
    let error = deploy(&provider(&anvil), DEPLOYER, Address::ZERO)
        .await
        .expect_err("a refusal");
    assert!(
        matches!(
            error,
            DeployError::Refused {
                contract: "RevenueRouter",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn ids_and_expiries_are_those_of_the_contract() {
    let mut world = World::new();
    let licenses = world.at.license_registry;
    for duration_secs in [0, 1, 86_399, 86_400, 86_401, 36_525 * 86_400] {
        let terms = LicenseTerms {
            durationSecs: duration_secs,
            uri: "u".repeat(40),
            ..LicenseTerms::default()
        };
        let id = world
            .must(
                DEPLOYER,
                licenses,
                &LicenseRegistry::registerTermsCall { terms: terms.clone() },
            )
            .value;
        assert_eq!(id, terms_id(&terms));
        for minted_at in [0, 1, 86_399, 86_400, 1_699_920_000, 1_700_000_123] {
            let call = LicenseRegistry::expiryAtCall {
                termsId: id,
                mintedAt: U256::from(minted_at),
            };
            let expires_at = world.view(licenses, &call);
            assert_eq!(Some(expires_at), license_expiry(minted_at, duration_secs));
            let call = LicenseRegistry::licenseIdOfCall {
                assetId: U256::from(9),
                termsId: id,
                expiresAt: expires_at,
            };
            assert_eq!(world.view(licenses, &call), license_id(U256::from(9), id, expires_at));
        }
    }
    assert_eq!(
        license_expiry(86_400, 86_400),
        Some(172_800),
        "a whole day stays as it is"
    );
    assert_eq!(
        license_expiry(86_401, 86_400),
        Some(259_200),
        "a second more is a day more"
    );
    assert_eq!(license_expiry(u64::MAX, 1), None);
}

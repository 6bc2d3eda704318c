//! Deployment on a real node, and the ids that this crate computes without one.

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, U256, address};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use souk_contracts::LicenseRegistry::LicenseTerms;
use souk_contracts::{
    AssetRegistry, DeployError, Deployment, ExchangeVault, LicenseRegistry, RevenueRouter, add_vault, deploy,
    deploy_with, dev, license_expiry, license_id, terms_id,
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

/// A vault knows its roles and the tokens that trade; a deployment from before there was one gets one of its own.
#[tokio::test]
async fn a_deployment_without_a_vault_gets_one() {
    let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
    let provider = provider(&anvil);
    let config = dev::vault_config(dev::OPERATOR, dev::COSIGNER, dev::FEE_ACCOUNT);
    let made = deploy_with(&provider, DEPLOYER, DISTRIBUTOR, config.clone()).await;
    let whole = made.expect("a deployment");

    let mut json = serde_json::to_value(whole).expect("JSON");
    let addresses = json["addresses"].as_object_mut().expect("an object");
    assert!(addresses.remove("exchange_vault").is_some());
    let mut old: Deployment = serde_json::from_value(json.clone()).expect("an older deployment");
    assert_eq!(old.addresses.exchange_vault, None);
    assert_eq!(old.addresses.named().len(), 6);
    assert_eq!(serde_json::to_value(old).expect("JSON"), json, "written as it was");

    add_vault(&provider, DEPLOYER, &mut old, config).await.expect("a vault");
    assert_ne!(old.addresses.exchange_vault, whole.addresses.exchange_vault);
    for addresses in [whole.addresses, old.addresses] {
        let vault = ExchangeVault::new(addresses.exchange_vault.expect("a vault"), &provider);
        assert_eq!(vault.owner().call().await.expect("a view"), DEPLOYER);
        assert_eq!(vault.operator().call().await.expect("a view"), dev::OPERATOR);
        assert_eq!(vault.cosigner().call().await.expect("a view"), dev::COSIGNER);
        assert_eq!(vault.feeAccount().call().await.expect("a view"), dev::FEE_ACCOUNT);
        assert_eq!(vault.ASSETS().call().await.expect("a view"), addresses.asset_registry);
        assert_eq!(vault.ROUTER().call().await.expect("a view"), addresses.revenue_router);
        assert_eq!(vault.EXIT_DELAY().call().await.expect("a view"), 86_400);
        let tokens = [
            (addresses.asset_shares, 2),
            (addresses.license_registry, 2),
            (addresses.test_usd, 1),
        ];
        for (token, kind) in tokens {
            assert_eq!(vault.tokenKind(token).call().await.expect("a view"), kind);
        }
    }
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

//! Deployment on a real node, and the ids that this crate computes without one.

use alloy::network::{Ethereum, EthereumWallet};
use alloy::primitives::{Address, B256, U256, address};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use souk_contracts::LicenseRegistry::LicenseTerms;
use souk_contracts::{
    AssetRegistry, ContributionBook, DeployError, Deployment, DisputeCourt, ExchangeVault, ExecutionLog, Gateway,
    LicenseRegistry, PayoutDistributor, RevenueRouter, TaskBoard, TestUSD, add_economy, add_vault, deploy, deploy_with,
    dev, license_expiry, license_id, payout_leaf, terms_id,
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
    assert_eq!(old.addresses.named().len(), 11);
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

const ECONOMY: [&str; 5] = [
    "payout_distributor",
    "task_board",
    "execution_log",
    "dispute_court",
    "gateway",
];

/// The economy's contracts know the others and their roles, and revenue goes to their distributor, in a whole set and in one that
/// they were added to.
#[tokio::test]
async fn a_deployment_without_an_economy_gets_one() {
    let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
    let provider = provider(&anvil);
    let vault = dev::vault_config(dev::OPERATOR, dev::COSIGNER, dev::FEE_ACCOUNT);
    let made = deploy_with(&provider, DEPLOYER, None, vault.clone()).await;
    let whole = made.expect("a deployment");
    let other = deploy_with(&provider, DEPLOYER, DISTRIBUTOR, vault).await;

    let mut json = serde_json::to_value(other.expect("a deployment")).expect("JSON");
    let addresses = json["addresses"].as_object_mut().expect("an object");
    for name in ECONOMY {
        assert!(addresses.remove(name).is_some(), "{name}");
    }
    let mut old: Deployment = serde_json::from_value(json.clone()).expect("an older deployment");
    assert_eq!(old.addresses.named().len(), 7);
    assert_eq!(serde_json::to_value(old).expect("JSON"), json, "written as it was");
    let config = dev::economy_config(dev::PROPOSER, dev::JUDGE, dev::RELAYER, dev::FEE_ACCOUNT);
    let before = old;
    add_economy(&provider, DEPLOYER, &mut old, config)
        .await
        .expect("an economy");
    assert_eq!(old.addresses.exchange_vault, before.addresses.exchange_vault);
    for deployment in [whole, old] {
        assert_eq!(deployment.addresses.named().len(), 12);
        check_economy(&provider, &deployment).await;
    }
    let stranger = add_economy(&provider, dev::OPERATOR, &mut old, config).await;
    assert!(stranger.is_err(), "somebody else's router");
}

async fn check_economy(provider: &impl Provider, deployment: &Deployment) {
    let at = deployment.addresses;
    let (assets, book) = (at.asset_registry, at.contribution_book);
    let distributor = at.payout_distributor.expect("a distributor");
    let router = RevenueRouter::new(at.revenue_router, provider);
    assert_eq!(router.distributor().call().await.expect("a view"), distributor);
    let payouts = PayoutDistributor::new(distributor, provider);
    assert_eq!(payouts.owner().call().await.expect("a view"), DEPLOYER);
    assert_eq!(payouts.proposer().call().await.expect("a view"), dev::PROPOSER);
    assert_eq!(payouts.feeAccount().call().await.expect("a view"), dev::FEE_ACCOUNT);
    assert_eq!(payouts.protocolFeeE8().call().await.expect("a view"), 2_500_000);
    assert_eq!(payouts.DISPUTE_WINDOW().call().await.expect("a view"), 2);
    let tasks = TaskBoard::new(at.task_board.expect("a board"), provider);
    assert_eq!(tasks.ASSETS().call().await.expect("a view"), assets);
    assert_eq!(tasks.CONTRIBUTIONS().call().await.expect("a view"), book);
    assert_eq!(tasks.SHARES().call().await.expect("a view"), at.asset_shares);
    assert_eq!(tasks.REVIEW_PERIOD().call().await.expect("a view"), 10);
    let log = ExecutionLog::new(at.execution_log.expect("a log"), provider);
    assert_eq!(log.ASSETS().call().await.expect("a view"), assets);
    assert_eq!(log.LICENSES().call().await.expect("a view"), at.license_registry);
    assert_eq!(log.CONTRIBUTIONS().call().await.expect("a view"), book);
    assert_eq!(log.ROUTER().call().await.expect("a view"), at.revenue_router);
    assert_eq!(log.owner().call().await.expect("a view"), DEPLOYER);
    assert_eq!(log.TREASURY().call().await.expect("a view"), dev::FEE_ACCOUNT);
    assert_eq!(log.CHALLENGE_WINDOW().call().await.expect("a view"), 60);
    let court = DisputeCourt::new(at.dispute_court.expect("a court"), provider);
    assert_eq!(court.ASSETS().call().await.expect("a view"), assets);
    assert_eq!(court.owner().call().await.expect("a view"), DEPLOYER);
    assert_eq!(court.appointedJudge().call().await.expect("a view"), dev::JUDGE);
    assert_eq!(court.TREASURY().call().await.expect("a view"), dev::FEE_ACCOUNT);
    assert_eq!(court.APPEAL_WINDOW().call().await.expect("a view"), 2);
    let gateway = Gateway::new(at.gateway.expect("a gateway"), provider);
    assert_eq!(gateway.ASSETS().call().await.expect("a view"), assets);
    assert!(gateway.isRelayer(dev::RELAYER).call().await.expect("a view"));
    let bonds = [
        (payouts.BOND_TOKEN().call().await, payouts.BOND().call().await),
        (log.BOND_TOKEN().call().await, log.BOND().call().await),
        (court.BOND_TOKEN().call().await, court.BOND().call().await),
    ];
    for (token, amount) in bonds {
        assert_eq!(token.expect("a view"), at.test_usd);
        assert_eq!(amount.expect("a view"), U256::from(10_000_000));
    }
    assert!(
        ContributionBook::new(book, provider)
            .contributionCount()
            .call()
            .await
            .is_ok()
    );
}

/// On a real node, with its clock: revenue, a root, its window, a claim by somebody else.
#[tokio::test]
async fn revenue_is_paid_out_by_a_root() {
    let anvil = Anvil::start(&AnvilConfig::default()).await.expect("anvil starts");
    let provider = provider(&anvil);
    let at = deploy(&provider, DEPLOYER, None).await.expect("a deployment").addresses;
    let distributor = at.payout_distributor.expect("a distributor");
    let dollars = TestUSD::new(at.test_usd, &provider);
    let payouts = PayoutDistributor::new(distributor, &provider);
    let mine = |pending: alloy::providers::PendingTransactionBuilder<Ethereum>| async move {
        let receipt = pending.get_receipt().await.expect("a receipt");
        assert!(receipt.status());
        receipt
    };
    let (payee, amount) = (Address::repeat_byte(0x9a), U256::from(975));
    let assets = AssetRegistry::new(at.asset_registry, &provider);
    let asset = assets.register(payee, 1, "model".into(), B256::ZERO, "ipfs://x".into(), 0);
    mine(asset.send().await.expect("sent")).await;
    mine(dollars.mint(DEPLOYER, U256::from(1_000)).send().await.expect("sent")).await;
    mine(
        dollars
            .approve(at.revenue_router, U256::MAX)
            .send()
            .await
            .expect("sent"),
    )
    .await;
    let router = RevenueRouter::new(at.revenue_router, &provider);
    let pay = router.pay(U256::ONE, at.test_usd, U256::from(1_000), 2, B256::ZERO);
    let paid = mine(pay.send().await.expect("sent")).await;
    let (number, hash) = (paid.block_number.expect("mined"), paid.block_hash.expect("mined"));

    let other = payout_leaf(DEPLOYER, at.test_usd, U256::from(25));
    let leaf = payout_leaf(payee, at.test_usd, amount);
    let root = alloy::primitives::keccak256([leaf.min(other), leaf.max(other)].concat());
    mine(payouts.proposeRoot(1, root, number, hash).send().await.expect("sent")).await;
    assert!(
        payouts.finaliseRoot(1, root).call().await.is_err(),
        "its window is open"
    );
    provider
        .raw_request::<_, serde_json::Value>("evm_increaseTime".into(), (2,))
        .await
        .expect("the clock moves");
    mine(payouts.finaliseRoot(1, root).send().await.expect("sent")).await;
    let claim = payouts.claim(payee, at.test_usd, amount, vec![other]);
    mine(claim.send().await.expect("sent")).await;
    assert_eq!(dollars.balanceOf(payee).call().await.expect("a view"), amount);
    assert_eq!(
        dollars.balanceOf(distributor).call().await.expect("a view"),
        U256::from(25)
    );
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

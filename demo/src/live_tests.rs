//! The economies on a real chain: whole plans land, every event is there, a second load sends nothing.

mod work;

use std::collections::HashMap;
use std::time::Duration;

use alloy::consensus::Transaction;
use alloy::network::EthereumWallet;
use alloy::primitives::{Address, U256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::Filter;
use alloy::signers::local::PrivateKeySigner;
use souk_contracts::{AssetRegistry, Deployment, deploy};
use souk_devstack::{Anvil, AnvilConfig, Mining};

use crate::events::{EventCounts, EventKind};
use crate::family::Family;
use crate::{Action, Economy, LoadError, Options, Plan, Stage, Summary, Synthetic, load, plan};

/// Key of the first account of the dev chain's mnemonic.
const DEPLOYER_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

async fn chain() -> (Anvil, Deployment) {
    let anvil = Anvil::start(&AnvilConfig::default()).await.unwrap();
    let deployment = deploy_on(&anvil).await;
    (anvil, deployment)
}

pub(crate) async fn deploy_on(anvil: &Anvil) -> Deployment {
    let deployer: PrivateKeySigner = DEPLOYER_KEY.parse().unwrap();
    let address = deployer.address();
    let provider = ProviderBuilder::new()
        .wallet(EthereumWallet::from(deployer))
        .connect(&anvil.http_url())
        .await
        .unwrap();
    deploy(&provider, address, Address::repeat_byte(0xd1)).await.unwrap()
}

async fn load_all(
    anvil: &Anvil,
    deployment: &Deployment,
    economy: &Economy,
    stages: impl IntoIterator<Item = Stage>,
) -> Result<Summary, LoadError> {
    load(
        &anvil.http_url(),
        deployment,
        economy,
        stages,
        &Options::default(),
        &mut |_| {},
    )
    .await
}

/// Events of each kind that the chain has since the deployment's last contract.
async fn on_chain(anvil: &Anvil, deployment: &Deployment, economy: &Economy) -> HashMap<EventKind, u64> {
    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await.unwrap();
    let to = deployment.addresses;
    let mut counts = HashMap::new();
    for &kind in EventKind::ALL {
        let contract = match kind {
            EventKind::AssetRegistered
            | EventKind::AssetTransferred
            | EventKind::AssetVersioned
            | EventKind::DerivationDeclared
            | EventKind::ForeignParentDeclared => to.asset_registry,
            EventKind::TermsRegistered
            | EventKind::TermsAttached
            | EventKind::LicenceMinted
            | EventKind::LicenceTransferred
            | EventKind::LicencesApproved
            | EventKind::LicenceRevoked => to.license_registry,
            EventKind::SharesIssued | EventKind::SharesTransferred | EventKind::SharesApproved => to.asset_shares,
            EventKind::ContributionRecorded | EventKind::ContributionVoided | EventKind::RecorderAuthorised => {
                to.contribution_book
            }
            EventKind::RevenueReceived => to.revenue_router,
            EventKind::DollarsTransferred | EventKind::DollarsApproved => to.test_usd,
            EventKind::Deposited => to.exchange_vault.unwrap(),
            EventKind::PointsTransferred | EventKind::PointsApproved => match economy.points {
                Some((creator, nonce)) => economy.accounts[creator].address().create(nonce),
                None => Address::ZERO,
            },
            EventKind::TaskPosted
            | EventKind::SubmissionMade
            | EventKind::SubmissionReviewed
            | EventKind::SubmissionRejected
            | EventKind::RewardPaid
            | EventKind::TaskClosed => to.task_board.unwrap(),
            EventKind::ExecutionRequested
            | EventKind::ExecutionCompleted
            | EventKind::ExecutionCancelled
            | EventKind::RoundOpened
            | EventKind::UpdateSubmitted
            | EventKind::RoundAggregated
            | EventKind::ExecutionChallenged
            | EventKind::ChallengeResolved => to.execution_log.unwrap(),
            EventKind::DisputeRaised | EventKind::DisputeJudged | EventKind::DisputeResolved => {
                to.dispute_court.unwrap()
            }
            EventKind::AssetAnnounced | EventKind::AssetMirrored => to.gateway.unwrap(),
        };
        let filter = Filter::new()
            .address(contract)
            .event_signature(kind.topic())
            .from_block(0);
        counts.insert(kind, provider.get_logs(&filter).await.unwrap().len() as u64);
    }
    counts
}

fn assert_same(planned: EventCounts, found: &HashMap<EventKind, u64>) {
    for kind in EventKind::ALL {
        assert_eq!(planned.get(*kind), found[kind], "{kind:?}");
    }
}

/// Panics if a transaction of the chain used nearly all gas that it might: another seed's could run out.
async fn assert_gas_is_ample(anvil: &Anvil) {
    let deployer = DEPLOYER_KEY.parse::<PrivateKeySigner>().unwrap().address();
    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await.unwrap();
    for number in 0..=provider.get_block_number().await.unwrap() {
        let block = provider
            .get_block_by_number(number.into())
            .full()
            .await
            .unwrap()
            .unwrap();
        let receipts = provider
            .get_block_receipts(number.into())
            .await
            .unwrap()
            .unwrap_or_default();
        for (transaction, receipt) in block.transactions.txns().zip(receipts) {
            let (limit, used) = (transaction.gas_limit(), receipt.gas_used);
            // Deploying asks the node for its gas.
            let plain = transaction.input().is_empty() || receipt.from == deployer;
            assert!(
                plain || used * 10 <= limit * 9,
                "block {number}: {used} of {limit} gas for {}",
                transaction.input()
            );
        }
    }
}

fn family_plan(seed: u64) -> Plan {
    plan(seed, &Family::embedded().unwrap()).unwrap()
}

#[tokio::test]
async fn the_family_lands_once_with_every_event() {
    let (anvil, deployment) = chain().await;
    let plan = family_plan(1);
    let summary = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert!(!summary.already_loaded);
    assert_eq!(summary.transactions, plan.steps().count() as u64);
    assert_eq!(summary.events, plan.events().total());
    assert_same(plan.events(), &on_chain(&anvil, &deployment, &plan.economy).await);
    assert_gas_is_ample(&anvil).await;

    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await.unwrap();
    let registry = AssetRegistry::new(deployment.addresses.asset_registry, &provider);
    let family = Family::embedded().unwrap();
    let (_, id) = summary.examples.iter().find(|(slug, _)| slug == "mistral-7b").unwrap();
    let uri = registry.tokenURI(*id).call().await.unwrap();
    assert!(uri.contains("Mistral%207B"), "{uri}");
    assert_eq!(
        registry.assetCount().call().await.unwrap(),
        // And the mirror.
        U256::from(family.entries().len() + 1)
    );

    let block = provider.get_block_number().await.unwrap();
    let again = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert!(again.already_loaded);
    assert_eq!((again.transactions, again.events), (0, 0));
    assert_eq!(
        (again.assets, again.first_asset_id),
        (summary.assets, summary.first_asset_id)
    );
    assert_eq!(provider.get_block_number().await.unwrap(), block);
}

#[tokio::test]
async fn an_interrupted_load_goes_on_where_it_stopped_behind_other_assets() {
    let (anvil, deployment) = chain().await;
    let before = Synthetic::new(9, 300);
    load_all(&anvil, &deployment, &before.economy().clone(), before)
        .await
        .unwrap();

    let plan = family_plan(2);
    let part = plan.stages.len() / 2;
    let first = load_all(&anvil, &deployment, &plan.economy, plan.stages[..part].to_vec())
        .await
        .unwrap();
    let rest = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert!(first.first_asset_id > U256::ONE);
    assert_eq!(first.first_asset_id, rest.first_asset_id);
    assert!(first.transactions > 0 && rest.transactions > 0);
    assert_eq!(first.transactions + rest.transactions, plan.steps().count() as u64);
    assert_eq!(first.events + rest.events, plan.events().total());
}

#[tokio::test]
async fn a_synthetic_economy_lands_with_every_event() {
    let (anvil, deployment) = chain().await;
    let mut synthetic = Synthetic::on(&deployment, 3, 20_000);
    let economy = synthetic.economy().clone();
    let mut shown = 0;
    let summary = load(
        &anvil.ws_url(),
        &deployment,
        &economy,
        &mut synthetic,
        &Options::default(),
        &mut |progress| shown = progress.events,
    )
    .await
    .unwrap();
    assert!(summary.events >= 20_000);
    assert_eq!(summary.events, synthetic.made().total());
    assert_eq!(shown, summary.events);
    assert_same(synthetic.made(), &on_chain(&anvil, &deployment, &economy).await);
    assert!(synthetic.made().get(EventKind::ExecutionCompleted) > 0);
    assert_gas_is_ample(&anvil).await;
}

#[tokio::test]
async fn a_step_that_breaks_a_rule_is_named_with_the_contracts_reason() {
    let (anvil, deployment) = chain().await;
    let mut plan = family_plan(1);
    // Without licences, the first derivation between two owners is refused.
    plan.stages.retain(|stage| stage.name != "licences");
    let error = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, LoadError::Failed { .. }), "{text}");
    assert!(text.contains("lineage, generation 1"), "{text}");
    assert!(
        text.contains("UnknownLicense") || text.contains("LicenseNotHeld"),
        "{text}"
    );
}

#[tokio::test]
async fn another_chain_another_program_and_a_poor_funder_are_told_apart() {
    let (anvil, deployment) = chain().await;
    let plan = family_plan(1);
    let other = Deployment {
        chain_id: 5,
        ..deployment
    };
    let error = load_all(&anvil, &other, &plan.economy, plan.stages.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            LoadError::WrongChain {
                expected: 5,
                found: 31_337
            }
        ),
        "{error}"
    );

    let poor = Options {
        funder: alloy::primitives::B256::repeat_byte(7),
        ..Options::default()
    };
    let error = load(
        &anvil.http_url(),
        &deployment,
        &plan.economy,
        plan.stages.clone(),
        &poor,
        &mut |_| {},
    )
    .await
    .unwrap_err();
    assert!(matches!(error, LoadError::Funds { .. }), "{error}");

    let mut wrong = plan.clone();
    let derive = wrong.stages.iter_mut().flat_map(|stage| &mut stage.steps);
    let step = derive
        .into_iter()
        .find(|step| matches!(step.action, Action::Derive(_)))
        .unwrap();
    step.inherited_terms += 1;
    let error = load_all(&anvil, &deployment, &wrong.economy, wrong.stages.clone())
        .await
        .unwrap_err();
    assert!(matches!(error, LoadError::OtherEvents { .. }), "{error}");
}

/// Loads a small economy into a chain that makes blocks in its own way.
async fn load_into(mining: Mining) {
    let config = AnvilConfig {
        mining,
        ..AnvilConfig::default()
    };
    let anvil = Anvil::start(&config).await.unwrap();
    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await.unwrap();
    let miner = async {
        loop {
            provider.anvil_mine(None, None).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let deployment = tokio::select! {
        deployment = deploy_on(&anvil) => deployment,
        () = miner => unreachable!("it never ends"),
    };
    let synthetic = Synthetic::new(5, 2_000);
    let economy = synthetic.economy().clone();
    let summary = load_all(&anvil, &deployment, &economy, synthetic).await.unwrap();
    assert!(summary.events >= 2_000);
}

#[tokio::test]
async fn a_chain_that_mines_on_demand_or_by_the_clock_takes_an_economy_too() {
    load_into(Mining::OnDemand).await;
    load_into(Mining::EverySecs(1)).await;
}

#[tokio::test]
async fn an_aborted_load_leaves_a_chain_that_mines_and_the_next_one_ends_it() {
    let (anvil, deployment) = chain().await;
    let plan = family_plan(4);
    let mut aborted = 0;
    for millis in [150, 400, 700] {
        let limit = Duration::from_millis(millis);
        let load = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone());
        aborted += u32::from(tokio::time::timeout(limit, load).await.is_err());
        // Nothing else goes on here: whatever the abort left to do has its time.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let provider = ProviderBuilder::new().connect(&anvil.http_url()).await.unwrap();
        assert!(provider.anvil_get_auto_mine().await.unwrap());
    }
    assert!(aborted > 0, "the loads were too quick to abort");
    let summary = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert_eq!(summary.assets as usize, plan.assets());
    assert_same(plan.events(), &on_chain(&anvil, &deployment, &plan.economy).await);
}

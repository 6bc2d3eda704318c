//! What the family does with the contracts of the economy, on chains where that goes in other ways: roles in several hands or in
//! strangers', contracts that come later, a load that is interrupted for longer than a window.

use std::collections::HashMap;

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, U256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use souk_contracts::{
    Addresses, ContributionBook, DeployConfig, Deployment, DisputeCourt, ExecutionLog, Gateway, TaskBoard, deploy_with,
    dev,
};
use souk_devstack::{Anvil, AnvilConfig};

use super::{DEPLOYER_KEY, assert_same, family_plan, load_all, on_chain};
use crate::Plan;
use crate::action::Action;
use crate::events::EventKind;
use crate::work::Work;

/// A chain whose contracts were deployed with this configuration.
async fn chain_with(config: DeployConfig) -> (Anvil, Deployment) {
    let anvil = Anvil::start(&AnvilConfig::default()).await.unwrap();
    let deployer: PrivateKeySigner = DEPLOYER_KEY.parse().unwrap();
    let address = deployer.address();
    let provider = ProviderBuilder::new()
        .wallet(EthereumWallet::from(deployer))
        .connect(&anvil.http_url())
        .await
        .unwrap();
    let deployment = deploy_with(&provider, address, None, config).await.unwrap();
    (anvil, deployment)
}

/// As `souk up` deploys.
fn dev_config() -> DeployConfig {
    dev::vault_config(dev::OPERATOR, dev::COSIGNER, dev::FEE_ACCOUNT).into()
}

/// Stages of the plan before and from the first one with the contracts of the economy.
fn parted(plan: &Plan) -> (&[crate::Stage], &[crate::Stage]) {
    let works = |stage: &crate::Stage| stage.steps.iter().any(|step| matches!(step.action, Action::Work(_)));
    plan.stages.split_at(plan.stages.iter().position(works).unwrap())
}

/// Events of these stages.
fn events(plan: &Plan, stages: &[crate::Stage]) -> u64 {
    let steps = stages.iter().flat_map(|stage| &stage.steps);
    steps.map(|step| step.events(&plan.economy.terms).total()).sum()
}

#[tokio::test]
async fn judge_relayer_and_admin_of_a_dev_chain_do_their_part() {
    let (anvil, deployment) = chain_with(dev_config()).await;
    let plan = family_plan(3);
    let summary = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert_eq!(summary.events, plan.events().total());
    assert_same(plan.events(), &on_chain(&anvil, &deployment, &plan.economy).await);

    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await.unwrap();
    for officer in [dev::JUDGE, dev::RELAYER] {
        assert!(provider.get_transaction_count(officer).await.unwrap() > 0, "{officer}");
    }
    let again = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert!(again.already_loaded, "{again:?}");
}

#[tokio::test]
async fn every_end_that_the_demo_shows_is_on_the_chain() {
    let (anvil, deployment) = chain_with(dev_config()).await;
    let plan = family_plan(1);
    load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    let to = deployment.addresses;
    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await.unwrap();

    let log = ExecutionLog::new(to.execution_log.unwrap(), &provider);
    let mut states = HashMap::<u8, u64>::new();
    for id in 1..=log.executionCount().call().await.unwrap().to::<u64>() {
        *states
            .entry(log.executionOf(U256::from(id)).call().await.unwrap().state)
            .or_default() += 1;
    }
    // Open, completed, cancelled, challenged, refuted.
    assert_eq!(states[&1], 3, "{states:?}");
    assert!(states[&2] > 50, "{states:?}");
    assert_eq!((states[&3], states[&4], states[&5]), (1, 1, 1), "{states:?}");

    let board = TaskBoard::new(to.task_board.unwrap(), &provider);
    let (mut modes, mut closed) = (HashMap::<u8, u64>::new(), 0);
    for id in 1..=board.counts().call().await.unwrap().tasks.to::<u64>() {
        let task = board.taskOf(U256::from(id)).call().await.unwrap();
        *modes.entry(task.mode).or_default() += 1;
        closed += u64::from(task.closed);
        assert!(task.closed || task.accepted < task.places, "an open task has places");
    }
    assert_eq!(modes, HashMap::from([(0, 6), (1, 2), (2, 2)]));
    assert_eq!(closed, 4);

    let court = DisputeCourt::new(to.dispute_court.unwrap(), &provider);
    let mut cases = Vec::new();
    for id in 1..=court.disputeCount().call().await.unwrap().to::<u64>() {
        let dispute = court.disputeOf(U256::from(id)).call().await.unwrap();
        cases.push((dispute.state, dispute.upheld));
    }
    cases.sort_unstable();
    // Open is 1, resolved 3; of the resolved ones, one was upheld.
    assert_eq!(cases, [(1, false), (3, false), (3, false), (3, true)]);
    assert_bonds(
        &plan,
        court.bondsHeld().call().await.unwrap(),
        log.bondsHeld().call().await.unwrap(),
    );

    // The mirror is the asset behind the family's.
    let gateway = Gateway::new(to.gateway.unwrap(), &provider);
    let mirror = plan.steps().find_map(|step| match &step.action {
        Action::Work(Work::Mirror(mirror)) => Some(mirror.clone()),
        _ => None,
    });
    let mirror = mirror.unwrap();
    let announced = souk_contracts::announcement_id(
        mirror.origin_chain,
        mirror.origin_gateway,
        mirror.origin_registry,
        U256::from(mirror.origin_asset),
        deployment.chain_id,
    );
    let id = gateway.mirrorOf(announced).call().await.unwrap();
    assert_eq!(id, U256::from(plan.assets() + 1));
}

/// One dispute and one challenge wait for their end.
fn assert_bonds(plan: &Plan, court: U256, log: U256) {
    let bond = dev::economy_config(Address::ZERO, Address::ZERO, Address::ZERO, Address::ZERO).bond;
    assert_eq!((court, log), (bond, bond), "{}", plan.economy.edition);
}

#[tokio::test]
async fn contracts_that_come_later_get_the_rest_later() {
    let (anvil, deployment) = chain_with(dev_config()).await;
    let older = Deployment {
        addresses: Addresses {
            payout_distributor: None,
            task_board: None,
            execution_log: None,
            dispute_court: None,
            gateway: None,
            ..deployment.addresses
        },
        ..deployment
    };
    let plan = family_plan(5);
    let (before, behind) = parted(&plan);
    let first = load_all(&anvil, &older, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert_eq!(first.events, events(&plan, before));
    let again = load_all(&anvil, &older, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert!(again.already_loaded);

    let rest = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert_eq!(rest.events, events(&plan, behind));
    assert_same(plan.events(), &on_chain(&anvil, &deployment, &plan.economy).await);
}

#[tokio::test]
async fn strangers_in_office_leave_disputes_challenges_and_mirrors_to_themselves() {
    let stranger = Address::repeat_byte(0x77);
    let mut config = dev_config();
    (config.economy.judge, config.economy.relayer) = (stranger, stranger);
    let (anvil, deployment) = chain_with(config).await;
    let plan = family_plan(6);
    let summary = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    let found = on_chain(&anvil, &deployment, &plan.economy).await;
    let (planned, none) = (plan.events(), 0);
    assert_eq!(found[&EventKind::DisputeRaised], planned.get(EventKind::DisputeRaised));
    assert_eq!(
        (found[&EventKind::DisputeJudged], found[&EventKind::AssetMirrored]),
        (none, none)
    );
    // The one that was withdrawn.
    assert_eq!(found[&EventKind::DisputeResolved], 1);
    // The deployer decides those.
    assert_eq!(
        found[&EventKind::ChallengeResolved],
        planned.get(EventKind::ChallengeResolved)
    );
    assert_eq!(summary.events, found.values().sum::<u64>());
    let again = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert!(again.already_loaded);
}

#[tokio::test]
async fn a_load_that_goes_on_behind_a_window_leaves_out_what_came_too_late() {
    let (anvil, deployment) = chain_with(dev_config()).await;
    let plan = family_plan(7);
    let challenges = |stage: &crate::Stage| {
        let mut works = stage.steps.iter();
        works.any(|step| matches!(step.action, Action::Work(Work::Challenge(..))))
    };
    let part = plan.stages.iter().position(challenges).unwrap();
    load_all(&anvil, &deployment, &plan.economy, plan.stages[..part].to_vec())
        .await
        .unwrap();
    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await.unwrap();
    provider.anvil_increase_time(3_600).await.unwrap();
    load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();

    let found = on_chain(&anvil, &deployment, &plan.economy).await;
    let late = [EventKind::ExecutionChallenged, EventKind::ChallengeResolved];
    for kind in EventKind::ALL {
        let expected = if late.contains(kind) {
            0
        } else {
            plan.events().get(*kind)
        };
        // Bonds that were never taken or given back, and the contribution that nobody voided.
        let fewer = match kind {
            EventKind::DollarsTransferred => 5,
            EventKind::ContributionVoided => 1,
            _ => 0,
        };
        assert_eq!(found[kind], expected - fewer, "{kind:?}");
    }
    let again = load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    assert!(again.already_loaded);
}

#[tokio::test]
async fn what_came_of_an_execution_names_what_went_into_it_as_its_parents() {
    let (anvil, deployment) = chain_with(dev_config()).await;
    let plan = family_plan(8);
    load_all(&anvil, &deployment, &plan.economy, plan.stages.clone())
        .await
        .unwrap();
    let provider = ProviderBuilder::new().connect(&anvil.http_url()).await.unwrap();
    let log = deployment.addresses.execution_log.unwrap();
    let book = ContributionBook::new(deployment.addresses.contribution_book, &provider);
    let requests = ExecutionLog::new(log, &provider)
        .ExecutionRequested_filter()
        .from_block(0)
        .query()
        .await
        .unwrap();
    let requests: HashMap<U256, _> = requests
        .into_iter()
        .map(|(event, _)| (event.executionId, event))
        .collect();
    let completions = ExecutionLog::new(log, &provider)
        .ExecutionCompleted_filter()
        .from_block(0)
        .query()
        .await
        .unwrap();
    let declared = souk_contracts::AssetRegistry::new(deployment.addresses.asset_registry, &provider)
        .DerivationDeclared_filter()
        .from_block(0)
        .query()
        .await
        .unwrap();
    let parents = |child: U256| {
        let edges = declared.iter().filter(move |(event, _)| event.childId == child);
        edges.map(|(event, _)| event.parentId).collect::<Vec<_>>()
    };
    let mut outputs = 0;
    for (completion, _) in completions {
        let request = &requests[&completion.executionId];
        assert_eq!(completion.revenueId.is_zero(), request.fee.is_zero());
        if completion.outputAssetId.is_zero() {
            continue;
        }
        outputs += 1;
        let parents = parents(completion.outputAssetId);
        for used in request.datasetIds.iter().chain([&request.assetId]) {
            assert!(
                parents.contains(used),
                "{} does not name {used}",
                completion.outputAssetId
            );
        }
        let record = book.recordOf(completion.contributionId).call().await.unwrap();
        assert_eq!((record.assetId, record.recordedBy), (completion.outputAssetId, log));
    }
    assert!(outputs >= 20, "{outputs}");
}

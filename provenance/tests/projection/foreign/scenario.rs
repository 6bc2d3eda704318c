//! One of our assets with a derivative on Story, an attestation, an agent that is built on it and a datatoken of its data.

use std::collections::BTreeSet;

use souk_schema::{Address, TokenStandard};

use super::super::support::Stand;
use super::chain::{Chain, START};
use super::words::{self, *};
use super::{descendants, events_of, graph, texts};

const ERC721: TokenStandard = TokenStandard::Erc721;

/// The blocks of the story, from the first one on.
fn told() -> Chain {
    let ours = id(ERC721, ours()).to_string();
    let mut chain = Chain::new(watch_set());
    chain.append(vec![registered(1)]);
    chain.append(vec![
        ip(OUR_IP, REGISTRY, 1, "Our model"),
        ip(REMIX_IP, ELSEWHERE, 77, "Remix"),
        derivative(REMIX_IP, &[OUR_IP]),
        vault_opened(),
    ]);
    chain.append(vec![
        attested(OUR_IP, 1),
        attested(ALICE, 2),
        agent_registered(),
        agent_says("poweredBy", "not a relation's name"),
        agent_says("POWERED_BY", &ours),
    ]);
    chain.append(vec![
        data_nft(),
        data_nft_says("DERIVED_FROM", &ours),
        datatoken(),
        ordered(),
        file(12),
    ]);
    chain.append(vec![royalty(OUR_IP), claimed(), dispute(3), feedback(1), feedback(2)]);
    chain.append(vec![
        judged(3),
        resolved(3),
        attestation_revoked(OUR_IP, 1),
        feedback_revoked(1),
        agent_says("POWERED_BY", ""),
    ]);
    chain
}

fn lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    lines.into_iter().map(str::to_string).collect()
}

fn links() -> [String; 4] {
    let (ours, remix) = (id(ERC721, ours()), format!("eip155:31337/erc721:{ELSEWHERE:#x}/77"));
    let data = format!("eip155:31337/erc721:{DATA_NFT:#x}/1");
    [
        format!("{remix} DERIVED_FROM {ours}"),
        format!("{} POWERED_BY {ours}", id(ERC721, agent())),
        format!("{data} DERIVED_FROM {ours}"),
        format!("eip155:31337/erc20:{DATATOKEN:#x} DERIVED_FROM {data}"),
    ]
}

#[tokio::test]
async fn what_others_make_of_an_asset_is_in_its_lineage_and_events() {
    let stand = Stand::new().await;
    let chain = told();
    stand.append(&chain.records).await;
    stand.project(3).await.expect("projects");
    let (graph, _following) = graph(&stand).await;
    let asset = id(ERC721, ours());
    let [remix, agent, data, access] = links();

    assert_eq!(descendants(&graph, &asset, START), lines([]));
    assert_eq!(descendants(&graph, &asset, START + 1), lines([&*remix]));
    assert_eq!(descendants(&graph, &asset, START + 2), lines([&*remix, &agent]));
    let all = lines([&*remix, &agent, &data, &access]);
    assert_eq!(descendants(&graph, &asset, START + 3), all);
    // The agent says no more that it is built on the asset, and was nevertheless.
    assert_eq!(descendants(&graph, &asset, START + 5), lines([&*remix, &data, &access]));

    let expected = [
        "asset_registered",
        "foreign_asset_registered",
        "foreign_vault_opened",
        "attested",
        "foreign_payment_made",
        "foreign_vault_claimed",
        "foreign_dispute_raised",
        "foreign_dispute_judged",
        "foreign_dispute_closed",
        "attestation_revoked",
    ];
    assert_eq!(events_of(&stand, ours()).await, expected);
    let of_agent = [
        "foreign_asset_registered",
        "foreign_metadata_set",
        "foreign_metadata_set",
        "feedback_given",
        "feedback_given",
        "feedback_revoked",
        "foreign_metadata_set",
    ];
    assert_eq!(events_of(&stand, words::agent()).await, of_agent);
    assert_eq!(stand.count("select count(*) from souk.quarantine").await, 0);
}

#[tokio::test]
async fn things_have_kinds_names_and_what_they_stand_for() {
    let stand = Stand::new().await;
    stand.append(&told().records).await;
    stand.project(100).await.expect("projects");
    let query = "select kind || ' ' || name || ' ' || asset_id from souk.foreign_asset order by kind, name";
    let expected = [
        format!("0 Our model {}", id(ERC721, ours())),
        format!("0 Remix eip155:31337/erc721:{ELSEWHERE:#x}/77"),
        format!("1  {}", id(ERC721, agent())),
        format!("2 data eip155:31337/erc721:{DATA_NFT:#x}/1"),
        format!("3 access eip155:31337/erc20:{DATATOKEN:#x}"),
        format!("4  eip155:31337/vanafile:{VANA:#x}/12"),
    ];
    assert_eq!(texts(&stand, query).await, expected);
    let created = texts(
        &stand,
        "select standard from souk.contract order by valid_from, log_index",
    )
    .await;
    assert_eq!(created, ["story_vault", "ocean_data_nft", "ocean_datatoken"]);
    let query = "select coalesce(valid_to::text, 'open') from souk.attestation order by attestation_key";
    assert_eq!(texts(&stand, query).await, ["10", "open"]);
    let query = "select value || '/' || value_decimals || ' ' || coalesce(valid_to::text, 'open')
                 from souk.agent_feedback order by feedback_index";
    assert_eq!(texts(&stand, query).await, ["-125/1 10", "-125/1 open"]);
    let query = "select coalesce(valid_to::text, 'open') from souk.foreign_dispute";
    assert_eq!(texts(&stand, query).await, ["10"]);
    // Nothing of this is a derivation that a payout would follow.
    assert_eq!(stand.count("select count(*) from souk.derivation").await, 0);
}

/// What every event of metadata says of an agent's wallet, in order.
async fn wallets(stand: &Stand) -> Vec<String> {
    let query = "select coalesce(body ->> 'value', '') from souk.event where body ->> 'metadata_key' = 'agentWallet'
                 order by block_number, log_index, ordinal";
    texts(stand, query).await
}

/// Being registered moves the agent to its first owner, which ends nothing.
#[tokio::test]
async fn idx_1_a_transfer_ends_the_wallet_of_an_agent_and_its_reversal_gives_it_back() {
    let mut chain = Chain::new(watch_set());
    chain.append(vec![
        agent_registered(),
        agent_transferred(Address::ZERO, BOB),
        agent_says("agentWallet", "w"),
    ]);
    chain.append(vec![agent_transferred(BOB, ALICE)]);
    let stand = Stand::new().await;
    stand.append(&chain.records).await;
    stand.project(100).await.expect("projects");
    assert_eq!(wallets(&stand).await, ["0x77", "0x"]);
    let subjects = "select encode(subject_key, 'hex') from souk.event where body ->> 'metadata_key' = 'agentWallet'";
    let subjects = texts(&stand, subjects).await;
    assert_eq!(subjects[0], subjects[1], "both are the agent's");

    let told = chain.records.len();
    chain.revert(1);
    chain.append(vec![agent_says("name", "x")]);
    stand.append(&chain.records[told..]).await;
    stand.project(100).await.expect("projects");
    assert_eq!(wallets(&stand).await, ["0x77"]);
    let straight = Stand::new().await;
    straight.append(&chain.straight()).await;
    straight.project(100).await.expect("projects");
    assert_eq!(stand.hash().await, straight.hash().await);
}

/// A reorganisation takes back the agent and the datatoken, whose contract is watched no more, and something else happens.
#[tokio::test]
async fn idx_1_after_a_reorganisation_everything_is_as_if_only_the_other_blocks_had_been() {
    let mut chain = told();
    chain.revert(4);
    chain.append(vec![
        ordered(),
        attested(OUR_IP, 9),
        derivative(REMIX_IP, &[OUR_IP, ALICE]),
    ]);
    chain.append(vec![dispute(8), claimed(), agent_registered(), data_nft()]);
    chain.append(vec![
        judged(8),
        attestation_revoked(OUR_IP, 9),
        attestation_revoked(OUR_IP, 1),
    ]);

    let straight = Stand::new().await;
    straight.append(&chain.straight()).await;
    straight.project(100).await.expect("projects");
    let expected = straight.hash().await;
    for batch in [1, 2, 5, 100] {
        let stand = Stand::new().await;
        // The graph follows, so that it sees what is reverted.
        let before = chain.records.len() - 7;
        stand.append(&chain.records[..before]).await;
        stand.project(batch).await.expect("projects");
        let (graph, _following) = graph(&stand).await;
        stand.append(&chain.records[before..]).await;
        stand.project(batch).await.expect("projects");
        assert_eq!(stand.hash().await, expected, "in batches of {batch}");
        assert!(graph.wait_until(super::super::support::CHAIN, START + 4).await);

        let asset = id(ERC721, ours());
        let [remix, ..] = links();
        let nobody = format!("eip155:31337/storyip:{STORY:#x}/{ALICE:#x}");
        assert_eq!(descendants(&graph, &asset, START + 4), lines([&*remix]));
        let remix_of = graph.read().find(&nobody.parse().expect("a CAIP-19 id"));
        assert!(
            remix_of.is_some(),
            "an IP that was never seen registered is still a parent"
        );
        let events = events_of(&stand, ours()).await;
        assert_eq!(events.last().map(String::as_str), Some("attestation_revoked"));
        assert!(
            !events_of(&stand, ours())
                .await
                .contains(&"foreign_dispute_closed".to_string())
        );
        // The datatoken's contract was created by a block that is gone: its log means nothing.
        assert_eq!(
            stand
                .count("select count(*) from souk.event where name = 'datatoken_ordered'")
                .await,
            0
        );
    }
}

/// What cannot be true is in the quarantine with its reason, and stops nothing.
#[tokio::test]
async fn what_is_there_already_is_refused() {
    let stand = Stand::new().await;
    let mut chain = told();
    chain.append(vec![
        ip(OUR_IP, ELSEWHERE, 78, "Taken over"),
        attested(ALICE, 2),
        dispute(3),
        feedback(2),
        agent_registered(),
        file(13),
    ]);
    stand.append(&chain.records).await;
    stand.project(4).await.expect("projects");
    let reasons = texts(&stand, "select reason from souk.quarantine order by log_index").await;
    assert_eq!(reasons.len(), 5);
    assert!(
        reasons.iter().all(|reason| reason.ends_with("is there already")),
        "{reasons:?}"
    );
    let files = "select count(*) from souk.foreign_asset where kind = 4";
    assert_eq!(stand.count(files).await, 2);
}

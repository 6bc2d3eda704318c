//! What a stranger's logs and a broken stream can do: be refused, and nothing else.

use souk_provenance::project::ProjectError;
use souk_schema::record::ChainRecordBody;

use super::chain::Chain;
use super::oracle::assert_equals_oracle;
use super::support::Stand;
use super::world::Deed;

fn deed(kind: u8, a: u8, b: u8, c: u8) -> Deed {
    Deed { kind, a, b, c }
}

#[tokio::test]
async fn logs_that_cannot_be_true_or_kept_are_quarantined_and_stop_nothing() {
    let stand = Stand::new().await;
    let mut chain = Chain::new(1);
    chain.append(&[deed(0, 1, 1, 1), deed(0, 1, 1, 1), deed(0, 2, 1, 0), deed(1, 1, 1, 0)]);
    chain.append(&[deed(10, 1, 1, 1), deed(9, 1, 1, 1), deed(9, 1, 1, 1)]);
    chain.append(&[deed(10, 1, 1, 1), deed(10, 1, 1, 1), deed(9, 1, 1, 1)]);
    chain.append(&[deed(18, 1, 1, 5), deed(19, 1, 1, 1), deed(4, 0, 1, 3), deed(0, 3, 1, 2)]);
    stand.append(&chain.records).await;
    stand.project(1).await.expect("nothing stalls");
    assert_equals_oracle(&stand, &chain.blocks, "hostile logs").await;
    let reasons: Vec<(i64, i32, String)> =
        sqlx::query_as("select block_number, log_index, reason from souk.quarantine order by 1, 2")
            .fetch_all(&stand.pool)
            .await
            .expect("reads");
    let reasons: Vec<String> = reasons
        .into_iter()
        .map(|(block, log, reason)| format!("{block}/{log}: {reason}"))
        .collect();
    expect_test::expect![[r#"
        5/3: asset 1 is registered already
        5/5: `name` of asset_registered holds a NUL character, which cannot be kept
        5/7: version 4294967295 is beyond 2147483647, the highest that can be kept
        6/1: contribution 1 was never recorded
        6/5: contribution 1 is recorded already
        7/3: contribution 1 is void already
        7/5: contribution 1 is recorded already
        8/1: ABI decoding failed: buffer overrun while deserializing
        8/3: a transfer with 2 topics is none of erc20: is the contract configured as the right standard?
        8/5: `spdx_id` of license_terms_registered holds a NUL character, which cannot be kept
    "#]]
    .assert_eq(&(reasons.join("\n") + "\n"));
    assert_eq!(
        stand.count("select count(*) from souk.asset").await,
        2,
        "the honest asset after them is there"
    );
}

#[tokio::test]
async fn log_2_a_stream_with_duplicates_is_projected_once() {
    let stand = Stand::new().await;
    let mut chain = Chain::new(1);
    for number in 0..6 {
        chain.append(&[deed(15, number % 4, 0, 1)]);
    }
    let mut records = chain.records.clone();
    records.extend_from_slice(&chain.records[4..]);
    chain.append(&[deed(15, 1, 0, 2)]);
    records.extend_from_slice(&chain.records[7..]);
    stand.append(&records).await;
    stand.project(2).await.expect("skips what it has");
    assert_equals_oracle(&stand, &chain.blocks, "duplicates").await;
}

#[tokio::test]
async fn log_2_a_record_that_follows_from_nothing_stops_the_projection_and_says_so() {
    let stand = Stand::new().await;
    let mut chain = Chain::new(1);
    for _ in 0..3 {
        chain.append(&[deed(15, 1, 0, 1)]);
    }
    let mut records = chain.records.clone();
    if let ChainRecordBody::BlockAppended(block) = &mut records[3].body {
        block.parent_hash = souk_schema::B256::repeat_byte(9);
    }
    stand.append(&records).await;
    let error = stand
        .project(1)
        .await
        .expect_err("the third block follows from nothing");
    assert!(
        matches!(error, ProjectError::NotLinked { .. }) && !error.is_retryable(),
        "{error}"
    );
    assert!(error.to_string().contains("has parent 0x0909"), "{error}");
    chain.blocks.pop();
    assert_equals_oracle(&stand, &chain.blocks, "what came before the fault").await;
}

//! What views say of two tables together: mirrors and announcements, privacy, and whose shares are.

use souk_schema::{Address, TokenRef, U256};
use sqlx::AssertSqlSafe;

use super::chain::{Chain, START};
use super::support::{CHAIN, Stand};
use super::world::{Deed, REGISTRY, SHARES, VAULT};

fn deed(kind: u8, a: u8, b: u8, c: u8) -> Deed {
    Deed { kind, a, b, c }
}

async fn projected(blocks: &[&[Deed]]) -> Stand {
    let stand = Stand::new().await;
    let mut chain = Chain::new(1);
    for deeds in blocks {
        chain.append(deeds);
    }
    stand.append(&chain.records).await;
    stand.project(2).await.expect("projects");
    stand
}

/// Each chain's tables say what its own stream says; whoever has both sides sees whether a mirror is confirmed.
#[tokio::test]
async fn a_mirror_is_confirmed_once_the_very_announcement_is_final_on_its_own_chain() {
    let stand = projected(&[]).await;
    sqlx::raw_sql(
        "insert into souk.mirror values
             (31337, '\\x01', '\\xaa', '\\x11', 10, '\\x22', '\\x33', '\\xcc', '\\x44', 7, null, 0);
         insert into souk.projection (chain_id, stream, generation, next_sequence, start_block, genesis_hash, watch_set,
                                      decoder_version, finalized_number)
         values (10, 'chain.10', 1, 1, 0, '', '[]', 2, 4);",
    )
    .execute(&stand.pool)
    .await
    .expect("inserts");
    let confirmed = async || {
        let row: (bool, Option<i64>) =
            sqlx::query_as("select confirmed, announced_at from souk.mirror_confirmation where mirror_key = '\\x11'")
                .fetch_one(&stand.pool)
                .await
                .expect("asks");
        row
    };
    let run = async |statement: &str| {
        sqlx::raw_sql(AssertSqlSafe(statement.to_string()))
            .execute(&stand.pool)
            .await
            .expect("runs");
    };
    assert_eq!(confirmed().await, (false, None), "nothing was announced");
    for (gateway, asset, target, content) in [
        ("ee", "22", 31_337, "cc"),
        ("33", "ee", 31_337, "cc"),
        ("33", "22", 1, "cc"),
        ("33", "22", 31_337, "ee"),
    ] {
        run(&format!(
            "insert into souk.announcement values
                 (10, '\\x{gateway}', '\\xaa', '\\x{asset}', {target}, '\\x{content}', 1, null,
                  (select count(*) from souk.announcement))"
        ))
        .await;
        assert_eq!(
            confirmed().await,
            (false, None),
            "another announcement: {gateway} {asset} {target} {content}"
        );
    }
    run("insert into souk.announcement values (10, '\\x33', '\\xaa', '\\x22', 31337, '\\xcc', 5, null, 0)").await;
    assert_eq!(confirmed().await, (false, Some(5)), "seen, not final");
    run("update souk.projection set finalized_number = 5 where chain_id = 10").await;
    assert_eq!(confirmed().await, (true, Some(5)));
    run("delete from souk.announcement where valid_from = 5").await;
    assert_eq!(confirmed().await, (false, None), "taken back with its block");
}

/// What was used of a dataset's budget as of a block.
async fn budget(stand: &Stand, dataset: u64, block: u64) -> u64 {
    let key = TokenRef::new(REGISTRY, U256::from(dataset)).key();
    let used: Option<String> = sqlx::query_scalar(
        "select sum(epsilon_micros)::text from souk.privacy_charge where chain_id = $1 and dataset_key = $2
             and valid_from <= $3 and (valid_to is null or $3 < valid_to)",
    )
    .bind(CHAIN.0.cast_signed())
    .bind(key.as_bytes())
    .bind(block.cast_signed())
    .fetch_one(&stand.pool)
    .await
    .expect("sums");
    used.map_or(0, |used| used.parse().expect("a number"))
}

#[tokio::test]
async fn privacy_is_charged_by_what_was_done_and_given_back_where_it_was_not() {
    let one = u64::MAX >> 45;
    let stand = projected(&[
        // Execution 0 of asset 1 with datasets 1 and 2; execution 1 alike.
        &[deed(27, 0, 1, 5), deed(27, 1, 1, 5)],
        // The first is done, the second cancelled.
        &[deed(28, 0, 0, 0), deed(29, 1, 0, 0)],
        // A round with two updates from dataset 2, each charge 4.
        &[deed(32, 0, 1, 4), deed(33, 0, 1, 2), deed(33, 0, 2, 2)],
        &[deed(34, 0, 0, 1)],
        // The execution was not what its provider said.
        &[deed(30, 0, 0, 1)],
        &[deed(31, 0, 0, 1)],
    ])
    .await;
    let mut used = Vec::new();
    for block in START..START + 6 {
        used.push((budget(&stand, 1, block).await, budget(&stand, 2, block).await));
    }
    let expected = [(0, 0), (one, one), (one, one), (one, one + 4), (one, one + 4), (0, 4)];
    assert_eq!(used, expected);
}

#[tokio::test]
async fn what_the_vault_holds_is_its_accounts() {
    let stand = projected(&[
        &[deed(43, 0, 1, 0), deed(42, 1, 0, 0)],
        // Account 2 deposits 5 shares of asset 0 and sells 2 to account 3.
        &[deed(44, 0, 2, 5)],
        &[deed(46, 1, 3, 2)],
    ])
    .await;
    // To the shares' contract the vault holds them; account 3 has some of its own.
    let shares = TokenRef::new(SHARES, U256::ZERO).key();
    for holder in [VAULT, Address::repeat_byte(3)] {
        sqlx::query("insert into souk.balance values ($1, $2, $3, 5, $4, null, 9)")
            .bind(CHAIN.0.cast_signed())
            .bind(shares.as_bytes())
            .bind(holder.as_slice())
            .bind(START.cast_signed())
            .execute(&stand.pool)
            .await
            .expect("inserts");
    }
    let held = async |block: u64| {
        let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(
            "select account, sum(amount)::bigint from souk.beneficial_balance
             where token_key = $1 and valid_from <= $2 and (valid_to is null or $2 < valid_to) group by 1 order by 1",
        )
        .bind(shares.as_bytes())
        .bind(block.cast_signed())
        .fetch_all(&stand.pool)
        .await
        .expect("asks");
        rows.into_iter()
            .map(|(account, amount)| (account[0], amount))
            .collect::<Vec<_>>()
    };
    assert_eq!(held(START + 1).await, [(2, 5), (3, 5)]);
    assert_eq!(held(START + 2).await, [(2, 3), (3, 7)]);
}

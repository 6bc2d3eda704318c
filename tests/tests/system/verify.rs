//! `souk verify`: exits 0 on what is true, and names the difference when a row is tampered with.

use anyhow::Result;
use sqlx::Executor;

use crate::activity::Activity;
use crate::world::{Backend, World, run};

#[tokio::test]
async fn log_1_verify_tells_true_tables_and_logs_from_tampered_ones() -> Result<()> {
    let world = World::start(Backend::Embedded).await?;
    let souk = world.souk("verified").await?;
    Activity::start(&world, 600).finished().await?;
    let pool = world.pool().await?;
    let hash = world.settled_hash(&pool).await?;
    let dir = world.data_dir("verified").display().to_string();
    let verify = async |what: &'static str| run(&["verify", what, "--data-dir", &dir]).await;

    for what in ["state", "chain"] {
        let answer = verify(what).await?;
        assert_eq!(answer.code, 0, "verify {what}: {answer:?}");
        assert!(answer.out.contains("chain 31337"), "{answer:?}");
    }

    pool.execute("update souk.balance set amount = amount + 1 where ctid = (select min(ctid) from souk.balance)")
        .await?;
    let answer = verify("state").await?;
    assert_ne!(answer.code, 0);
    assert!(
        answer
            .out
            .contains("balance: 1 rows only in the table, 1 only in the log"),
        "{answer:?}"
    );

    // A replay makes the tables true again.
    let answer = run(&["replay", "--data-dir", &dir]).await?;
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(verify("state").await?.code, 0);
    assert_eq!(
        world.settled_hash(&pool).await?,
        hash,
        "LOG-1: the same hash after everything derived was dropped"
    );

    // A log that says of a block what the node does not.
    let forged = "update log.record set payload = set_byte(payload, length(payload) / 2, get_byte(payload, length(payload) / 2) # 255)
                  where (stream_id, sequence) = (select stream_id, sequence from log.record order by length(payload) desc limit 1)";
    pool.execute(forged).await?;
    let answer = verify("chain").await?;
    assert_ne!(answer.code, 0, "{answer:?}");
    assert!((answer.out + &answer.err).contains("block"), "the difference is named");
    souk.stop().await
}

//! Tries to lose a private cluster: kills, leftovers, closed folders.

use super::*;
use crate::place::throw_away;

async fn count(postgres: &Postgres) -> String {
    postgres
        .psql("SELECT count(*) FROM kept")
        .await
        .expect("the table is there")
        .trim()
        .to_owned()
}

#[tokio::test]
async fn committed_rows_survive_kill9_at_the_same_address() {
    let mut postgres = Postgres::start(&PostgresConfig::throw_away()).await.expect("starts");
    let url = postgres.url("postgres");
    postgres
        .psql("CREATE TABLE kept AS SELECT generate_series(1, 1000)")
        .await
        .expect("writes");
    for _ in 0..3 {
        postgres.kill9().await;
        assert!(!postgres.is_running());
        assert!(
            running_in(&postgres.data, "postgres").is_empty(),
            "a forked process outlived kill9"
        );
        postgres.restart().await.expect("recovers");
        assert_eq!(count(&postgres).await, "1000");
    }
    assert_eq!(postgres.url("postgres"), url);
}

#[tokio::test]
async fn a_forked_process_that_outlived_its_server_does_not_meet_the_next() {
    let mut postgres = Postgres::start(&PostgresConfig::throw_away()).await.expect("starts");
    postgres
        .psql("CREATE TABLE kept AS SELECT generate_series(1, 10)")
        .await
        .expect("writes");
    let before = running_in(&postgres.data, "postgres");
    assert!(before.len() > 1, "the server forks");
    let stuck = *before
        .iter()
        .find(|pid| pid.as_raw().cast_unsigned() != postgres.pid())
        .expect("a forked process");
    // Stopped, it cannot notice that its server is gone.
    kill(stuck, Signal::SIGSTOP).expect("ours");
    postgres.process.kill9().await;
    assert!(running_in(&postgres.data, "postgres").contains(&stuck));
    postgres.restart().await.expect("starts beside nobody");
    assert!(!running_in(&postgres.data, "postgres").contains(&stuck));
    assert_eq!(count(&postgres).await, "10");
}

#[tokio::test]
async fn a_stale_pid_file_that_names_a_stranger_does_not_stop_a_start() {
    let mut postgres = Postgres::start(&PostgresConfig::throw_away()).await.expect("starts");
    postgres.kill9().await;
    let pid_file = postgres.data.join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).expect("kill -9 leaves it");
    let stranger = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .map(Stranger)
        .expect("starts");
    fs::write(
        &pid_file,
        text.replacen(&postgres.pid().to_string(), &stranger.0.id().to_string(), 1),
    )
    .expect("written");
    postgres.restart().await.expect("starts");
    assert!(postgres.is_running());
}

struct Stranger(std::process::Child);

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_folder_serves_one_process_at_a_time_and_keeps_its_data() {
    let dir = throw_away().expect("a folder");
    let config = PostgresConfig {
        fsync: false,
        ..PostgresConfig::kept(dir.path())
    };
    let first = Postgres::start(&config).await.expect("starts");
    assert!(matches!(Postgres::start(&config).await, Err(Error::Busy(_))));
    first
        .psql("CREATE TABLE kept AS SELECT generate_series(1, 7)")
        .await
        .expect("writes");
    first.stop().await;
    assert!(!first.is_running());
    drop(first);
    let second = Postgres::start(&config).await.expect("starts again");
    assert_eq!(count(&second).await, "7");
}

#[tokio::test]
async fn databases_are_made_once_and_only_under_plain_names() {
    let postgres = Postgres::start(&PostgresConfig::throw_away()).await.expect("starts");
    let url = postgres.create_database("market_1").await.expect("made");
    assert_eq!(postgres.create_database("market_1").await.expect("known"), url);
    let found = postgres
        .psql("SELECT count(*) FROM pg_database WHERE datname = 'market_1'")
        .await
        .expect("asked");
    assert_eq!(found.trim(), "1");
    for name in ["", "a\"; DROP", "Größe", "UPPER", &"x".repeat(64)] {
        assert!(
            matches!(postgres.create_database(name).await, Err(Error::Invalid(_))),
            "{name:?} was taken"
        );
    }
}

#[tokio::test]
async fn a_closed_or_deep_folder_is_no_obstacle_and_its_removal_removes_the_data() {
    let closed = tempfile::tempdir().expect("a folder that only its owner may enter");
    let dir = closed.path().join("deep".repeat(20)).join("postgres");
    let config = PostgresConfig {
        fsync: false,
        ..PostgresConfig::kept(&dir)
    };
    let first = Postgres::start(&config).await.expect("starts");
    first
        .psql("CREATE TABLE kept AS SELECT generate_series(1, 3)")
        .await
        .expect("writes");
    let url = first.url("postgres");
    assert!(
        url.len() < 107 + "postgres://souk@localhost:5432/postgres?host=".len(),
        "too long for a socket: {url}"
    );
    drop(first);
    let again = Postgres::start(&config).await.expect("starts again");
    assert_eq!(count(&again).await, "3");
    drop(again);

    fs::remove_dir_all(&dir).expect("removed");
    let fresh = Postgres::start(&config).await.expect("starts anew");
    assert!(
        fresh.psql("SELECT count(*) FROM kept").await.is_err(),
        "the data outlived its folder"
    );
    let data = fresh.data.clone();
    drop(fresh);
    if !data.starts_with(closed.path()) {
        fs::remove_dir_all(data.parent().expect("a home")).expect("removed");
    }
}

#[tokio::test]
async fn those_who_share_a_server_have_a_database_each() {
    let one = Postgres::shared().await.expect("starts");
    let other = Postgres::shared().await.expect("is there");
    assert!(std::sync::Arc::ptr_eq(&one, &other));
    let (mine, yours) = (one.fresh_database().await, other.fresh_database().await);
    assert_ne!(mine.expect("made"), yours.expect("made"));
    let folder = one.data.clone();
    drop(one);
    assert!(folder.exists(), "somebody still holds it");
    drop(other);
    assert!(!folder.exists(), "nobody holds it any more");
}

//! Documents kept up with a chain: fetched once, kept in the log, and made again of it alone.

use souk_observations::Policy;
use souk_observations::store::Counts;
use souk_schema::observation::{
    Document, Failure, FailureKind, Observation, Outcome, Subject, SubjectKind, Verification, Wanted,
};
use souk_schema::{B256, TokenRef, U256, keccak256};

use crate::chain::{AGENTS, CHAIN, Chain, Deed, REGISTRY};
use crate::server::{Reply, Server};
use crate::support::{Stand, policy};

fn text(name: &str) -> String {
    format!(r#"{{"name":"{name}","license":"MIT"}}"#)
}

fn register(server: &Server, asset: u64) -> Deed {
    let name = format!("n{asset}");
    let url = server.document(&format!("/{asset}"), &text(&name));
    Deed::Register(asset, url, keccak256(text(&name)))
}

fn fetched(fetched: i64) -> Counts {
    Counts {
        fetched,
        ..Counts::default()
    }
}

fn wanted(asset: u64, uri: &str, commitment: B256) -> Wanted {
    Wanted {
        subject: Subject {
            chain: CHAIN,
            kind: SubjectKind::Asset,
            key: TokenRef::new(REGISTRY, U256::from(asset)),
        },
        uri: uri.into(),
        commitment: Some(commitment),
    }
}

#[tokio::test]
async fn every_outcome_is_recorded_and_replay_asks_nobody() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    let html = server.reply("/html", Reply::Document(b"<html>".to_vec()));
    let inline = format!("data:application/json,{}", text("inline"));
    chain.block(&[
        register(&server, 1),
        Deed::Register(2, server.document("/false", &text("false")), B256::repeat_byte(7)),
        Deed::Register(3, html, B256::repeat_byte(7)),
        Deed::Register(4, inline, keccak256(text("inline"))),
        Deed::Register(5, String::new(), B256::ZERO),
        Deed::Register(6, "ar://somewhere".into(), B256::ZERO),
    ]);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    let outcome = Counts {
        fetched: 2,
        mismatched: 1,
        failed: 2,
        ..Counts::default()
    };
    stand.reach(outcome).await;
    observer.stop().await;
    assert_eq!(stand.end().await, 5);
    assert_eq!(server.asked_in_all(), 3);
    let verified = stand
        .observations()
        .await
        .into_iter()
        .filter_map(|found| match found.outcome {
            Outcome::Document(document) if document.verification.is_match() => Some(document.content),
            _ => None,
        });
    let mut verified: Vec<_> = verified.collect();
    verified.sort();
    assert_eq!(verified, [text("inline"), text("n1")].map(|text| text.into_bytes()));
    let names: Vec<(String, String)> =
        sqlx::query_as("select name, licence from observations.found where name is not null order by name")
            .fetch_all(&stand.pool)
            .await
            .expect("reads");
    let expected = ["false", "inline", "n1"].map(|name| (name.to_string(), "MIT".to_string()));
    assert_eq!(names, expected);

    // LOG-1: everything derived is dropped and made again of the log.
    let before = stand.found().await;
    stand.execute("drop schema observations cascade").await;
    let observer = stand.observe(policy());
    stand.reach(outcome).await;
    observer.stop().await;
    assert_eq!(stand.found().await, before);
    assert_eq!(server.asked_in_all(), 3, "nobody was asked again");
    assert_eq!(stand.end().await, 5, "nothing was appended");
}

/// A failure that may heal, recorded after the last try of the day.
fn timed_out(wanted: Wanted, observed_at_ms: u64) -> Observation {
    Observation {
        wanted,
        observed_at_ms,
        tries: 8,
        outcome: Outcome::Failed(Failure {
            kind: FailureKind::TimedOut,
            detail: "it took too long".into(),
            fingerprint: None,
        }),
    }
}

/// Whoever searches the tables may look before what was found is written, and want it after that.
#[tokio::test]
async fn what_was_found_while_it_was_being_wanted_is_not_fetched_again() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    let html = server.reply("/html", Reply::Document(b"<html>".to_vec()));
    chain.block(&[
        register(&server, 1),
        Deed::Register(2, html.clone(), B256::repeat_byte(7)),
    ]);
    // One that failed in a way that may heal is looked for another day.
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let late = server.reply("/late", Reply::Status(503, None));
    let failed = timed_out(wanted(3, &late, B256::repeat_byte(3)), now.as_millis() as u64);
    stand.append(&failed).await;
    chain.block(&[Deed::Register(3, late, B256::repeat_byte(3))]);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    let found = Counts {
        fetched: 1,
        failed: 2,
        ..Counts::default()
    };
    stand.reach(found).await;
    observer.stop().await;
    let asked = server.asked_in_all();
    stand
        .execute("update observations.wanted set is_settled = false, not_before = now()")
        .await;
    chain.block(&[register(&server, 4)]);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    stand.reach(Counts { fetched: 2, ..found }).await;
    observer.stop().await;
    assert_eq!(server.asked_in_all(), asked + 1, "only what is new");
    assert_eq!(server.asked("/late"), 0);
}

#[tokio::test]
async fn a_new_version_is_fetched_and_the_old_one_stays() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    chain.block(&[register(&server, 1)]);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    stand.reach(fetched(1)).await;
    let second = server.document("/1-2", &text("second"));
    chain.block(&[Deed::Version(1, 2, second, keccak256(text("second")))]);
    stand.index(&mut chain).await;
    stand.reach(fetched(2)).await;
    // The same document under another commitment is another question.
    let url = server.document("/1", &text("n1"));
    chain.block(&[Deed::Version(1, 3, url, B256::repeat_byte(1))]);
    stand.index(&mut chain).await;
    let last = Counts {
        fetched: 2,
        mismatched: 1,
        ..Counts::default()
    };
    stand.reach(last).await;
    observer.stop().await;
    assert_eq!((server.asked("/1"), server.asked("/1-2")), (2, 1));
}

#[tokio::test]
async fn what_a_reorganisation_drops_stays_found() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    chain.block(&[register(&server, 1)]);
    chain.block(&[register(&server, 2)]);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    stand.reach(fetched(2)).await;
    let before = stand.found().await;
    // Another block in its place names another asset; then the first comes back in a later one.
    chain.revert();
    chain.block(&[register(&server, 3)]);
    stand.index(&mut chain).await;
    stand.reach(fetched(3)).await;
    chain.block(&[register(&server, 2)]);
    chain.block(&[register(&server, 4)]);
    stand.index(&mut chain).await;
    stand.reach(fetched(4)).await;
    observer.stop().await;
    assert_eq!(server.asked("/2"), 1, "it is not fetched again");
    let after = stand.found().await;
    assert!(before.lines().all(|row| after.contains(row)), "{before}\n\n{after}");
}

/// The process ended after the append and before the tables knew: the log knows.
#[tokio::test]
async fn what_was_appended_before_a_crash_is_not_fetched_again() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    chain.block(&[register(&server, 1)]);
    stand.index(&mut chain).await;
    let uri = format!("http://{}/1", server.address);
    let content = text("n1").into_bytes();
    let fingerprint = souk_observations::verify::fingerprint(&content);
    stand
        .append(&Observation {
            wanted: wanted(1, &uri, fingerprint.keccak256),
            observed_at_ms: 7,
            tries: 1,
            outcome: Outcome::Document(Document {
                content: content.into(),
                fingerprint,
                verification: Verification::Keccak256,
            }),
        })
        .await;
    let observer = stand.observe(policy());
    stand.reach(fetched(1)).await;
    // What is wanted after it is fetched, so the observer had its chance to fetch the first.
    chain.block(&[register(&server, 2)]);
    stand.index(&mut chain).await;
    stand.reach(fetched(2)).await;
    observer.stop().await;
    assert_eq!((server.asked("/1"), server.asked("/2"), stand.end().await), (0, 1, 2));
}

#[tokio::test]
async fn an_observer_that_is_killed_loses_nothing() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    let deeds: Vec<Deed> = (1..=40).map(|asset| register(&server, asset)).collect();
    chain.block(&deeds);
    stand.index(&mut chain).await;
    for _ in 0..3 {
        let before = stand.end().await;
        let observer = stand.observe(policy());
        stand
            .until(
                async || stand.end().await > before,
                async || stand.end().await.to_string(),
            )
            .await;
        observer.kill().await;
        // A dead process holds nothing for long; here, not at all.
        stand
            .execute("update observations.wanted set leased_until = null")
            .await;
    }
    let observer = stand.observe(policy());
    stand.reach(fetched(40)).await;
    observer.stop().await;
    let mut keys: Vec<B256> = stand
        .observations()
        .await
        .iter()
        .map(|found| found.wanted.key())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 40);
}

#[tokio::test]
async fn two_observers_share_the_work_and_do_no_harm() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    let deeds: Vec<Deed> = (1..=60).map(|asset| register(&server, asset)).collect();
    chain.block(&deeds);
    stand.index(&mut chain).await;
    let both = [stand.observe(policy()), stand.observe(policy())];
    stand.reach(fetched(60)).await;
    assert_eq!((server.asked_in_all(), stand.end().await), (60, 60));
    // Every record once more, as a writer appends that never heard of its success; a failure that comes late changes nothing either.
    let before = stand.found().await;
    for observation in stand.observations().await {
        stand.append(&observation).await;
        let mut late = observation.clone();
        late.outcome = Outcome::Failed(Failure {
            kind: FailureKind::Unreachable,
            detail: "the other observer had no network".into(),
            fingerprint: None,
        });
        stand.append(&late).await;
    }
    let store = stand.store().await;
    stand
        .until(
            async || store.position().await.expect("reads") == 180,
            async || String::new(),
        )
        .await;
    for observer in both {
        observer.stop().await;
    }
    assert_eq!(stand.found().await, before);
}

#[tokio::test]
async fn what_heals_is_found_in_the_end() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    let url = server.reply("/heals", Reply::Recovers(1, text("healed").into_bytes()));
    chain.block(&[Deed::Register(1, url.clone(), keccak256(text("healed")))]);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    stand
        .until(async || server.asked("/heals") == 1, async || String::new())
        .await;
    stand
        .until(async || stand.problem().await.is_some(), async || String::new())
        .await;
    assert_eq!(
        stand.problem().await.as_deref(),
        Some("the server answers 503 Service Unavailable")
    );
    stand.execute("update observations.wanted set not_before = now()").await;
    stand.reach(fetched(1)).await;
    observer.stop().await;
    assert_eq!(stand.observations().await[0].tries, 2);
    // A failure that was recorded and may heal is looked for again another day.
    let failed = timed_out(wanted(1, &url, B256::repeat_byte(3)), 1_000);
    stand.append(&failed).await;
    chain.block(&[Deed::Version(1, 2, url, B256::repeat_byte(3))]);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    let healed = Counts {
        fetched: 1,
        mismatched: 1,
        ..Counts::default()
    };
    stand.reach(healed).await;
    observer.stop().await;
    assert_eq!(server.asked("/heals"), 3);
}

#[tokio::test]
async fn what_is_withheld_waits_for_other_settings() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    chain.block(&[register(&server, 1)]);
    stand.index(&mut chain).await;
    let careful = Policy {
        allows_http: false,
        ..policy()
    };
    let observer = stand.observe(careful);
    let withheld = Counts {
        withheld: 1,
        ..Counts::default()
    };
    stand.reach(withheld).await;
    observer.stop().await;
    assert_eq!((server.asked_in_all(), stand.end().await), (0, 0));
    let observer = stand.observe(policy());
    stand.reach(fetched(1)).await;
    observer.stop().await;
}

#[tokio::test]
async fn a_slow_host_keeps_nobody_else_waiting() {
    let (stand, server, slow) = (Stand::new().await, Server::start().await, Server::start().await);
    let mut chain = Chain::new();
    let stuck = (100..140).map(|asset| {
        let url = slow.reply(&format!("/{asset}"), Reply::Drips);
        // Two hosts, as far as anyone can tell.
        Deed::Register(asset, url.replace("127.0.0.1", "localhost"), B256::ZERO)
    });
    let mut deeds: Vec<Deed> = stuck.collect();
    deeds.extend((1..=10).map(|asset| register(&server, asset)));
    chain.block(&deeds);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    let quick = Counts {
        fetched: 10,
        waiting: 40,
        ..Counts::default()
    };
    stand.reach(quick).await;
    assert!(slow.asked_in_all() <= policy().at_once_per_host);
    observer.stop().await;
}

#[tokio::test]
async fn agents_have_documents_too() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    let first = server.document("/agent", &text("agent"));
    let moved = server.document("/moved", &text("moved"));
    chain.block(&[Deed::Agent(7, first), Deed::AgentMoved(7, moved)]);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    stand.reach(fetched(2)).await;
    observer.stop().await;
    let key = TokenRef::new(AGENTS, U256::from(7));
    for found in stand.observations().await {
        assert_eq!(
            (found.wanted.subject.kind, found.wanted.subject.key),
            (SubjectKind::Thing, key)
        );
    }
}

#[tokio::test]
async fn another_log_has_other_observations() {
    let (stand, server) = (Stand::new().await, Server::start().await);
    let mut chain = Chain::new();
    chain.block(&[register(&server, 1)]);
    stand.index(&mut chain).await;
    let observer = stand.observe(policy());
    stand.reach(fetched(1)).await;
    observer.stop().await;
    // The tables outlive the log that they were made of.
    stand.execute("truncate log.record, log.stream").await;
    let observer = stand.observe(policy());
    stand.appended(1).await;
    stand.reach(fetched(1)).await;
    observer.stop().await;
    assert_eq!(server.asked("/1"), 2);
}

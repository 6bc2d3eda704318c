//! One try each, against a server that misbehaves.

use std::time::Duration;

use souk_observations::address::Reach;
use souk_observations::attempt::{Attempt, attempt};
use souk_observations::fetch::{Fetcher, Policy};
use souk_observations::{Nodes, retry};
use souk_schema::observation::{Document, Failure, FailureKind, Outcome, Subject, SubjectKind, Verification, Wanted};
use souk_schema::{Address, B256, ChainId, TokenRef, keccak256};
use tokio::net::TcpListener;
use url::Url;

use crate::server::{Reply, Server, gzip};

const MAX_BYTES: usize = 20_000;
const DOCUMENT: &str = r#"{"name":"Zephyr","description":"A wind."}"#;

fn policy() -> Policy {
    Policy {
        allows_http: true,
        reach: Reach::PublicAndLoopback,
        max_bytes: MAX_BYTES,
        // For a machine that does much else at the same time; what is late is late by more.
        timeout: Duration::from_secs(20),
        ..Policy::default()
    }
}

fn wanted(uri: &str, commitment: Option<B256>) -> Wanted {
    Wanted {
        subject: Subject {
            chain: ChainId(1),
            kind: SubjectKind::Asset,
            key: TokenRef::new(Address::repeat_byte(1), souk_schema::U256::ONE),
        },
        uri: uri.into(),
        commitment,
    }
}

async fn tried(policy: Policy, uri: &str, commitment: Option<B256>) -> Attempt {
    let fetcher = Fetcher::new(policy).expect("a client");
    attempt(&fetcher, &Nodes::default(), &wanted(uri, commitment), 1).await
}

async fn document(uri: &str, commitment: Option<B256>) -> Document {
    match tried(policy(), uri, commitment).await {
        Attempt::Observed(Outcome::Document(document)) => document,
        other => panic!("{uri}: {other:?}"),
    }
}

/// A failure that is recorded at the first try.
async fn for_good(policy: Policy, uri: &str) -> Failure {
    match tried(policy, uri, None).await {
        Attempt::Observed(Outcome::Failed(failure)) => failure,
        other => panic!("{uri}: {other:?}"),
    }
}

/// A failure that is tried again.
async fn for_now(policy: Policy, uri: &str) -> (FailureKind, Duration) {
    match tried(policy, uri, None).await {
        Attempt::Again { failure, wait } => (failure.kind, wait),
        other => panic!("{uri}: {other:?}"),
    }
}

#[tokio::test]
async fn a_document_is_checked_against_the_chain() {
    let server = Server::start().await;
    let url = server.document("/zephyr.json", DOCUMENT);
    let found = document(&url, Some(keccak256(DOCUMENT))).await;
    assert_eq!(&found.content[..], DOCUMENT.as_bytes());
    assert_eq!(found.verification, Verification::Keccak256);
    assert_eq!(found.fingerprint.length, DOCUMENT.len() as u64);
    assert_eq!(
        document(&url, Some(found.fingerprint.sha256)).await.verification,
        Verification::Sha256
    );
    assert_eq!(
        document(&url, Some(B256::repeat_byte(9))).await.verification,
        Verification::Mismatch
    );
    assert_eq!(document(&url, None).await.verification, Verification::NoCommitment);
}

#[tokio::test]
async fn a_huge_document_is_not_read_to_its_end() {
    let server = Server::start().await;
    for (path, reply) in [
        ("/declared", Reply::Promises(1 << 40)),
        ("/endless", Reply::Endless),
        ("/bomb", Reply::Bomb(4 << 20)),
        ("/large", Reply::Document(vec![b' '; MAX_BYTES + 1])),
    ] {
        let failure = for_good(policy(), &server.reply(path, reply)).await;
        assert_eq!(failure.kind, FailureKind::TooLarge, "{path}: {}", failure.detail);
        assert_eq!(failure.fingerprint, None);
    }
    let padded = format!("{DOCUMENT}{}", " ".repeat(MAX_BYTES - DOCUMENT.len()));
    assert_eq!(
        document(&server.document("/just", &padded), None)
            .await
            .fingerprint
            .length,
        MAX_BYTES as u64
    );
}

#[tokio::test]
async fn a_compressed_document_is_that_which_was_compressed() {
    let server = Server::start().await;
    let url = server.reply("/gzip", Reply::Gzip(DOCUMENT.into()));
    assert_eq!(
        document(&url, Some(keccak256(DOCUMENT))).await.verification,
        Verification::Keccak256
    );
    let url = server.reply("/brotli", Reply::Encoded("br", DOCUMENT.into()));
    assert_eq!(for_good(policy(), &url).await.kind, FailureKind::Encoding);
    let url = server.reply("/twice", Reply::Encoded("gzip, gzip", gzip(&gzip(DOCUMENT.as_bytes()))));
    assert_eq!(for_good(policy(), &url).await.kind, FailureKind::Encoding);
    let url = server.reply("/plain", Reply::Encoded("gzip", DOCUMENT.into()));
    assert_eq!(for_good(policy(), &url).await.kind, FailureKind::Encoding);
}

#[tokio::test]
async fn what_stops_half_way_is_tried_again() {
    let server = Server::start().await;
    let url = server.reply("/cut", Reply::Truncated);
    assert_eq!(for_now(policy(), &url).await.0, FailureKind::Truncated);
    let url = server.reply("/cut-gzip", Reply::TruncatedGzip(DOCUMENT.into()));
    assert_eq!(for_now(policy(), &url).await.0, FailureKind::Truncated);
}

/// A server that drips keeps nobody for longer than is allowed.
#[tokio::test]
async fn what_drips_for_ever_is_given_up() {
    let server = Server::start().await;
    let url = server.reply("/drips", Reply::Drips);
    let impatient = Policy {
        timeout: Duration::from_millis(300),
        ..policy()
    };
    assert_eq!(for_now(impatient, &url).await.0, FailureKind::TimedOut);
    assert_eq!(server.asked("/drips"), 1);
}

#[tokio::test]
async fn what_is_not_there_is_tried_again_and_then_missing() {
    let server = Server::start().await;
    let url = server.reply("/missing", Reply::Status(404, None));
    assert_eq!(for_now(policy(), &url).await.0, FailureKind::Missing);
    let fetcher = Fetcher::new(policy()).expect("a client");
    let tries = retry::tries(FailureKind::Missing);
    let last = attempt(&fetcher, &Nodes::default(), &wanted(&url, None), tries).await;
    let Attempt::Observed(Outcome::Failed(failure)) = last else {
        panic!("{last:?}")
    };
    assert_eq!(failure.kind, FailureKind::Missing);
    assert_eq!(failure.detail, "the server answers 404 Not Found");
}

#[tokio::test]
async fn a_server_may_ask_for_time() {
    let server = Server::start().await;
    let busy = Reply::Status(429, Some(("retry-after", "120".into())));
    assert_eq!(
        for_now(policy(), &server.reply("/busy", busy)).await,
        (FailureKind::Refused, Duration::from_secs(120))
    );
    let (kind, wait) = for_now(policy(), &server.reply("/broken", Reply::Status(500, None))).await;
    assert_eq!(kind, FailureKind::Refused);
    assert!(wait < Duration::from_secs(3), "{wait:?}");
}

#[tokio::test]
async fn nobody_there_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let refused = for_now(policy(), &format!("http://{address}/x")).await;
    assert_eq!(refused.0, FailureKind::Unreachable);
    // No resolver has to be asked to know that there is no such name: a label has 63 characters at most.
    let nameless = format!("http://{}.example/x", "a".repeat(64));
    assert_eq!(for_now(policy(), &nameless).await.0, FailureKind::Unreachable);
}

#[tokio::test]
async fn nothing_of_this_machine_or_its_network_is_asked() {
    let server = Server::start().await;
    server.document("/secret", DOCUMENT);
    let port = server.address.port();
    let strict = Policy {
        reach: Reach::Public,
        ..policy()
    };
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0x7f.1",
        "2130706433",
        "0.0.0.0",
    ] {
        let failure = for_good(strict.clone(), &format!("http://{host}:{port}/secret")).await;
        assert_eq!(
            failure.kind,
            FailureKind::ForbiddenAddress,
            "{host}: {}",
            failure.detail
        );
    }
    for address in ["169.254.169.254", "10.0.0.1", "192.168.0.1", "[fd00:ec2::254]"] {
        let failure = for_good(policy(), &format!("http://{address}/latest/meta-data")).await;
        assert_eq!(
            failure.kind,
            FailureKind::ForbiddenAddress,
            "{address}: {}",
            failure.detail
        );
    }
    assert_eq!(server.asked_in_all(), 0);
}

#[tokio::test]
async fn redirects_are_followed_a_little_and_checked_each_time() {
    let server = Server::start().await;
    let to = |location: &str| Reply::Status(302, Some(("location", location.into())));
    server.document("/there", DOCUMENT);
    let url = server.reply("/here", to("there"));
    assert_eq!(
        document(&url, Some(keccak256(DOCUMENT))).await.verification,
        Verification::Keccak256
    );
    for (path, location, kind) in [
        ("/private", "http://192.168.1.1/x", FailureKind::ForbiddenAddress),
        (
            "/metadata",
            "http://169.254.169.254/latest",
            FailureKind::ForbiddenAddress,
        ),
        ("/loop", "/loop", FailureKind::Redirected),
        ("/file", "file:///etc/passwd", FailureKind::Redirected),
        ("/secrets", "http://user:secret@example.org/", FailureKind::Redirected),
    ] {
        let failure = for_good(policy(), &server.reply(path, to(location))).await;
        assert_eq!(failure.kind, kind, "{path}: {}", failure.detail);
    }
    assert_eq!(server.asked("/loop"), 1 + policy().max_redirects);
}

#[tokio::test]
async fn what_is_no_document_is_told_with_what_it_hashes_to() {
    let server = Server::start().await;
    let nested = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for (path, bytes, kind) in [
        ("/html", b"<!doctype html>".to_vec(), FailureKind::NotJson),
        ("/list", b"[]".to_vec(), FailureKind::NotJson),
        ("/empty", Vec::new(), FailureKind::NotJson),
        ("/deep", nested.into_bytes(), FailureKind::TooDeep),
        ("/latin", b"{\"name\":\"caf\xe9\"}".to_vec(), FailureKind::NotUtf8),
    ] {
        let hash = keccak256(&bytes);
        let failure = for_good(policy(), &server.reply(path, Reply::Document(bytes))).await;
        assert_eq!(failure.kind, kind, "{path}");
        assert_eq!(failure.fingerprint.map(|found| found.keccak256), Some(hash), "{path}");
    }
}

#[tokio::test]
async fn a_gateway_cannot_pass_off_something_else() {
    let server = Server::start().await;
    let cid = "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4";
    let (uri, path) = (format!("ipfs://{cid}"), format!("/ipfs/{cid}"));
    let gateway = Url::parse(&format!("http://{}", server.address)).expect("a URL");
    let other = Server::start().await;
    let through = |gateways: Vec<Url>| Policy { gateways, ..policy() };
    // What the id names is no JSON; that it was taken for what it names is told by what it was found to be.
    server.document(&path, "hello world\n");
    assert_eq!(
        for_good(through(vec![gateway.clone()]), &uri).await.kind,
        FailureKind::NotJson
    );
    server.document(&path, DOCUMENT);
    assert_eq!(
        for_now(through(vec![gateway.clone()]), &uri).await.0,
        FailureKind::WrongCid
    );
    // A gateway that has nothing is passed over.
    other.reply(&path, Reply::Status(504, None));
    server.document(&path, "hello world\n");
    let empty = Url::parse(&format!("http://{}/", other.address)).expect("a URL");
    assert_eq!(
        for_good(through(vec![empty, gateway]), &uri).await.kind,
        FailureKind::NotJson
    );
    assert_eq!(other.asked(&path), 1);
    assert_eq!(
        tried(policy(), &uri, None).await,
        Attempt::Withheld("this installation names no gateway to IPFS (--ipfs-gateway)")
    );
}

#[tokio::test]
async fn a_file_of_ipfs_is_proved_where_it_can_be() {
    let server = Server::start().await;
    let gateway = Url::parse(&format!("http://{}", server.address)).expect("a URL");
    let with_gateway = Policy {
        gateways: vec![gateway],
        ..policy()
    };
    let of_document = raw_cid(DOCUMENT.as_bytes());
    server.document(&format!("/ipfs/{of_document}"), DOCUMENT);
    server.document(&format!("/ipfs/{of_document}/in/a%20folder"), DOCUMENT);
    let verification = async |uri: String, commitment| match tried(with_gateway.clone(), &uri, commitment).await {
        Attempt::Observed(Outcome::Document(document)) => document.verification,
        other => panic!("{uri}: {other:?}"),
    };
    assert_eq!(
        verification(format!("ipfs://{of_document}"), None).await,
        Verification::Cid
    );
    let within = format!("ipfs://{of_document}/in/a folder");
    assert_eq!(verification(within.clone(), None).await, Verification::Unverified);
    assert_eq!(
        verification(within, Some(keccak256(DOCUMENT))).await,
        Verification::Keccak256
    );
}

fn raw_cid(content: &[u8]) -> String {
    let sha256 = souk_observations::verify::fingerprint(content).sha256;
    format!("f01551220{sha256:x}")
}

#[tokio::test]
async fn a_document_in_its_uri_asks_nobody() {
    let offline = Policy {
        is_online: false,
        ..policy()
    };
    let inline = format!("data:application/json,{DOCUMENT}");
    let Attempt::Observed(Outcome::Document(found)) = tried(offline.clone(), &inline, Some(keccak256(DOCUMENT))).await
    else {
        panic!("it is a document")
    };
    assert_eq!(found.verification, Verification::Keccak256);
    assert_eq!(for_good(offline, "data:;base64,!").await.kind, FailureKind::Malformed);
}

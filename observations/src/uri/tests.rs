//! URIs as people and contracts write them, and as strangers would like them to be read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

const MAX: usize = 1_000;

fn data(uri: &str) -> Vec<u8> {
    match Source::parse(uri, MAX) {
        Ok(Source::Data(bytes)) => bytes,
        other => panic!("{uri}: {other:?}"),
    }
}

fn refused(uri: &str) -> FailureKind {
    Source::parse(uri, MAX).expect_err(uri).kind
}

#[test]
fn data_uris_are_read_as_browsers_read_them() {
    assert_eq!(data("data:,A%20brief%20note"), b"A brief note");
    assert_eq!(
        data("data:application/json,{\"a\":\"#50% off\"}"),
        b"{\"a\":\"#50% off\"}"
    );
    assert_eq!(
        data("DATA:application/json;charset=utf-8;base64,eyJhIjoxfQ=="),
        b"{\"a\":1}"
    );
    assert_eq!(data("data:;base64,eyJhIjoxfQ"), b"{\"a\":1}", "without its padding");
    assert_eq!(
        data("data:;base64,eyJhIjoxfQ%3D%3D"),
        b"{\"a\":1}",
        "with its padding escaped"
    );
    assert_eq!(
        data("data:;base64,_-8"),
        data("data:;base64,/+8="),
        "of either alphabet"
    );
    assert_eq!(data("data:,"), b"");
}

#[test]
fn malformed_data_is_named() {
    assert_eq!(refused("data:application/json"), FailureKind::Malformed);
    assert_eq!(refused("data:;base64,????"), FailureKind::Malformed);
    assert_eq!(refused("data:;base64,A"), FailureKind::Malformed);
    let long = format!("data:,{}", "x".repeat(MAX + 1));
    assert_eq!(refused(&long), FailureKind::TooLarge);
    assert_eq!(
        refused(&format!("data:,{}", "%20".repeat(2 * MAX))),
        FailureKind::TooLarge
    );
    assert_eq!(data(&format!("data:,{}", "x".repeat(MAX))).len(), MAX);
}

#[test]
fn what_nobody_fetches_is_unsupported() {
    for uri in [
        "",
        "no uri",
        "/a/path",
        "ar://abc",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "gopher://x",
        "javascript:1",
        "1a:b",
    ] {
        assert_eq!(refused(uri), FailureKind::Unsupported, "{uri}");
    }
}

#[test]
fn web_addresses_carry_no_secrets_and_no_fragment() {
    assert_eq!(refused("https://user:secret@example.org/x"), FailureKind::Malformed);
    assert_eq!(refused("https://user@example.org/x"), FailureKind::Malformed);
    assert_eq!(refused("https://"), FailureKind::Malformed);
    assert_eq!(refused("https://exa mple.org/"), FailureKind::Malformed);
    let long = format!("https://example.org/{}", "x".repeat(MAX_URI_BYTES));
    assert_eq!(refused(&long), FailureKind::TooLarge);
    let Ok(Source::Web(url)) = Source::parse(" HTTPS://EXAMPLE.org/a?b#c ", MAX) else {
        panic!("it is a web address")
    };
    assert_eq!(url.as_str(), "https://example.org/a?b");
}

#[test]
fn paths_in_ipfs_stay_in_their_folder() {
    let cid = "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o";
    let path = |uri: String| match Source::parse(&uri, MAX) {
        Ok(Source::Ipfs(found)) => found.path,
        other => panic!("{uri}: {other:?}"),
    };
    assert_eq!(path(format!("ipfs://{cid}")), "");
    assert_eq!(path(format!("ipfs://ipfs/{cid}/a b/%63.json?x#y")), "/a%20b/c.json");
    for climbing in ["..", "a/../b", "%2e%2e", ".", "a/%2E./b"] {
        let uri = format!("ipfs://{cid}/{climbing}");
        assert_eq!(refused(&uri), FailureKind::Malformed, "{uri}");
    }
    assert_eq!(
        path(format!("ipfs://{cid}/a%2Fb")),
        "/a%2Fb",
        "an escaped slash stays one"
    );
    assert_eq!(refused("ipfs://not-a-cid"), FailureKind::Malformed);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(uri in ".{0,200}") {
        let _ = Source::parse(&uri, MAX);
    }

    #[test]
    fn no_text_of_a_known_scheme_makes_it_panic(scheme in "(https?|ipfs|data|ipns):", rest in "[/%#?:;,@\\[\\]a-zA-Z0-9.=+ -]{0,120}") {
        let _ = Source::parse(&format!("{scheme}{rest}"), MAX);
    }

    #[test]
    fn every_document_comes_back_from_base64(bytes in proptest::collection::vec(any::<u8>(), 0..MAX)) {
        let uri = format!("data:application/json;base64,{}", STANDARD.encode(&bytes));
        prop_assert_eq!(Source::parse(&uri, MAX), Ok(Source::Data(bytes)));
    }

    #[test]
    fn every_document_comes_back_from_percent_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..MAX)) {
        let escaped: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
        prop_assert_eq!(Source::parse(&format!("data:,{escaped}"), MAX), Ok(Source::Data(bytes)));
    }

    #[test]
    fn no_document_is_larger_than_allowed(max in 0usize..64, body in "[a-z%0-9]{0,300}") {
        if let Ok(Source::Data(bytes)) = Source::parse(&format!("data:,{body}"), max) {
            prop_assert!(bytes.len() <= max);
        }
    }

    /// What was read can be written and read again, and says the same.
    #[test]
    fn a_web_address_is_read_as_it_is_written(host in "[a-z]{1,12}\\.[a-z]{2,4}", path in "[a-zA-Z0-9/._%-]{0,40}") {
        if let Ok(Source::Web(url)) = Source::parse(&format!("https://{host}/{path}"), MAX) {
            prop_assert_eq!(Source::parse(url.as_str(), MAX), Ok(Source::Web(url)));
        }
    }
}

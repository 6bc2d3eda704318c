//! Errors as providers and nodes really word them.

use super::*;

fn range(max_blocks: impl Into<Option<u64>>) -> Fault {
    Fault::RangeTooLarge {
        max_blocks: max_blocks.into(),
    }
}

fn result(max_blocks: impl Into<Option<u64>>) -> Fault {
    Fault::ResultTooLarge {
        max_blocks: max_blocks.into(),
    }
}

fn rate(secs: impl Into<Option<u64>>) -> Fault {
    Fault::RateLimited {
        retry_after: secs.into().map(Duration::from_secs),
    }
}

fn check(cases: &[(i64, &str, &str, Fault)]) {
    for (code, message, data, expected) in cases {
        assert_eq!(&classify(*code, message, data), expected, "{message}");
    }
}

#[test]
fn ranges_and_results_that_are_too_large_for_providers() {
    check(&[
        // Alchemy
        (
            -32602,
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [0x3d0900, 0x3d14b7]",
            "",
            range(3_000),
        ),
        (
            -32600,
            "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [0x1, 0xa]",
            "",
            range(10),
        ),
        // Infura
        (
            -32005,
            "query returned more than 10000 results. Try with this block range [0x5b8d80, 0x5b9167].",
            r#"{"from":"0x5b8d80","limit":10000,"to":"0x5b9167"}"#,
            range(1_000),
        ),
        (
            -32005,
            "query returned more than 10000 results",
            r#"{"from":"0x10","limit":10000,"to":"0x1f"}"#,
            result(16),
        ),
        (-32000, "query timeout exceeded", "", result(None)),
        // QuickNode
        (-32614, "eth_getLogs is limited to a 10,000 range", "", range(10_000)),
        (
            -32602,
            "eth_getLogs and eth_newFilter are limited to a 5 blocks range",
            "",
            range(5),
        ),
        // Ankr
        (-32600, "block range is too wide", "", range(None)),
        (-32062, "Block range is too large", "", range(None)),
        // Chainstack
        (
            -32600,
            "Block range limit exceeded. See more details at https://docs.chainstack.com/docs/limits#evm-range-limits",
            "",
            range(None),
        ),
    ]);
}

#[test]
fn ranges_and_results_that_are_too_large_for_nodes() {
    check(&[
        // BNB Chain, Polygon, Base, Blast, LlamaRPC, drpc, 1rpc
        (-32000, "exceed maximum block range: 5000", "", range(5_000)),
        (-32000, "block range greater than 2048 max", "", range(2_048)),
        (
            -32000,
            "Block range too large: maximum allowed is 1024 blocks",
            "",
            range(1_024),
        ),
        (
            -32000,
            "eth_getLogs range is too large, max is 1k blocks",
            "",
            range(1_000),
        ),
        (
            35,
            "ranges over 10000 blocks are not supported on freetier, block range",
            "",
            range(10_000),
        ),
        (-32602, "query exceeds max block range 100000", "", range(100_000)),
        // Besu, Erigon
        (
            -32005,
            "Requested range exceeds maximum RPC range limit",
            "",
            range(None),
        ),
        (
            -32000,
            "query block range exceeds server limit, limit the query to at most 2500 blocks",
            "",
            range(2_500),
        ),
        // Reth
        (
            -32602,
            "query exceeds max results 20000, retry with the range 100-149",
            "",
            result(50),
        ),
        // zkSync, Moonbeam, Cronos, jsonrpsee
        (
            -32602,
            "Query returned more than 10000 results. Try with this block range [0x1, 0x2].",
            "",
            range(2),
        ),
        (-32603, "logs matched by query exceeds limit of 10000", "", result(None)),
        (
            -32008,
            "Response is too big",
            "Exceeded max limit of 167772160",
            result(None),
        ),
        (-32000, "response too large", "", result(None)),
    ]);
}

#[test]
fn rates_and_how_long_to_wait() {
    let cases: &[(i64, &str, &str, Fault)] = &[
        (
            429,
            "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore this message.",
            "",
            rate(None),
        ),
        (
            -32005,
            "project ID request rate exceeded",
            r#"{"rate":{"allowed_rps":1,"backoff_seconds":30,"current_rps":1.4},"see":"https://infura.io/dashboard"}"#,
            rate(30),
        ),
        (
            -32005,
            "daily request count exceeded, request rate limited",
            "",
            rate(None),
        ),
        (
            -32007,
            "15/second request limit reached - reduce calls per second or upgrade your account at quicknode.com",
            "",
            rate(None),
        ),
        (
            -32097,
            "You've exceeded the RPS limit available on the current plan",
            "",
            rate(None),
        ),
        (
            -32090,
            "Too many requests, reason: call rate limit exhausted, retry in 10s",
            "",
            rate(None),
        ),
        (-32005, "limit exceeded", "", rate(None)),
        (-32000, "rate limit exceeded, try again in 5 seconds", "", rate(5)),
    ];
    for (code, message, data, expected) in cases {
        let found = classify(*code, message, data);
        let same_kind = std::mem::discriminant(&found) == std::mem::discriminant(expected);
        assert!(
            same_kind && (*expected == rate(None) || found == *expected),
            "{message}: {found:?}"
        );
    }
    let millis = classify(0, "too many requests, retry in 250ms", "");
    assert_eq!(
        millis,
        Fault::RateLimited {
            retry_after: Some(Duration::from_millis(250))
        }
    );
}

#[test]
fn http_statuses() {
    assert_eq!(classify_status(429, Some("7"), "whatever"), rate(7));
    assert_eq!(
        classify_status(429, None, "slow down, try again in 3 seconds: rate limit"),
        rate(3)
    );
    assert_eq!(classify_status(503, Some("2"), ""), rate(2));
    assert_eq!(classify_status(503, None, "<html>"), Fault::Transient);
    assert_eq!(classify_status(502, None, ""), Fault::Transient);
    assert_eq!(classify_status(401, None, ""), Fault::Refused);
    assert_eq!(
        classify_status(403, None, "method eth_getBlockReceipts is not supported"),
        Fault::Unsupported
    );
    assert_eq!(classify_status(413, None, ""), Fault::BatchTooLarge { max_calls: None });
    assert_eq!(
        classify_status(
            400,
            None,
            r#"{"error":{"code":-32602,"message":"block range is too wide"}}"#
        ),
        range(None)
    );
}

#[test]
fn everything_else() {
    let cases: &[(i64, &str, Fault)] = &[
        (
            -32601,
            "the method eth_getBlockReceipts does not exist/is not available",
            Fault::Unsupported,
        ),
        (-32601, "Method not found", Fault::Unsupported),
        (-32601, "nope", Fault::Unsupported),
        (
            -32600,
            "eth_getBlockReceipts is not available on the Free tier",
            Fault::Unsupported,
        ),
        (-32000, "unknown block", Fault::UnknownBlock),
        (-32000, "header not found", Fault::UnknownBlock),
        (-32001, "block not found: 0x99", Fault::UnknownBlock),
        (-32000, "cannot query unfinalized data", Fault::UnknownBlock),
        (
            -32000,
            "missing trie node 0xabc (path ) state is not available",
            Fault::Pruned,
        ),
        (4444, "pruned history unavailable", Fault::Pruned),
        (
            -32000,
            "Unauthorized: You must authenticate your request with an API key",
            Fault::Refused,
        ),
        (-32002, "invalid project id", Fault::Refused),
        (-32600, "batch too large", Fault::BatchTooLarge { max_calls: None }),
        (
            -32005,
            "Batch size too large: maximum 100",
            Fault::BatchTooLarge { max_calls: Some(100) },
        ),
        (
            -32010,
            "The batch request was too large; Exceeded max limit of 50",
            Fault::BatchTooLarge { max_calls: Some(50) },
        ),
        (-32603, "Internal error", Fault::Transient),
        (-32000, "context deadline exceeded", Fault::Transient),
        (0, "", Fault::Transient),
    ];
    for (code, message, expected) in cases {
        assert_eq!(&classify(*code, message, ""), expected, "{message}");
    }
}

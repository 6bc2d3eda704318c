//! GraphQL over HTTP, to the letter, and the pages.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use souk_api::ApiConfig;

use crate::fixture::*;

/// Runs a script of `tests/graphql-clients` and gives what it prints.
pub async fn node(script: &str, arguments: &[&str]) -> Value {
    let path = format!("{}/../tests/graphql-clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let run = tokio::process::Command::new("node")
        .arg(path)
        .args(arguments)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), run)
        .await
        .expect("the script ends")
        .expect("node is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {errors}");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{errors}", String::from_utf8_lossy(&output.stdout)))
}

#[tokio::test]
async fn every_audit_of_graphql_http_is_met() {
    let souk = Souk::start().await;
    let report = node("audits.js", &[&souk.url("/graphql")]).await;
    assert!(report["total"].as_u64().unwrap() >= 60, "{report:#}");
    assert_eq!(report["failed"], json!([]), "{report:#}");
}

async fn send(
    souk: &Souk,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, reqwest::header::HeaderMap, String) {
    let mut request = souk.http.request(method, souk.url(path)).body(body.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (
        response.status(),
        response.headers().clone(),
        response.text().await.unwrap(),
    )
}

#[tokio::test]
async fn status_media_type_and_data_entry_follow_what_the_client_accepts() {
    let souk = Souk::start().await;
    let unknown = format!(r#"{{"query":"{{ asset(id: \"{}\") {{ name }} }}"}}"#, asset(99));
    for (accept, body, status, media, data) in [
        (
            "application/graphql-response+json",
            r#"{"query":"{ __typename }"}"#,
            200,
            "application/graphql-response+json; charset=utf-8",
            true,
        ),
        (
            "application/graphql-response+json",
            r#"{"query":"{ nope }"}"#,
            400,
            "application/graphql-response+json; charset=utf-8",
            false,
        ),
        (
            "application/graphql-response+json",
            r#"{"query":"{"}"#,
            400,
            "application/graphql-response+json; charset=utf-8",
            false,
        ),
        (
            "application/graphql-response+json",
            &unknown,
            200,
            "application/graphql-response+json; charset=utf-8",
            true,
        ),
        (
            "application/json",
            r#"{"query":"{ nope }"}"#,
            200,
            "application/json; charset=utf-8",
            false,
        ),
        (
            "application/json",
            &unknown,
            200,
            "application/json; charset=utf-8",
            true,
        ),
        (
            "text/html, */*",
            r#"{"query":"{ __typename }"}"#,
            200,
            "application/json; charset=utf-8",
            true,
        ),
        (
            "text/html",
            r#"{"query":"{ __typename }"}"#,
            406,
            "application/json; charset=utf-8",
            false,
        ),
    ] {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        let (found, headers, text) = send(&souk, Method::POST, "/graphql", &headers, body).await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (found.as_u16(), headers["content-type"].to_str().unwrap()),
            (status, media),
            "{accept} {body}: {text}"
        );
        assert_eq!(answer.get("data").is_some(), data, "{accept} {body}: {text}");
        assert_eq!(headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn requests_that_are_not_graphql_over_http_are_refused_with_their_status() {
    let souk = Souk::over(Database::seeded().await, |config: &mut ApiConfig| {
        config.body_limit = 10_000
    })
    .await;
    let json = ("content-type", "application/json");
    let large = format!(
        r#"{{"query":"{{ __typename }}","variables":{{"x":"{}"}}}}"#,
        "x".repeat(20_000)
    );
    for (method, path, header, body, status, code) in [
        (Method::POST, "/graphql", json, "{", 400, "BAD_REQUEST"),
        (
            Method::POST,
            "/graphql",
            json,
            r#"[{"query":"{ __typename }"}]"#,
            400,
            "BAD_REQUEST",
        ),
        (
            Method::POST,
            "/graphql",
            ("content-type", "text/plain"),
            r#"{"query":"{ __typename }"}"#,
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (
            Method::POST,
            "/graphql",
            ("content-type", "application/json; charset=latin1"),
            "{}",
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (Method::POST, "/graphql", json, &large, 413, "TOO_LARGE"),
        (Method::PUT, "/graphql", json, "{}", 405, "METHOD_NOT_ALLOWED"),
        (Method::DELETE, "/graphql", json, "", 405, "METHOD_NOT_ALLOWED"),
        (
            Method::GET,
            "/graphql?query=mutation%7B__typename%7D",
            ("accept", "application/json"),
            "",
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            Method::GET,
            "/graphql?query=subscription%7BchainHead(chain:%22eip155:1%22)%7Bstream%7D%7D",
            ("accept", "*/*"),
            "",
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            Method::GET,
            "/graphql",
            ("accept", "application/json"),
            "",
            400,
            "BAD_REQUEST",
        ),
        (
            Method::GET,
            "/graphql?query=%7B__typename%7D&variables=nope",
            ("accept", "*/*"),
            "",
            400,
            "BAD_REQUEST",
        ),
    ] {
        let (found, headers, text) = send(&souk, method.clone(), path, &[header], body).await;
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: {text}"));
        assert_eq!(
            (found.as_u16(), answer["errors"][0]["extensions"]["code"].as_str()),
            (status, Some(code)),
            "{method} {path}: {text}"
        );
        assert!(answer.get("data").is_none());
        if status == 405 {
            assert_eq!(
                headers["allow"],
                if method == Method::GET {
                    "POST"
                } else {
                    "GET, HEAD, POST"
                },
                "{method} {path}"
            );
        }
    }
    let (status, _, text) = send(&souk, Method::GET, "/graphql?query=%7B__typename%7D", &[], "").await;
    assert_eq!(
        (
            status.as_u16(),
            serde_json::from_str::<Value>(&text).unwrap()["data"]["__typename"].clone()
        ),
        (200, json!("Query"))
    );
}

#[tokio::test]
async fn a_stored_query_is_asked_by_its_hash() {
    let souk = Souk::start().await;
    // SHA-256 of `{__typename}`, as every APQ client's documentation has it.
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38" } });
    let ask = async |body: Value| -> Value {
        souk.http
            .post(souk.url("/graphql"))
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    let first = ask(json!({ "extensions": extensions })).await;
    assert_eq!(
        (
            &first["errors"][0]["message"],
            &first["errors"][0]["extensions"]["code"]
        ),
        (&json!("PersistedQueryNotFound"), &json!("PERSISTED_QUERY_NOT_FOUND"))
    );
    let wrong = ask(json!({ "query": "{ meta { __typename } }", "extensions": extensions })).await;
    assert_eq!(wrong["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    assert_eq!(
        ask(json!({ "query": "{__typename}", "extensions": extensions })).await["data"]["__typename"],
        "Query"
    );
    assert_eq!(
        ask(json!({ "extensions": extensions })).await["data"]["__typename"],
        "Query"
    );
    let path = format!(
        "/graphql?extensions={}",
        extensions
            .to_string()
            .replace('"', "%22")
            .replace('{', "%7B")
            .replace('}', "%7D")
    );
    let (status, _, text) = send(
        &souk,
        Method::GET,
        &path,
        &[("accept", "application/graphql-response+json")],
        "",
    )
    .await;
    assert_eq!(status, 200, "{text}");
}

#[tokio::test]
async fn pages_ask_no_foreign_host_for_anything() {
    let souk = Souk::start().await;
    for (path, title) in [("/", "Souk"), ("/graphql", "GraphiQL")] {
        let (status, headers, page) = send(
            &souk,
            Method::GET,
            path,
            &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")],
            "",
        )
        .await;
        assert_eq!(status, 200);
        assert!(
            headers["content-type"].to_str().unwrap().starts_with("text/html") && page.contains(title),
            "{path}"
        );
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("script-src 'self'") && !policy.contains("http"),
            "{policy}"
        );
        assert!(
            !page.contains("//") || !page.contains("src=\"http"),
            "{path} loads from elsewhere"
        );
        // Everything that the page names is there.
        for part in page.split('"').filter(|part| part.starts_with("/assets/")) {
            let response = souk
                .http
                .get(souk.url(part))
                .header("accept-encoding", "gzip")
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), 200, "{part}");
            let packed = part.contains("graphiql") || part.contains("react");
            assert_eq!(response.headers().contains_key("content-encoding"), packed, "{part}");
            assert!(response.bytes().await.unwrap().len() > 100, "{part}");
        }
    }
    let (status, _, schema) = send(&souk, Method::GET, "/schema.graphql", &[], "").await;
    assert!(status == 200 && schema.contains("type Asset"));
    assert_eq!(send(&souk, Method::GET, "/assets/../Cargo.toml", &[], "").await.0, 404);
    assert_eq!(send(&souk, Method::GET, "/nowhere", &[], "").await.0, 404);
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_only_where_configured() {
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let closed = Souk::start().await;
    let (_, headers, _) = send(&closed, Method::OPTIONS, "/graphql", &preflight, "").await;
    assert!(!headers.contains_key("access-control-allow-origin"));
    let open = Souk::over(Database::seeded().await, |config: &mut ApiConfig| {
        config.cors_origins = vec!["https://shop.example".into()]
    })
    .await;
    let (status, headers, _) = send(&open, Method::OPTIONS, "/graphql", &preflight, "").await;
    assert_eq!(
        (
            status.as_u16(),
            headers["access-control-allow-origin"].to_str().unwrap()
        ),
        (200, "https://shop.example")
    );
    let (_, headers, _) = send(
        &open,
        Method::OPTIONS,
        "/graphql",
        &[("origin", "https://evil.example"), preflight[1]],
        "",
    )
    .await;
    assert!(!headers.contains_key("access-control-allow-origin"));
}

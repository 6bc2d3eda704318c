//! The pages: a landing page, GraphiQL, the schema as text. All of it is in the binary, and no page asks a foreign host for anything.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::graphql;

/// Scripts and styles come from here alone. GraphiQL's editor sets styles by attribute and has its fonts and images inlined.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file in the binary.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    gzip: bool,
    bytes: &'static [u8],
}

const fn plain(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset {
        name,
        content_type,
        gzip: false,
        bytes,
    }
}

const fn packed(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset {
        name,
        content_type,
        gzip: true,
        bytes,
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const ASSETS: &[Asset] = &[
    plain("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    plain("landing.css", STYLE, include_bytes!("../../assets/landing.css")),
    plain("landing.js", SCRIPT, include_bytes!("../../assets/landing.js")),
    plain("explorer.css", STYLE, include_bytes!("../../assets/explorer.css")),
    plain("explorer.js", SCRIPT, include_bytes!("../../assets/explorer.js")),
    packed(
        "graphiql.css",
        STYLE,
        include_bytes!("../../assets/graphiql/graphiql.css.gz"),
    ),
    packed(
        "graphiql.js",
        SCRIPT,
        include_bytes!("../../assets/graphiql/graphiql.js.gz"),
    ),
    packed("react.js", SCRIPT, include_bytes!("../../assets/graphiql/react.js.gz")),
    packed(
        "react-dom.js",
        SCRIPT,
        include_bytes!("../../assets/graphiql/react-dom.js.gz"),
    ),
];

fn page(status: StatusCode, html: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept"),
    ];
    (status, headers, html).into_response()
}

/// What Souk is, and how far it is.
pub async fn landing() -> Response {
    page(StatusCode::OK, include_str!("../../assets/landing.html"))
}

/// GraphiQL.
pub fn explorer() -> Response {
    page(StatusCode::OK, include_str!("../../assets/explorer.html"))
}

/// The schema in its own language.
pub async fn schema() -> Response {
    (
        [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        graphql::sdl(),
    )
        .into_response()
}

/// A script, a style or an image.
pub async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return missing().await;
    };
    let accepts = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if asset.gzip && !accepts.split(',').any(|encoding| encoding.trim().starts_with("gzip")) {
        return (StatusCode::NOT_ACCEPTABLE, "this file is sent with gzip only\n").into_response();
    }
    let fixed = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::VARY, "accept-encoding"),
    ];
    let mut response = (fixed, asset.bytes).into_response();
    if asset.gzip {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
    }
    response
}

/// There is nothing there.
pub async fn missing() -> Response {
    (
        StatusCode::NOT_FOUND,
        "not found; there is /, /graphql, /schema.graphql, /healthz, /readyz and /metrics\n",
    )
        .into_response()
}

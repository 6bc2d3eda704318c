//! `GET /export/{format}?asset=<CAIP-19>&block=<number>`: what is known of one asset, as a document that other tools read.
//!
//! [`load`] reads one snapshot, [`fold`] makes a dossier of it, [`souk_exports`] writes it.

mod fold;
mod load;

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use souk_exports::{ExportError, Format, export};
use souk_schema::caip::{AssetId, EvmAssetId};

use crate::error::{ApiError, ErrorCode};
use crate::http::client_of;
use crate::server::App;
use crate::store::Reader;

/// What every document costs of a client's budget, however little there is to tell.
const DOCUMENT_POINTS: u64 = 5_000;

/// What each event, edge, asset and holder costs that goes beyond the first so many. The largest document costs a quarter of a full budget.
const ROW_POINTS: u64 = 10;
const ROWS_WITHIN: u64 = 500;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    /// The asset, as CAIP-19.
    asset: Option<String>,
    /// As of this block; the newest if none is named.
    block: Option<u64>,
}

/// Answers `/export/{format}`.
pub async fn document(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(format): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let client = client_of(&headers, address.ip(), app.behind_proxy);
    match answer(&app, client, &format, &wanted).await {
        Ok((format, asset, document)) => {
            let name = format!("{}-{}.{}", asset.chain, asset.token.id, format.file_suffix());
            let mut response = document.into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            if let Ok(disposition) = HeaderValue::from_str(&format!("inline; filename=\"{name}\"")) {
                headers.insert(header::CONTENT_DISPOSITION, disposition);
            }
            response
        }
        Err(error) => refuse(&error),
    }
}

async fn answer(
    app: &App,
    client: std::net::IpAddr,
    format: &str,
    wanted: &Wanted,
) -> Result<(Format, EvmAssetId, String), ApiError> {
    app.engine.admit(client)?;
    let format: Format = format
        .parse()
        .map_err(|unknown| ApiError::not_found(format!("{unknown}")))?;
    let text = wanted
        .asset
        .as_deref()
        .ok_or_else(|| ApiError::input("name the asset: ?asset=eip155:<chain>/erc721:<registry>/<id>"))?;
    let asset = match text.parse() {
        Ok(AssetId::Evm(asset)) => asset,
        Ok(AssetId::Other(_)) => {
            return Err(ApiError::input(format!(
                "asset {text} is of no chain that Souk indexes"
            )));
        }
        Err(error) => return Err(ApiError::input(format!("asset: {error}"))),
    };
    // Paid before anything is read, and the rest before anything is written: what is read is bounded.
    app.engine.charge(client, DOCUMENT_POINTS)?;
    let reader = Reader::begin(&app.pool).await?;
    let known = load::load(&reader, asset, wanted.block).await?;
    drop(reader);
    app.engine.charge(client, points_beyond(known.rows()))?;
    // Writing a document of thousands of events is work for a thread of its own.
    let writing = tokio::task::spawn_blocking(move || {
        let dossier = fold::dossier(known)?;
        export(&dossier, format).map_err(|error| match error {
            ExportError::WrongKind { .. } => ApiError::input(error.to_string()),
            ExportError::TimeOutOfRange { .. } => ApiError::new(ErrorCode::BadUserInput, error.to_string()),
        })
    });
    let document = writing.await.map_err(ApiError::internal)??;
    Ok((format, asset, document))
}

/// What so many rows cost beside the document itself.
fn points_beyond(rows: usize) -> u64 {
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    rows.saturating_sub(ROWS_WITHIN).saturating_mul(ROW_POINTS)
}

/// An error as JSON, as GraphQL would say it.
fn refuse(error: &ApiError) -> Response {
    let status = match error.code {
        ErrorCode::NotFound | ErrorCode::AsOfUnknown => StatusCode::NOT_FOUND,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let body = serde_json::json!({ "error": { "code": error.code.as_str(), "message": error.message } });
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (status, content_type, format!("{body}\n")).into_response();
    if let Some(seconds) = error.retry_after_secs {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ApiConfig;

    #[test]
    fn a_document_costs_what_it_is_made_of_and_the_largest_can_be_paid() {
        assert_eq!(points_beyond(500), 0);
        assert_eq!(points_beyond(501), ROW_POINTS);
        let largest = DOCUMENT_POINTS + points_beyond(load::MOST_ROWS);
        let full = ApiConfig::default().limits.allowance.capacity;
        assert!(largest > full / 5 && largest <= full / 3, "{largest} of {full}");
    }
}

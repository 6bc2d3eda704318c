//! GraphQL over HTTP: our own handler, because the stock one deviates from the specification.
//!
//! [`graphql`] is the whole of `/graphql`: a page for browsers, WebSocket for those who upgrade, and requests over GET and POST.
//! [`negotiate`] and [`params`] hold the rules.

pub mod negotiate;
pub mod pages;
pub mod params;

use std::net::{IpAddr, SocketAddr};

use async_graphql::parser::types::OperationType;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use self::negotiate::Media;
use crate::auth::caller::Caller;
use crate::engine::Answer;
use crate::error::{ApiError, ErrorCode};
use crate::server::App;

/// The client that a request comes from: the connection's address, or what a trusted proxy in front of us says.
pub fn client_of(headers: &HeaderMap, address: IpAddr, behind_proxy: bool) -> IpAddr {
    let forwarded = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .filter(|_| behind_proxy);
    let nearest = forwarded
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next());
    nearest.and_then(|client| client.trim().parse().ok()).unwrap_or(address)
}

/// Answers whatever comes to `/graphql`.
pub async fn graphql(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let client = client_of(&parts.headers, address.ip(), app.behind_proxy);
    let authorization = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let caller = Caller::bearing(client, authorization);
    let query = parts.uri.query().unwrap_or_default().to_string();
    if parts.method == Method::GET && is_upgrade(&parts.headers) {
        return match axum::extract::WebSocketUpgrade::from_request_parts(&mut parts, &app).await {
            Ok(upgrade) => crate::ws::upgrade(app, client, upgrade),
            Err(rejection) => rejection.into_response(),
        };
    }
    let accept = accepted(&parts.headers);
    let asks = query
        .split('&')
        .any(|parameter| parameter.starts_with("query=") || parameter.starts_with("extensions="));
    let media = match negotiate::choose(accept.as_deref(), parts.method == Method::GET && !asks) {
        Ok(Media::Html) => return pages::explorer(),
        Ok(media) => media,
        // The refusal itself has to be in some form.
        Err(error) => return refuse(&error, Media::Json),
    };
    let answered = match parts.method {
        Method::GET | Method::HEAD => over_get(&app, &caller, &query).await,
        Method::POST => over_post(&app, &caller, &parts.headers, body).await,
        _ => Err(ApiError::new(
            ErrorCode::MethodNotAllowed,
            "GraphQL is asked with GET or POST",
        )),
    };
    match answered {
        Ok(answer) => reply(&answer, media),
        Err(error) => {
            let mut response = refuse(&error, media);
            if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                // GET is refused only for what POST would take.
                let allowed = if parts.method == Method::GET {
                    "POST"
                } else {
                    "GET, HEAD, POST"
                };
                response
                    .headers_mut()
                    .insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            response
        }
    }
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// All `Accept` headers as one; none if there is none that can be read.
fn accepted(headers: &HeaderMap) -> Option<String> {
    let values: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

async fn over_get(app: &App, caller: &Caller, query: &str) -> Result<Answer, ApiError> {
    app.engine.admit(caller.client)?;
    let prepared = match app.engine.prepare(params::from_query_string(query)?) {
        Ok(prepared) => prepared,
        Err(error) => return well_formed(error),
    };
    if prepared.operation != OperationType::Query {
        return Err(ApiError::new(
            ErrorCode::MethodNotAllowed,
            "only queries are asked with GET: send others with POST",
        ));
    }
    Ok(app.engine.execute(&prepared, caller).await)
}

async fn over_post(app: &App, caller: &Caller, headers: &HeaderMap, body: Body) -> Result<Answer, ApiError> {
    app.engine.admit(caller.client)?;
    negotiate::check_content_type(headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()))?;
    let too_large = || {
        ApiError::new(
            ErrorCode::TooLarge,
            format!("the body is larger than {} bytes", app.body_limit),
        )
    };
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if declared.is_some_and(|length| length > app.body_limit) {
        return Err(too_large());
    }
    let reading = tokio::time::timeout(app.body_patience, to_bytes(body, app.body_limit)).await;
    let body = reading
        .map_err(|_| ApiError::new(ErrorCode::BadRequest, "the body did not arrive in time"))?
        .map_err(|error| {
            let limited =
                std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("length limit"));
            if limited {
                too_large()
            } else {
                ApiError::new(ErrorCode::BadRequest, "the body ended early")
            }
        })?;
    let prepared = match app.engine.prepare(params::from_body(&body)?) {
        Ok(prepared) => prepared,
        Err(error) => return well_formed(error),
    };
    if prepared.operation == OperationType::Subscription {
        let message = "subscriptions are answered over WebSocket, with the subprotocol graphql-transport-ws";
        return Ok(Answer::refused(&ApiError::new(ErrorCode::MethodNotAllowed, message)));
    }
    Ok(app.engine.execute(&prepared, caller).await)
}

/// A request whose parameters are right and whose document is not is well-formed: what that means for the status depends on the media.
fn well_formed(error: ApiError) -> Result<Answer, ApiError> {
    match error.code {
        ErrorCode::BadRequest => Err(error),
        _ => Ok(Answer::refused(&error)),
    }
}

/// The status of an answer that a well-formed request got.
fn status(answer: &Answer, media: Media) -> StatusCode {
    match (answer.code(), answer.executed) {
        (Some("RATE_LIMITED"), false) => StatusCode::TOO_MANY_REQUESTS,
        // A field may be told the same; the others have answers.
        (_, true) => StatusCode::OK,
        (_, false) if media == Media::Json => StatusCode::OK,
        (Some("INTERNAL"), false) => StatusCode::INTERNAL_SERVER_ERROR,
        (Some("UNAVAILABLE"), false) => StatusCode::SERVICE_UNAVAILABLE,
        (_, false) => StatusCode::BAD_REQUEST,
    }
}

fn reply(answer: &Answer, media: Media) -> Response {
    let mut response = (status(answer, media), answer.body().into_owned()).into_response();
    dress(&mut response, media, answer.retry_after_secs());
    response
}

/// The answer to a request that is no well-formed GraphQL request, or that may not be asked now.
fn refuse(error: &ApiError, media: Media) -> Response {
    let status = match error.code {
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = (status, Answer::refused(error).body().into_owned()).into_response();
    dress(&mut response, media, error.retry_after_secs);
    response
}

fn dress(response: &mut Response, media: Media, retry_after_secs: Option<u64>) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(seconds) = retry_after_secs {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_address_counts_only_behind_a_proxy() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, 10.0.0.9"));
        let direct: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(client_of(&headers, direct, false), direct);
        assert_eq!(
            client_of(&headers, direct, true).to_string(),
            "10.0.0.9",
            "only the proxy's own word counts, not what the client wrote before it"
        );
    }
}

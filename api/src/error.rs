//! What can go wrong, with a code for programs and a message for people. Internal texts are logged, never sent.
//!
//! Start at [`ErrorCode`], the documented list; everything that reaches a client carries one of them.

use async_graphql::{Enum, ErrorExtensionValues, ServerError};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident => $text:literal),+ $(,)?) => {
        /// Why a request, or a part of it, has no answer; found in `extensions.code` of each error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $name),+ }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name),+];

            /// The code as clients see it.
            pub fn as_str(self) -> &'static str { match self { $(ErrorCode::$name => $text),+ } }

            /// What it means.
            pub fn meaning(self) -> &'static str { match self { $(ErrorCode::$name => concat!($($doc),+).trim_ascii()),+ } }
        }
    };
}

codes! {
    /// The HTTP request or its parameters are malformed.
    BadRequest => "BAD_REQUEST",
    /// The method is not allowed here: mutations and subscriptions are not sent with GET.
    MethodNotAllowed => "METHOD_NOT_ALLOWED",
    /// None of the media types that the client accepts can be answered with.
    NotAcceptable => "NOT_ACCEPTABLE",
    /// The request's body is neither JSON nor UTF-8.
    UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
    /// The request's body is larger than the limit.
    TooLarge => "TOO_LARGE",
    /// The document is not GraphQL.
    GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
    /// The document does not fit the schema.
    GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
    /// An argument or a variable has a value that is not allowed.
    BadUserInput => "BAD_USER_INPUT",
    /// What was asked for by its id is not indexed.
    NotFound => "NOT_FOUND",
    /// The block or time asked for by `asOf` is not known: before the first indexed block or after the head.
    AsOfUnknown => "AS_OF_UNKNOWN",
    /// The query is nested deeper than the limit.
    DepthLimit => "DEPTH_LIMIT",
    /// The query costs more than one query may, or selects too many fields.
    CostLimit => "COST_LIMIT",
    /// The query has more aliases than the limit.
    AliasLimit => "ALIAS_LIMIT",
    /// The client has spent its budget; `extensions.retryAfterSecs` says when it is worth trying again.
    RateLimited => "RATE_LIMITED",
    /// The connection or the server has as many subscriptions as it takes.
    SubscriptionLimit => "SUBSCRIPTION_LIMIT",
    /// The client reads slower than messages come: it is left behind, and goes on with `resumeFrom`.
    SlowConsumer => "SLOW_CONSUMER",
    /// The hash names no stored query: send the query along with it.
    PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
    /// A part that the answer needs is not ready or did not answer in time; try again.
    Unavailable => "UNAVAILABLE",
    /// Something is broken here; the server's log says what.
    Internal => "INTERNAL",
    /// No exchange runs behind this server.
    ExchangeNotRunning => "EXCHANGE_NOT_RUNNING",
    /// This needs a session: sign in with `signIn` and send its token, or sign the request itself where it can be signed.
    Unauthenticated => "UNAUTHENTICATED",
    /// The session or the signature is of somebody who may not do this.
    Forbidden => "FORBIDDEN",
    /// The signed message does not sign anybody in; the error's message says which condition does not hold.
    SignInRefused => "SIGN_IN_REFUSED",
    /// The signature is not of 65 bytes that recover to an address; or it is over another message, chain or vault.
    BadSignature => "BAD_SIGNATURE",
    /// The command was sent, and what came of it is not known: look the order up by its nonce, or send the same order again.
    OutcomeUnknown => "OUTCOME_UNKNOWN",
    /// The command was taken before.
    DuplicateCommand => "DUPLICATE_COMMAND",
    /// The market group is not open yet.
    GroupNotOpen => "GROUP_NOT_OPEN",
    /// The market group is open already.
    GroupAlreadyOpen => "GROUP_ALREADY_OPEN",
    /// The market is listed already.
    MarketAlreadyListed => "MARKET_ALREADY_LISTED",
    /// The market's numbers do not work together.
    InvalidMarket => "INVALID_MARKET",
    /// No market has this id.
    UnknownMarket => "UNKNOWN_MARKET",
    /// The market cannot go from its state to this one; `from` and `to` are given.
    StateNotReachable => "STATE_NOT_REACHABLE",
    /// The account never deposited anything that reached finality.
    UnknownAccount => "UNKNOWN_ACCOUNT",
    /// The account has an exit pending: it trades again once that is over or cancelled.
    AccountStopped => "ACCOUNT_STOPPED",
    /// The order is signed by neither its account nor a key that it registered.
    SignerNotAuthorised => "SIGNER_NOT_AUTHORISED",
    /// No open order of the account is meant.
    UnknownOrder => "UNKNOWN_ORDER",
    /// The market does not take this in its present state, which is given as `state`.
    MarketNotTaking => "MARKET_NOT_TAKING",
    /// The order's instructions do not go together; `problem` says why.
    InvalidInstructions => "INVALID_INSTRUCTIONS",
    /// The price is not a whole number of ticks above 0; `tickSize` is given.
    PriceNotOnTick => "PRICE_NOT_ON_TICK",
    /// The price is above the market's highest; `maxPriceTicks` is given.
    PriceTooHigh => "PRICE_TOO_HIGH",
    /// The quantity is not a whole number of lots; `lotSize` is given.
    QuantityNotOnLot => "QUANTITY_NOT_ON_LOT",
    /// The quantity is not within the market's bounds, `minLots` to `maxLots`.
    QuantityOutOfBounds => "QUANTITY_OUT_OF_BOUNDS",
    /// The limit price is outside of the band around the last price, `lowTicks` to `highTicks`.
    PriceOutsideBand => "PRICE_OUTSIDE_BAND",
    /// The order's expiry is past.
    Expired => "EXPIRED",
    /// The signed expiry is further ahead than `maxSecs`.
    ExpiryTooFar => "EXPIRY_TOO_FAR",
    /// The nonce was used by another order.
    NonceUsed => "NONCE_USED",
    /// The nonce is too far below the account's newest: it must be above `floor`.
    NonceTooOld => "NONCE_TOO_OLD",
    /// An open order of the account, given as `order`, has this client order id.
    DuplicateClientOrderId => "DUPLICATE_CLIENT_ORDER_ID",
    /// The signed fee cap is below `needed`.
    FeeCapTooLow => "FEE_CAP_TOO_LOW",
    /// The account has as many open orders as it may, `limit`.
    TooManyOpenOrders => "TOO_MANY_OPEN_ORDERS",
    /// The amendment does not fit the order; `problem` says why.
    AmendmentMismatch => "AMENDMENT_MISMATCH",
    /// What is to remain is not less than what does, `remainingLots`, or is 0.
    NotSmaller => "NOT_SMALLER",
    /// The account has less available than is needed; `needed` and `available` are given.
    InsufficientFunds => "INSUFFICIENT_FUNDS",
    /// The order is post-only and would take.
    WouldTake => "WOULD_TAKE",
    /// The order is fill-or-kill and cannot be filled wholly.
    CannotFill => "CANNOT_FILL",
    /// The amount is 0.
    ZeroAmount => "ZERO_AMOUNT",
    /// No market trades this token.
    UnknownInstrument => "UNKNOWN_INSTRUMENT",
    /// Less than this can be withdrawn now: `withdrawable` is given.
    NotWithdrawable => "NOT_WITHDRAWABLE",
    /// The fact speaks of a fill that is not the next to settle, `expected`.
    NotNextFill => "NOT_NEXT_FILL",
    /// There is nothing that this could change.
    NothingToChange => "NOTHING_TO_CHANGE",
    /// The amount is too large to be added up.
    AmountTooLarge => "AMOUNT_TOO_LARGE",
}

/// An error as a client may see it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
    /// Seconds after which it is worth trying again.
    pub retry_after_secs: Option<u64>,
    /// What else programs find in `extensions`.
    pub details: Vec<(&'static str, serde_json::Value)>,
}

impl ApiError {
    /// An error of a code with a message for a person.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> ApiError {
        ApiError {
            code,
            message: message.into(),
            retry_after_secs: None,
            details: Vec::new(),
        }
    }

    /// With a value for programs.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> ApiError {
        self.details.push((name, value.into()));
        self
    }

    /// An argument that is not allowed.
    pub fn input(message: impl Into<String>) -> ApiError {
        ApiError::new(ErrorCode::BadUserInput, message)
    }

    /// Something that is not indexed.
    pub fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(ErrorCode::NotFound, message)
    }

    /// A defect: `what` is logged, the client learns only that there is one.
    pub fn internal(what: impl std::fmt::Display) -> ApiError {
        tracing::error!(error = %what, "an answer failed");
        metrics::counter!("souk_api_internal_errors_total").increment(1);
        ApiError::new(
            ErrorCode::Internal,
            "something is broken on the server; its log says what",
        )
    }

    /// As GraphQL knows it.
    pub fn server_error(&self) -> ServerError {
        let mut error = ServerError::new(self.message.clone(), None);
        error.extensions = Some(self.extension_values());
        error
    }

    fn extension_values(&self) -> ErrorExtensionValues {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.code.as_str());
        if let Some(seconds) = self.retry_after_secs {
            values.set("retryAfterSecs", seconds);
        }
        for (name, value) in &self.details {
            values.set(
                *name,
                async_graphql::Value::from_json(value.clone()).unwrap_or_default(),
            );
        }
        values
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> async_graphql::Error {
        let extensions = Some(error.extension_values());
        async_graphql::Error {
            message: error.message,
            source: None,
            extensions,
        }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> ApiError {
        let waiting = match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => {
                true
            }
            // Cancelled by the statement timeout, shut down, or starting up.
            sqlx::Error::Database(database) => {
                matches!(
                    database.code().as_deref(),
                    Some("57014" | "57P01" | "57P02" | "57P03" | "53300" | "25P02")
                )
            }
            _ => false,
        };
        if !waiting {
            return ApiError::internal(error);
        }
        tracing::warn!(%error, "the database did not answer in time");
        ApiError::new(
            ErrorCode::Unavailable,
            "the database did not answer in time; try again, or ask for less",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_error_never_reaches_a_client() {
        let error = ApiError::from(sqlx::Error::Protocol("secret table".into()));
        assert_eq!(error.code, ErrorCode::Internal);
        assert!(!error.message.contains("secret"));
        assert_eq!(ApiError::from(sqlx::Error::PoolTimedOut).code, ErrorCode::Unavailable);
    }

    #[test]
    fn codes_are_unique_and_explained() {
        let texts: std::collections::HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        assert!(ErrorCode::ALL.iter().all(|code| code.meaning().ends_with('.')));
    }
}

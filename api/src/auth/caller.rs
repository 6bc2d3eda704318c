//! Who sends a request: where from, and with which session.

use std::net::IpAddr;

use async_graphql::Context;

use super::sessions::Viewer;
use crate::error::{ApiError, ErrorCode};
use crate::exchange::Exchange;

/// What a request says of who sends it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where it comes from.
    pub client: IpAddr,
    /// The token of a session, if one was sent along. Whether it is one is looked up each time that it matters: sessions end.
    pub token: Option<String>,
}

impl Caller {
    /// Somebody without a session.
    pub fn stranger(client: IpAddr) -> Caller {
        Caller { client, token: None }
    }

    /// Somebody who sent an `Authorization` header's value, or what stands for one on a WebSocket; anything but a bearer token counts as none.
    pub fn bearing(client: IpAddr, authorization: Option<&str>) -> Caller {
        let token = authorization.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        Caller { client, token }
    }

    /// Who sends the request that is being answered.
    pub fn of<'a>(ctx: &Context<'a>) -> &'a Caller {
        ctx.data_unchecked::<Caller>()
    }

    /// Whose session it is.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a session that lasts, `FORBIDDEN` for one of a key that was revoked since.
    pub fn viewer(&self, exchange: &Exchange) -> Result<Viewer, ApiError> {
        let token = self.token.as_deref().ok_or_else(|| {
            ApiError::new(
                ErrorCode::Unauthenticated,
                "this needs a session: sign in with `signIn`, then send `Authorization: Bearer <token>` (over WebSocket in the payload of \
                 `connection_init`)",
            )
        })?;
        let viewer = exchange.sign_in().viewer(token).ok_or_else(|| {
            ApiError::new(
                ErrorCode::Unauthenticated,
                "the session has ended, or never was: sign in again with `signIn`",
            )
        })?;
        if !exchange.may_act(&viewer) {
            return Err(ApiError::new(
                ErrorCode::Forbidden,
                format!(
                    "{} no longer signs for {}: its key was revoked",
                    viewer.signer, viewer.account
                ),
            ));
        }
        Ok(viewer)
    }
}

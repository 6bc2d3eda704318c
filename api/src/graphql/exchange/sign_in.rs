//! Signing in and out.

use async_graphql::SimpleObject;

use crate::auth::{Opened, SignIn};
use crate::scalars::{Address, ChainId, Long};

/// What a sign-in message is made of. The message is EIP-4361's, with this nonce, for one of these domains and chains.
#[derive(Clone, Debug, SimpleObject)]
pub struct SignInChallenge {
    /// The nonce; usable once.
    nonce: String,
    /// Unix seconds from which on it is too old.
    expires_at: Long,
    /// Domains that a message may be for: the page that asks, or any of them for programs. The message's URI has to be of the same domain.
    domains: Vec<String>,
    /// Chains that a message may be for.
    chains: Vec<ChainId>,
}

impl SignInChallenge {
    /// A fresh one.
    pub(super) fn new(desk: &SignIn, chains: &[souk_schema::ChainId]) -> SignInChallenge {
        let (nonce, expires_at) = desk.nonce();
        SignInChallenge {
            nonce,
            expires_at: Long::saturating(expires_at),
            domains: desk.domains().to_vec(),
            chains: chains.iter().copied().map(ChainId).collect(),
        }
    }
}

/// A session. Send its token as `Authorization: Bearer <token>`, over WebSocket as `authorization` in the payload of `connection_init`.
#[derive(Clone, Debug, SimpleObject)]
pub struct SignedIn {
    /// Kept by the client alone: the server has its hash.
    token: String,
    /// Whose orders and balances it is for.
    account: Address,
    /// Who signed: the account, or a trading key that it registered.
    signer: Address,
    /// The chain that it is for.
    chain_id: ChainId,
    /// Unix seconds at which it ends.
    expires_at: Long,
}

impl From<Opened> for SignedIn {
    fn from(opened: Opened) -> SignedIn {
        SignedIn {
            token: opened.token,
            account: Address(opened.viewer.account),
            signer: Address(opened.viewer.signer),
            chain_id: ChainId(opened.viewer.chain),
            expires_at: Long::saturating(opened.expires_at),
        }
    }
}

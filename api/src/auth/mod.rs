//! Who asks: Sign-In with Ethereum (EIP-4361) to a short session.
//!
//! [`siwe`] reads what was signed, [`nonces`] hands out what makes a message usable once, [`sessions`] keeps who is signed in. Nothing
//! here moves money: orders and withdrawals carry signatures of their own. Start at [`SignIn::sign_in`].

pub mod caller;
pub mod nonces;
pub mod sessions;
pub mod siwe;
mod time;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, eip191_hash_message};
use souk_contracts::exchange::recover;
use souk_schema::ChainId;

use self::nonces::{NonceProblem, Nonces};
use self::sessions::{Sessions, Viewer};
use self::siwe::Message;
use crate::error::{ApiError, ErrorCode};

/// How signing in is done.
#[derive(Clone, Debug)]
pub struct SignInConfig {
    /// Authorities (host, and port where it is not the scheme's own) that messages may be for. Empty: the loopback names of the port that
    /// the server listens on. Never what a request's `Host` header says: a page that lures people to sign for its own domain could say that
    /// too.
    pub domains: Vec<String>,
    /// How long a session lives at most.
    pub session_lifetime: Duration,
    /// How long a nonce may be used after it was handed out.
    pub nonce_lifetime: Duration,
    /// Most sessions that are kept; beyond it the least recently used one ends.
    pub sessions: usize,
}

impl Default for SignInConfig {
    fn default() -> SignInConfig {
        SignInConfig {
            domains: Vec::new(),
            session_lifetime: Duration::from_secs(3600),
            nonce_lifetime: Duration::from_secs(300),
            sessions: 100_000,
        }
    }
}

/// A session that was just opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What the client sends from now on. Only its hash is kept.
    pub token: String,
    /// Whose session it is.
    pub viewer: Viewer,
    /// When it ends, Unix seconds.
    pub expires_at: u64,
}

/// Signs accounts in and out.
#[derive(Debug)]
pub struct SignIn {
    domains: Vec<String>,
    session_lifetime: Duration,
    nonces: Nonces,
    sessions: Sessions,
}

/// Unix seconds by this machine's clock.
pub fn now_secs() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn refuse(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::SignInRefused, message)
}

impl SignIn {
    /// With nobody signed in. `port` is the one that the server listens on.
    pub fn new(config: &SignInConfig, port: u16) -> SignIn {
        let mut domains = config.domains.clone();
        if domains.is_empty() {
            domains = ["localhost", "127.0.0.1", "[::1]"]
                .iter()
                .map(|host| format!("{host}:{port}"))
                .collect();
        }
        SignIn {
            domains,
            session_lifetime: config.session_lifetime,
            nonces: Nonces::new(config.nonce_lifetime),
            sessions: Sessions::new(config.sessions),
        }
    }

    /// A nonce for a message to sign, and until when (Unix seconds) it may be used.
    pub fn nonce(&self) -> (String, u64) {
        self.nonces.issue(now_secs())
    }

    /// The domains that messages may be for.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// Checks a signed message and opens a session. `chains` are those that a message may be for. `account` is for whom a registered key
    /// acts, where it is not the signer itself; whether the key is registered is for the caller to ask, with `may_act`.
    ///
    /// # Errors
    /// `SIGN_IN_REFUSED`, saying which condition does not hold.
    pub fn sign_in(
        &self,
        text: &str,
        signature: &[u8],
        chains: &[ChainId],
        account: Option<Address>,
        may_act: impl FnOnce(ChainId, Address, Address) -> bool,
    ) -> Result<Opened, ApiError> {
        let now = now_secs();
        let message =
            Message::read(text).map_err(|problem| refuse(format!("the message is not EIP-4361: {problem}")))?;
        let chain = self.check(&message, chains, now)?;
        if signer_of(text, signature) != Some(message.address) {
            return Err(refuse(format!(
                "the signature is not that of {} over this message: sign the very text that is sent, with personal_sign",
                message.address
            )));
        }
        let account = account.unwrap_or(message.address);
        if account != message.address && !may_act(chain, account, message.address) {
            return Err(refuse(format!(
                "{} is no registered trading key of {account}: register it in the vault first",
                message.address
            )));
        }
        // Last, so that a message that is refused for another reason can be mended and sent again.
        self.nonces.redeem(&message.nonce, now).map_err(|problem| {
            refuse(match problem {
                NonceProblem::Unknown => "the nonce is none of this server's: ask for one with `siweNonce`",
                NonceProblem::Expired => "the nonce is too old: ask for a new one with `siweNonce`",
                NonceProblem::Used => "the nonce was used before: ask for a new one with `siweNonce`",
            })
        })?;
        let longest = now.saturating_add(self.session_lifetime.as_secs());
        let expires_at = message.expiration_time.map_or(longest, |end| end.min(longest));
        let viewer = Viewer {
            chain,
            account,
            signer: message.address,
        };
        let token = self.sessions.open(viewer, expires_at, now);
        Ok(Opened {
            token,
            viewer,
            expires_at,
        })
    }

    fn check(&self, message: &Message, chains: &[ChainId], now: u64) -> Result<ChainId, ApiError> {
        if !self.domains.contains(&message.domain) {
            return Err(refuse(format!(
                "the message is for the domain {:?}, this is {}",
                message.domain,
                self.domains.join(" or ")
            )));
        }
        if message.uri_authority() != Some(message.domain.as_str()) {
            return Err(refuse("the message's URI is not of the message's domain"));
        }
        let chain = ChainId(message.chain_id);
        if !chains.contains(&chain) {
            let known: Vec<String> = chains.iter().map(ToString::to_string).collect();
            return Err(refuse(format!(
                "the message is for chain {chain}, the exchange settles on {}",
                known.join(", ")
            )));
        }
        if message.expiration_time.is_some_and(|end| now >= end) {
            return Err(refuse("the message has expired"));
        }
        if message.not_before.is_some_and(|start| now < start) {
            return Err(refuse("the message is not valid yet"));
        }
        Ok(chain)
    }

    /// Who holds a token; none for one that is unknown, has ended or was signed out.
    pub fn viewer(&self, token: &str) -> Option<Viewer> {
        self.sessions.viewer(token, now_secs())
    }

    /// Ends a session; whether there was one.
    pub fn sign_out(&self, token: &str) -> bool {
        self.sessions.close(token)
    }
}

/// Who signed a text as wallets do (EIP-191). Wallets on hardware write the parity as 0 or 1; there is no other freedom.
fn signer_of(text: &str, signature: &[u8]) -> Option<Address> {
    let mut signature: [u8; 65] = signature.try_into().ok()?;
    if signature[64] < 2 {
        signature[64] += 27;
    }
    recover(eip191_hash_message(text.as_bytes()), &signature)
}

#[cfg(test)]
mod tests;

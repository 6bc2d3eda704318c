//! Co-signs withdrawals that the engine has debited, and nothing else.
//!
//! What is signed is rebuilt from the event, never taken from a request. The caller shows an outcome that it has read from the durable
//! event stream; a withdrawal that was credited back or paid out since is the engine's and the vault's to refuse, by deadline and nonce.
//! Start at [`Cosigner::cosign`].

use alloy::sol_types::Eip712Domain;
use souk_contracts::exchange::{SIGNATURE_BYTES, Withdrawal, digest, domain, sign};
use souk_schema::exchange::command::Withdraw;
use souk_schema::exchange::{Event, GroupId, Outcome, Venue};

use crate::signer::CosignerKey;

/// A withdrawal with the operator's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// As the vault takes it.
    pub withdrawal: Withdrawal,
    /// 65 bytes: r, s, v.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// Holds the co-signer's key.
#[derive(Debug)]
pub struct Cosigner {
    key: CosignerKey,
    domain: Eip712Domain,
    group: GroupId,
}

impl Cosigner {
    /// For a group on its venue.
    pub fn new(key: CosignerKey, venue: Venue, group: GroupId) -> Cosigner {
        Cosigner {
            key,
            domain: domain(venue.chain.0, venue.vault),
            group,
        }
    }

    /// The address that the vault has to know as its co-signer.
    pub fn address(&self) -> alloy::primitives::Address {
        self.key.address()
    }

    /// The co-signature for the withdrawal that a durable outcome approves; `None` where it approves none.
    ///
    /// # Errors
    /// The signer's, which a key in memory does not give.
    pub fn cosign(&self, outcome: &Outcome) -> Result<Option<Cosigned>, alloy::signers::Error> {
        let events = outcome.result.as_deref().unwrap_or_default();
        let approved = events.iter().find_map(|event| match event {
            Event::WithdrawalApproved(withdraw) => Some(withdraw),
            _ => None,
        });
        let Some(withdraw) = approved else { return Ok(None) };
        let withdrawal = typed_withdrawal(withdraw, self.group);
        let signature = sign(digest(&withdrawal, &self.domain), self.key.key())?;
        Ok(Some(Cosigned { withdrawal, signature }))
    }
}

/// A withdrawal as its account and the operator sign it.
pub fn typed_withdrawal(withdraw: &Withdraw, group: GroupId) -> Withdrawal {
    Withdrawal {
        account: withdraw.account,
        token: withdraw.token.contract,
        id: withdraw.token.id,
        amount: withdraw.amount.0,
        receiver: withdraw.receiver,
        nonce: withdraw.nonce,
        deadline: withdraw.deadline_secs,
        group: group.0,
    }
}

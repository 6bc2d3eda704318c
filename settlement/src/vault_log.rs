//! What the vault and the licence registry said: raw logs of a chain's stream, decoded and kept in as few words as the exchange needs.
//!
//! Never fails: a log of these contracts that cannot be read is none of theirs that this build knows. Start at [`read`].

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolEvent, SolEventInterface};
use serde::{Deserialize, Serialize};
use souk_contracts::ExchangeVault::{self, ExchangeVaultEvents as Log};
use souk_contracts::LicenseRegistry::LicenseRevoked;
use souk_schema::TokenRef;
use souk_schema::exchange::{Amount, FillNumber, GroupId};
use souk_schema::record::RawLog;

/// The contracts that are listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Contracts {
    /// The vault.
    pub vault: Address,
    /// Where licence series are revoked.
    pub licences: Address,
}

/// One thing that happened on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum VaultEvent {
    /// Tokens came in.
    Deposited {
        /// The vault's number of it.
        deposit_id: u64,
        /// Whose.
        account: Address,
        /// Of what.
        token: TokenRef,
        /// How much.
        amount: Amount,
        /// Whose engine is to credit it.
        group: GroupId,
    },
    /// A co-signed withdrawal was paid.
    Withdrawn {
        /// Whose.
        account: Address,
        /// Its nonce.
        nonce: u64,
        /// Of what.
        token: TokenRef,
        /// How much.
        amount: Amount,
        /// Whose engine debited it.
        group: GroupId,
    },
    /// An exit waits.
    ExitRequested {
        /// The vault's number of it.
        exit_id: u64,
        /// Whose.
        account: Address,
    },
    /// An exit was paid, perhaps with less than was asked for, or nothing.
    ExitExecuted {
        /// The vault's number of it.
        exit_id: u64,
        /// Whose.
        account: Address,
        /// Of what.
        token: TokenRef,
        /// How much.
        paid: Amount,
        /// Whose engine is to debit it.
        group: GroupId,
    },
    /// An exit was given up.
    ExitCancelled {
        /// The vault's number of it.
        exit_id: u64,
    },
    /// A key signs (`true`), or will not any more.
    Key {
        /// For whom.
        account: Address,
        /// The key's address.
        key: Address,
        /// Whether it signs.
        signs: bool,
    },
    /// Orders with these nonces will not settle any more.
    NoncesInvalidated {
        /// Whose.
        account: Address,
        /// Every nonce below.
        below: u64,
        /// This one too.
        single: Option<u64>,
    },
    /// A fill moved balances.
    FillSettled {
        /// Of which group.
        group: GroupId,
        /// Its number.
        number: FillNumber,
        /// In which market.
        market: B256,
        /// What moved; not stored, see [`VaultEvent::without_amounts`].
        #[serde(skip)]
        fill: ExchangeVault::SettledFill,
    },
    /// A fill moved nothing and never will.
    FillSkipped {
        /// Of which group.
        group: GroupId,
        /// Its number.
        number: FillNumber,
        /// The vault's reason code.
        reason: u8,
    },
    /// A market exists on chain.
    MarketListed {
        /// Its id.
        market: B256,
        /// What is traded.
        base: TokenRef,
        /// What pays.
        quote: Address,
    },
    /// Fees accrue to another account from here on.
    FeeAccountChanged {
        /// That account.
        account: Address,
    },
    /// A royalty account was emptied.
    RoyaltyFlushed {
        /// Whose.
        market: B256,
        /// Of what.
        quote: Address,
        /// How much.
        amount: Amount,
        /// The router's number of the payment.
        revenue_id: U256,
    },
    /// The escape is open.
    EscapeEntered,
    /// A balance was taken out through the escape.
    Escaped {
        /// Whose.
        account: Address,
        /// Of what.
        token: TokenRef,
        /// How much.
        amount: Amount,
    },
    /// A licence series was revoked.
    SeriesRevoked {
        /// The series.
        token: TokenRef,
    },
}

impl VaultEvent {
    /// The same, without what a settled fill moved, for who only counts fills.
    pub fn without_amounts(mut self) -> VaultEvent {
        if let VaultEvent::FillSettled { fill, .. } = &mut self {
            *fill = Default::default();
        }
        self
    }
}

/// The events of a block's logs, in order, each with its log index.
pub fn read(contracts: &Contracts, logs: &[RawLog]) -> Vec<(u32, VaultEvent)> {
    let of_ours = logs.iter().filter_map(|log| {
        let event = if log.address == contracts.vault {
            of_vault(log)
        } else if log.address == contracts.licences {
            of_licences(log)
        } else {
            None
        };
        event.map(|event| (log.log_index, event))
    });
    of_ours.collect()
}

fn of_licences(log: &RawLog) -> Option<VaultEvent> {
    let revoked = LicenseRevoked::decode_raw_log(log.topics.iter().copied(), &log.data).ok()?;
    let token = TokenRef::new(log.address, revoked.licenseId);
    Some(VaultEvent::SeriesRevoked { token })
}

fn of_vault(log: &RawLog) -> Option<VaultEvent> {
    use VaultEvent as Event;
    Some(match Log::decode_raw_log(&log.topics, &log.data).ok()? {
        Log::Deposited(it) => Event::Deposited {
            deposit_id: it.depositId,
            account: it.account,
            token: TokenRef::new(it.token, it.id),
            amount: Amount(it.amount),
            group: GroupId(it.group),
        },
        Log::Withdrawn(it) => Event::Withdrawn {
            account: it.account,
            nonce: it.nonce,
            token: TokenRef::new(it.token, it.id),
            amount: Amount(it.amount),
            group: GroupId(it.group),
        },
        Log::ExitRequested(it) => Event::ExitRequested {
            exit_id: it.exitId,
            account: it.account,
        },
        Log::ExitExecuted(it) => Event::ExitExecuted {
            exit_id: it.exitId,
            account: it.account,
            token: TokenRef::new(it.token, it.id),
            paid: Amount(it.paid),
            group: GroupId(it.group),
        },
        Log::ExitCancelled(it) => Event::ExitCancelled { exit_id: it.exitId },
        Log::KeyRegistered(it) => Event::Key {
            account: it.account,
            key: it.key,
            signs: true,
        },
        Log::KeyRevocationRequested(it) => Event::Key {
            account: it.account,
            key: it.key,
            signs: false,
        },
        Log::NonceInvalidated(it) => Event::NoncesInvalidated {
            account: it.account,
            below: 0,
            single: Some(it.nonce),
        },
        Log::NoncesBelowInvalidated(it) => Event::NoncesInvalidated {
            account: it.account,
            below: it.nonce,
            single: None,
        },
        Log::FillSettled(it) => Event::FillSettled {
            group: GroupId(it.group),
            number: FillNumber(it.number),
            market: it.market,
            fill: it.fill,
        },
        Log::FillSkipped(it) => Event::FillSkipped {
            group: GroupId(it.group),
            number: FillNumber(it.number),
            reason: it.reason,
        },
        Log::MarketListed(it) => Event::MarketListed {
            market: it.market,
            base: TokenRef::new(it.base, it.baseId),
            quote: it.quote,
        },
        Log::FeeAccountChanged(it) => Event::FeeAccountChanged { account: it.current },
        Log::RoyaltyFlushed(it) => Event::RoyaltyFlushed {
            market: it.market,
            quote: it.quote,
            amount: Amount(it.amount),
            revenue_id: it.revenueId,
        },
        Log::EscapeEntered(_) => Event::EscapeEntered,
        Log::Escaped(it) => Event::Escaped {
            account: it.account,
            token: TokenRef::new(it.token, it.id),
            amount: Amount(it.amount),
        },
        Log::TokenListed(_)
        | Log::OperatorChanged(_)
        | Log::CosignerChanged(_)
        | Log::Heartbeat(_)
        | Log::OwnershipTransferStarted(_)
        | Log::OwnershipTransferred(_)
        | Log::EIP712DomainChanged(_) => return None,
    })
}

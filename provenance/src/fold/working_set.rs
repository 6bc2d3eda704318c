//! The rows that a batch may change: which they are, and what they hold.
//!
//! [`WorkingSet::touch`] collects keys; the shell fills in the rows that the tables hold for them; [`super::apply`] works on nothing else.

use alloy_primitives::Address;
use alloy_primitives::map::HashMap;
use souk_schema::amount::Balance;
use souk_schema::event::{DomainEvent, VaultCredited, VaultDebited};
use souk_schema::{ChainId, TokenRef, TokenStandard};

use super::decode::DecodedBlock;
use super::foreign::ForeignSet;
use super::held::{Change, Held};
use super::rows::{BalanceRow, OwnerRow, Writes};
use super::things::{Thing, mentioned};
use super::vault::VaultSet;

/// A thing that can be made once and ended once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// Never made.
    #[default]
    Absent,
    /// Open in the tables.
    Stored,
    /// Made in this batch: its place among the facts to be written.
    Fresh(usize),
    /// Made and ended; it cannot be made again.
    Ended,
}

/// The state that a batch may read and change.
#[derive(Debug, Default)]
pub struct WorkingSet {
    /// Owners of ERC-721 tokens.
    pub owners: HashMap<TokenRef, Held<Address>>,
    /// Balances of ERC-20 and ERC-1155 tokens.
    pub balances: HashMap<(TokenRef, Address), Held<Balance>>,
    /// Assets that might be registered twice.
    pub assets: HashMap<TokenRef, Lifetime>,
    /// Terms that might be registered twice: their registry and id.
    pub terms: HashMap<TokenRef, Lifetime>,
    /// Licence series that are minted or revoked.
    pub series: HashMap<TokenRef, Lifetime>,
    /// Contributions that are recorded or voided.
    pub contributions: HashMap<TokenRef, Lifetime>,
    /// Tasks, executions and the like that events make or speak of, with the asset that they belong to; `None` until they are made.
    pub things: HashMap<(Thing, TokenRef), Option<TokenRef>>,
    /// What is in vaults.
    pub vaults: VaultSet,
    /// What other protocols said before.
    pub foreign: ForeignSet,
}

impl WorkingSet {
    /// The keys that blocks of a chain touch, with nothing loaded for them yet.
    pub fn touched_by(chain: ChainId, blocks: &[DecodedBlock]) -> WorkingSet {
        let mut set = WorkingSet {
            foreign: ForeignSet::of(chain),
            ..WorkingSet::default()
        };
        let logs = blocks.iter().flat_map(|block| &block.logs);
        for event in logs.filter_map(|log| log.events.as_ref().ok()).flatten() {
            set.touch(event);
        }
        set
    }

    /// Adds the keys that an event touches.
    pub fn touch(&mut self, event: &DomainEvent) {
        match event {
            DomainEvent::TokenTransferred {
                token,
                standard,
                from,
                to,
                ..
            } => match standard {
                TokenStandard::Erc721 => {
                    self.owners.entry(*token).or_default();
                }
                TokenStandard::Erc20 | TokenStandard::Erc1155 => {
                    for account in [from, to].into_iter().filter(|account| !account.is_zero()) {
                        self.balances.entry((*token, *account)).or_default();
                    }
                }
            },
            DomainEvent::AssetRegistered { asset, .. } => {
                self.assets.entry(*asset).or_default();
            }
            DomainEvent::LicenseTermsRegistered { registry, terms_id, .. } => {
                self.terms.entry(TokenRef::new(*registry, *terms_id)).or_default();
            }
            DomainEvent::LicenseMinted { series, .. } | DomainEvent::LicenseRevoked { series, .. } => {
                self.series.entry(*series).or_default();
            }
            DomainEvent::ContributionRecorded { contribution, .. }
            | DomainEvent::ContributionVoided { contribution, .. } => {
                self.contributions.entry(*contribution).or_default();
            }
            DomainEvent::VaultCredited(VaultCredited {
                vault, account, token, ..
            })
            | DomainEvent::VaultDebited(VaultDebited {
                vault, account, token, ..
            }) => self.vaults.touch_balance(*vault, *token, *account),
            DomainEvent::VaultMarketListed(listed) => self.vaults.touch_market(listed),
            DomainEvent::VaultFeeAccountChanged(changed) => {
                self.vaults.touch_fee_account(changed.vault, changed.current)
            }
            DomainEvent::VaultFilled(fill) => self.vaults.touch_fill(fill),
            DomainEvent::Foreign(event) => self.foreign.touch(event),
            other => {
                let mention = mentioned(other);
                for thing in mention.makes.into_iter().chain(mention.of) {
                    self.things.entry(thing).or_default();
                }
            }
        }
    }

    /// Ends the batch: what is still true becomes open rows.
    pub fn finish(self, writes: &mut Writes<'_>) {
        for (token, held) in self.owners {
            held.finish(|change| write_owner(writes, token, change));
        }
        for ((token, account), held) in self.balances {
            held.finish(|change| write_balance(writes, token, account, change));
        }
        self.vaults.finish(writes);
        self.foreign.finish(writes);
    }
}

pub(super) fn write_owner(writes: &mut Writes<'_>, token: TokenRef, change: Change<Address>) {
    match change {
        Change::Insert { value, at, until } => writes.owners.push(OwnerRow {
            token,
            owner: value,
            at,
            until,
        }),
        Change::Close { from, until } => writes.closed.owners.push((token, from, until)),
    }
}

pub(super) fn write_balance(writes: &mut Writes<'_>, token: TokenRef, account: Address, change: Change<Balance>) {
    match change {
        Change::Insert { value, at, until } => writes.balances.push(BalanceRow {
            token,
            account,
            amount: value,
            at,
            until,
        }),
        Change::Close { from, until } => writes.closed.balances.push((token, account, from, until)),
    }
}

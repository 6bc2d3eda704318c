//! Decides what a block changes. Its inverse is generic over the tables, because every row names the block that made it and the block
//! that ended it: see [`crate::store::revert_from`].
//!
//! A log is applied whole or not at all. One that cannot be true (an asset registered twice) or cannot be kept (a NUL in a text) is
//! quarantined with its reason and stops nothing else.

use alloy_primitives::{Address, U256};
use souk_schema::amount::{Balance, balance_of};
use souk_schema::caip::AssetId;
use souk_schema::event::{AssetMirrored, DomainEvent, VaultCredited, VaultDebited, VaultMarketListed};
use souk_schema::{TokenRef, TokenStandard};

use super::decode::DecodedBlock;
use super::rows::{At, ContractRow, EventRow, Fact, QuarantineRow, Writes};
use super::things::{Mention, Thing, mentioned};
use super::working_set::{Lifetime, WorkingSet, write_balance, write_owner};

/// Reasons are cut to this length in characters; they may quote what a stranger wrote.
const LONGEST_REASON: usize = 500;

/// Applies a block to the working set and adds what it changes to `writes`. Blocks come by rising number, and the working set holds
/// every key that they touch.
pub fn apply<'a>(set: &mut WorkingSet, decoded: &'a DecodedBlock, writes: &mut Writes<'a>) {
    let block = decoded.block.number;
    writes.blocks.push(&decoded.block);
    for (log, meaning) in decoded.block.logs.iter().zip(&decoded.logs) {
        let at = At {
            block,
            log_index: log.log_index,
        };
        if let Some(child) = meaning.child {
            writes.contracts.push(ContractRow {
                address: child.address,
                kind: child.kind,
                factory: log.address,
                at,
            });
        }
        let vetted = meaning.events.as_ref().map_err(Clone::clone).and_then(|events| {
            events.iter().try_for_each(|event| vet(set, event))?;
            Ok(events)
        });
        match vetted {
            Ok(events) => {
                for (ordinal, event) in (0..).zip(events) {
                    writes.events.push(EventRow {
                        block,
                        log,
                        ordinal,
                        event,
                        subject: subject(set, event),
                    });
                    evolve(set, event, at, writes);
                }
            }
            Err(reason) => writes.quarantine.push(QuarantineRow {
                block,
                log,
                reason: printable(&reason),
            }),
        }
    }
}

/// Postgres's text holds every character but NUL.
fn printable(reason: &str) -> String {
    reason.replace('\0', "\u{fffd}").chars().take(LONGEST_REASON).collect()
}

/// Whether an event can be true and can be kept. Events of one log are vetted before any of them is applied; only logs of one event
/// can contradict the state, so that they cannot contradict one another.
fn vet(set: &WorkingSet, event: &DomainEvent) -> Result<(), String> {
    if let Some(field) = text_with_nul(event) {
        return Err(format!(
            "`{field}` of {} holds a NUL character, which cannot be kept",
            event.name()
        ));
    }
    let lifetime = |map: &alloy_primitives::map::HashMap<TokenRef, Lifetime>, key: &TokenRef| {
        map.get(key).copied().unwrap_or_default()
    };
    match event {
        DomainEvent::AssetRegistered { asset, .. } if lifetime(&set.assets, asset) != Lifetime::Absent => {
            Err(format!("asset {} is registered already", asset.id))
        }
        DomainEvent::AssetVersioned { version, .. } if i32::try_from(*version).is_err() => Err(format!(
            "version {version} is beyond {}, the highest that can be kept",
            i32::MAX
        )),
        DomainEvent::LicenseTermsRegistered { registry, terms_id, .. }
            if lifetime(&set.terms, &TokenRef::new(*registry, *terms_id)) != Lifetime::Absent =>
        {
            Err(format!("terms {terms_id} are registered already"))
        }
        DomainEvent::ContributionRecorded { contribution, .. }
            if lifetime(&set.contributions, contribution) != Lifetime::Absent =>
        {
            Err(format!("contribution {} is recorded already", contribution.id))
        }
        DomainEvent::ContributionVoided { contribution, .. } => match lifetime(&set.contributions, contribution) {
            Lifetime::Absent => Err(format!("contribution {} was never recorded", contribution.id)),
            Lifetime::Ended => Err(format!("contribution {} is void already", contribution.id)),
            Lifetime::Stored | Lifetime::Fresh(_) => Ok(()),
        },
        DomainEvent::AssetMirrored(AssetMirrored {
            origin: AssetId::Other(origin),
            ..
        }) => Err(format!(
            "`{origin}` is no asset of an EVM chain: a gateway mirrors none"
        )),
        DomainEvent::VaultMarketListed(VaultMarketListed { vault, market, .. })
            if set.vaults.markets.get(&(*vault, *market)).is_some_and(Option::is_some) =>
        {
            Err(format!("market {market} is listed already"))
        }
        DomainEvent::VaultFilled(fill) if set.vaults.market(fill).is_none() => {
            Err(format!("market {} was never listed", fill.market))
        }
        DomainEvent::Foreign(event) => set.foreign.vet(event),
        other => vet_things(set, other),
    }
}

fn vet_things(set: &WorkingSet, event: &DomainEvent) -> Result<(), String> {
    let Mention { makes, of, .. } = mentioned(event);
    let is_made = |thing: &(Thing, TokenRef)| set.things.get(thing).is_some_and(Option::is_some);
    if let Some((thing, key)) = of.filter(|thing| !is_made(thing)) {
        return Err(thing.never_made(&key));
    }
    match makes.filter(is_made) {
        Some((thing, key)) => Err(thing.made_already(&key)),
        None => Ok(()),
    }
}

/// What an event is about. Where the log names neither asset nor token, the state does.
fn subject(set: &WorkingSet, event: &DomainEvent) -> Option<TokenRef> {
    match event {
        DomainEvent::VaultFilled(fill) => set.vaults.market(fill).map(|market| market.base),
        DomainEvent::Foreign(event) => set.foreign.subject(event),
        other => asset_of(set, &mentioned(other)).or_else(|| other.subject()),
    }
}

/// The asset that an event about things belongs to.
fn asset_of(set: &WorkingSet, mention: &Mention) -> Option<TokenRef> {
    let of = || mention.of.and_then(|thing| set.things.get(&thing).copied().flatten());
    mention.asset.or_else(of)
}

/// The first text of an event that holds a NUL.
fn text_with_nul(event: &DomainEvent) -> Option<&'static str> {
    let texts: [(&'static str, &str); 2] = match event {
        DomainEvent::AssetRegistered { name, metadata_uri, .. } => [("name", name), ("metadata_uri", metadata_uri)],
        DomainEvent::AssetVersioned { metadata_uri, .. } => [("metadata_uri", metadata_uri), ("", "")],
        DomainEvent::ForeignParentDeclared {
            parent: AssetId::Other(parent),
            ..
        } => [("parent", parent), ("", "")],
        DomainEvent::LicenseTermsRegistered { terms, .. } => [("uri", &terms.uri), ("spdx_id", &terms.spdx_id)],
        DomainEvent::LicenseRevoked { reason, .. } | DomainEvent::ContributionVoided { reason, .. } => {
            [("reason", reason), ("", "")]
        }
        DomainEvent::TaskPosted(posted) => [("spec_uri", &posted.spec_uri), ("", "")],
        DomainEvent::SubmissionMade(made) => [("content_uri", &made.content_uri), ("", "")],
        DomainEvent::ExecutionChallenged(challenged) => [("evidence_uri", &challenged.evidence_uri), ("", "")],
        DomainEvent::DisputeRaised(raised) => [("evidence_uri", &raised.evidence_uri), ("", "")],
        DomainEvent::RootDisputed(disputed) => [("reason", &disputed.reason), ("", "")],
        _ => return None,
    };
    texts
        .into_iter()
        .find(|(_, text)| text.contains('\0'))
        .map(|(field, _)| field)
}

/// Folds a vetted event into the working set.
fn evolve<'a>(set: &mut WorkingSet, event: &'a DomainEvent, at: At, writes: &mut Writes<'a>) {
    let mention = mentioned(event);
    let asset = asset_of(set, &mention);
    let fact = Fact {
        event,
        asset,
        at,
        until: None,
    };
    let place = Lifetime::Fresh(writes.facts.len());
    match event {
        DomainEvent::TokenTransferred {
            token,
            standard,
            from,
            to,
            amount,
        } => {
            return match standard {
                TokenStandard::Erc721 => own(set, *token, *to, at, writes),
                TokenStandard::Erc20 | TokenStandard::Erc1155 => {
                    transfer(set, *token, *from, *to, *amount, at, writes);
                }
            };
        }
        DomainEvent::AssetRegistered { asset, .. } => _ = set.assets.insert(*asset, place),
        DomainEvent::LicenseTermsRegistered { registry, terms_id, .. } => {
            set.terms.insert(TokenRef::new(*registry, *terms_id), place);
        }
        DomainEvent::LicenseMinted { series, .. } => {
            let lifetime = set.series.entry(*series).or_default();
            if *lifetime != Lifetime::Absent {
                return;
            }
            *lifetime = place;
        }
        DomainEvent::LicenseRevoked { series, .. } => {
            let lifetime = set.series.entry(*series).or_default();
            match std::mem::replace(lifetime, Lifetime::Ended) {
                Lifetime::Stored => writes.closed.series.push((*series, at.block)),
                Lifetime::Fresh(place) => writes.facts[place].until = Some(at.block),
                // Revoked before we saw it minted, or a second time: the revocation stands for itself.
                Lifetime::Absent | Lifetime::Ended => {}
            }
        }
        DomainEvent::ContributionRecorded { contribution, .. } => {
            set.contributions.insert(*contribution, place);
        }
        DomainEvent::ContributionVoided { contribution, .. } => {
            void(set, *contribution, at, writes);
            return;
        }
        DomainEvent::VaultCredited(VaultCredited {
            vault,
            account,
            token,
            amount,
        }) => {
            return set
                .vaults
                .change(*vault, *token, *account, balance_of(*amount), at, writes);
        }
        DomainEvent::VaultDebited(VaultDebited {
            vault,
            account,
            token,
            amount,
        }) => {
            return set
                .vaults
                .change(*vault, *token, *account, -balance_of(*amount), at, writes);
        }
        DomainEvent::VaultFeeAccountChanged(changed) => {
            return set.vaults.set_fee_account(changed.vault, changed.current, at, writes);
        }
        DomainEvent::VaultFilled(fill) => {
            if let Some(market) = set.vaults.market(fill) {
                set.vaults.fill(fill, market, at, writes);
            }
            return;
        }
        // Payouts fold it from the stream; nothing that is shown here depends on it.
        DomainEvent::DistributorChanged(_) => return,
        DomainEvent::VaultMarketListed(listed) => set.vaults.list(listed),
        DomainEvent::Foreign(foreign) => return set.foreign.evolve(event, foreign, at, writes),
        _ => {
            if let Some(thing) = mention.makes {
                set.things.insert(thing, asset);
            }
        }
    }
    writes.facts.push(fact);
}

/// A contribution that is voided in the block that recorded it was never true, whichever batch looks at it later.
fn void(set: &mut WorkingSet, contribution: TokenRef, at: At, writes: &mut Writes<'_>) {
    let lifetime = set.contributions.entry(contribution).or_default();
    *lifetime = match *lifetime {
        Lifetime::Stored => {
            writes.closed.contributions.push((contribution, at.block));
            Lifetime::Ended
        }
        Lifetime::Fresh(place) => {
            let fact = &mut writes.facts[place];
            fact.until = Some(at.block);
            if fact.at.block == at.block {
                Lifetime::Absent
            } else {
                Lifetime::Ended
            }
        }
        nothing_open => nothing_open,
    };
}

fn own(set: &mut WorkingSet, token: TokenRef, to: Address, at: At, writes: &mut Writes<'_>) {
    let owner = (!to.is_zero()).then_some(to);
    let held = set.owners.entry(token).or_default();
    held.set(owner, at, |change| write_owner(writes, token, change));
}

fn transfer(
    set: &mut WorkingSet,
    token: TokenRef,
    from: Address,
    to: Address,
    amount: U256,
    at: At,
    writes: &mut Writes<'_>,
) {
    if from == to {
        return;
    }
    // 2^255 transfers of the largest amount would be needed to leave the range of a balance.
    let amount = balance_of(amount);
    for (account, change) in [(from, -amount), (to, amount)] {
        if account.is_zero() {
            continue;
        }
        let held = set.balances.entry((token, account)).or_default();
        let before = held.current().copied().unwrap_or(Balance::ZERO);
        let after = Some(before + change).filter(|balance| !balance.is_zero());
        held.set(after, at, |change| write_balance(writes, token, account, change));
    }
}

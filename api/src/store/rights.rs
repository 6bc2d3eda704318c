//! Who may use what, as of a block: the tables as a [`LicenseView`], so that the check is the one that payouts ask of their own state.
//!
//! [`Rights::load`] reads everything above an asset in a handful of statements, however much that is, and answers from memory. What it must
//! agree with is the fold of payouts as of the end of the same block.

use std::collections::{BTreeMap, BTreeSet};

use souk_payouts::Contracts;
use souk_payouts::license::{DerivedUnder, LicenseView, SeriesView, Terms};
use souk_schema::event::RoyaltyPolicy;
use souk_schema::{Address, ChainId, E8, TokenRef, U256};

use super::{Reader, chain_number, licenses};
use crate::error::ApiError;
use crate::scalars::{Address as AddressColumn, BigInt, Key};

/// What is asked about.
pub struct Question<'a> {
    /// The chain.
    pub chain: ChainId,
    /// The contracts of the registry.
    pub contracts: &'a Contracts,
    /// As of the end of this block.
    pub at: i64,
    /// The asset.
    pub asset: U256,
    /// Whose licences of the asset matter.
    pub account: Option<Address>,
}

/// What is known of an asset and everything above it.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    owners: BTreeMap<U256, Address>,
    edges: BTreeMap<U256, Vec<DerivedUnder>>,
    series: BTreeMap<U256, SeriesView>,
    terms: BTreeMap<U256, Terms>,
    offered: BTreeMap<U256, BTreeSet<U256>>,
    /// Terms by asset under which no licence is to be had any more.
    closed: BTreeSet<(U256, U256)>,
    held: BTreeMap<(Address, U256), BTreeSet<U256>>,
}

/// Parents by child, in the order of their declaration. Only derivations within the registry need licences.
const EDGES: &str = "with recursive above(key) as (select $3::bytea union select d.parent_key from above \
     join derivation d on d.chain_id = $1 and d.child_key = above.key \
     where substring(d.parent_key for 20) = $4 and d.valid_from <= $2 and (d.valid_to is null or d.valid_to > $2)) \
     select d.child_key, d.parent_key, d.license_id::text from above \
     join derivation d on d.chain_id = $1 and d.child_key = above.key \
     where substring(d.parent_key for 20) = $4 and d.valid_from <= $2 and (d.valid_to is null or d.valid_to > $2) \
     order by d.valid_from, d.log_index";

/// Who owned each asset last. Vault and task board own none: what is sent there stays its last owner's, as for payouts.
const OWNERS: &str = "select k.key, o.owner from unnest($3::bytea[]) as k(key) \
     join asset a on a.chain_id = $1 and a.asset_key = k.key and a.valid_from <= $2 \
     cross join lateral (select o.owner from ownership o where o.chain_id = $1 and o.token_key = k.key and o.valid_from <= $2 \
     and o.owner <> all($4::bytea[]) order by o.valid_from desc limit 1) o";

/// The series of an asset that an account holds units of, itself or in the vault.
const HELD: &str = "select k.account, k.asset, s.series_key from unnest($3::bytea[], $4::bytea[]) as k(account, asset) \
     join license_series s on s.chain_id = $1 and s.asset_key = k.asset and s.valid_from <= $2 and substring(s.series_key for 20) = $5 \
     where k.account <> all($7::bytea[]) and (exists (select from balance b where b.chain_id = $1 and b.token_key = s.series_key \
     and b.account = k.account and b.valid_from <= $2 and (b.valid_to is null or b.valid_to > $2) and b.amount > 0) \
     or exists (select from vault_balance v where v.chain_id = $1 and v.vault = $6 and v.token_key = s.series_key \
     and v.account = k.account and v.valid_from <= $2 and (v.valid_to is null or v.valid_to > $2) and v.amount > 0))";

/// Series, with whether they were revoked.
const SERIES: &str = "select s.series_key, s.asset_key, s.terms_id::text, s.expires_at::text, \
     exists (select from license_revocation r where r.chain_id = $1 and r.series_key = s.series_key and r.valid_from <= $2) \
     from license_series s where s.chain_id = $1 and s.series_key = any($3) and s.valid_from <= $2";

/// The terms that assets are offered under.
const OFFERED: &str = "select t.asset_key, t.terms_id::text from terms_attachment t where t.chain_id = $1 and t.asset_key = any($3) \
     and t.registry = $4 and t.valid_from <= $2 and (t.valid_to is null or t.valid_to > $2)";

/// Terms whose series without end was revoked.
const CLOSED: &str = "select s.asset_key, s.terms_id::text from license_series s where s.chain_id = $1 and s.asset_key = any($3) \
     and substring(s.series_key for 20) = $4 and s.expires_at = 0 and s.valid_from <= $2 and exists (select from license_revocation r \
     where r.chain_id = $1 and r.series_key = s.series_key and r.valid_from <= $2)";

impl Rights {
    /// What is known as of the end of the block; the asset has no owner in it where there was none.
    ///
    /// # Errors
    /// When the database does not answer, or a row is not what it must be.
    pub async fn load(reader: &Reader, question: &Question<'_>) -> Result<Rights, ApiError> {
        let mut rights = Rights::default();
        rights.load_edges(reader, question).await?;
        let assets = rights.assets(question);
        rights.load_owners(reader, question, &assets).await?;
        rights.load_series(reader, question).await?;
        rights.load_offers(reader, question, &assets).await?;
        rights.load_closed(reader, question, &assets).await?;
        rights.load_terms(reader, question).await?;
        Ok(rights)
    }

    /// The keys of the asset and of everything above it.
    fn assets(&self, question: &Question<'_>) -> Vec<Vec<u8>> {
        let parents = self.edges.values().flatten().map(|edge| edge.parent);
        let all: BTreeSet<U256> = parents.chain([question.asset]).collect();
        all.into_iter().map(|asset| question.asset_key(asset)).collect()
    }

    async fn load_edges(&mut self, reader: &Reader, question: &Question<'_>) -> Result<(), ApiError> {
        let query = sqlx::query(EDGES)
            .bind(chain_number(question.chain))
            .bind(question.at)
            .bind(question.asset_key(question.asset))
            .bind(question.contracts.registry.to_vec());
        for (child, parent, license) in reader.all::<(Key, Key, BigInt)>(query).await? {
            let license = number(license)?;
            self.edges.entry(child.0.id).or_default().push(DerivedUnder {
                parent: parent.0.id,
                series: (!license.is_zero()).then_some(license),
            });
        }
        Ok(())
    }

    async fn load_owners(
        &mut self,
        reader: &Reader,
        question: &Question<'_>,
        assets: &[Vec<u8>],
    ) -> Result<(), ApiError> {
        let query = sqlx::query(OWNERS)
            .bind(chain_number(question.chain))
            .bind(question.at)
            .bind(assets)
            .bind(question.custodians());
        let rows = reader.all::<(Key, AddressColumn)>(query).await?;
        self.owners = rows.into_iter().map(|(asset, owner)| (asset.0.id, owner.0)).collect();
        Ok(())
    }

    /// The series that derivations were made under, and those that the account holds of the asset, or a child's owner of a parent.
    async fn load_series(&mut self, reader: &Reader, question: &Question<'_>) -> Result<(), ApiError> {
        let mut wanted: BTreeSet<(Address, U256)> = BTreeSet::new();
        for (child, edges) in &self.edges {
            let owner = self.owners.get(child);
            wanted.extend(
                owner
                    .into_iter()
                    .flat_map(|owner| edges.iter().map(move |edge| (*owner, edge.parent))),
            );
        }
        wanted.extend(question.account.map(|account| (account, question.asset)));
        let query = sqlx::query(HELD)
            .bind(chain_number(question.chain))
            .bind(question.at)
            .bind(wanted.iter().map(|(account, _)| account.to_vec()).collect::<Vec<_>>())
            .bind(
                wanted
                    .iter()
                    .map(|(_, asset)| question.asset_key(*asset))
                    .collect::<Vec<_>>(),
            )
            .bind(question.contracts.licenses.to_vec())
            .bind(question.vault())
            .bind(question.custodians());
        for (account, asset, series) in reader.all::<(AddressColumn, Key, Key)>(query).await? {
            self.held
                .entry((account.0, asset.0.id))
                .or_default()
                .insert(series.0.id);
        }
        let used = self.edges.values().flatten().filter_map(|edge| edge.series);
        let all: BTreeSet<U256> = used.chain(self.held.values().flatten().copied()).collect();
        let series_key = |series: U256| {
            TokenRef::new(question.contracts.licenses, series)
                .key()
                .as_bytes()
                .to_vec()
        };
        let query = sqlx::query(SERIES)
            .bind(chain_number(question.chain))
            .bind(question.at)
            .bind(all.into_iter().map(series_key).collect::<Vec<_>>());
        for (series, asset, terms_id, expires_at, revoked) in
            reader.all::<(Key, Key, BigInt, BigInt, bool)>(query).await?
        {
            let view = SeriesView {
                asset: asset.0.id,
                terms_id: number(terms_id)?,
                expires_at: u64::try_from(number(expires_at)?).map_err(ApiError::internal)?,
                revoked,
            };
            self.series.insert(series.0.id, view);
        }
        Ok(())
    }

    async fn load_offers(
        &mut self,
        reader: &Reader,
        question: &Question<'_>,
        assets: &[Vec<u8>],
    ) -> Result<(), ApiError> {
        let query = sqlx::query(OFFERED)
            .bind(chain_number(question.chain))
            .bind(question.at)
            .bind(assets)
            .bind(question.contracts.licenses.to_vec());
        for (asset, terms_id) in reader.all::<(Key, BigInt)>(query).await? {
            self.offered.entry(asset.0.id).or_default().insert(number(terms_id)?);
        }
        Ok(())
    }

    async fn load_closed(
        &mut self,
        reader: &Reader,
        question: &Question<'_>,
        assets: &[Vec<u8>],
    ) -> Result<(), ApiError> {
        let query = sqlx::query(CLOSED)
            .bind(chain_number(question.chain))
            .bind(question.at)
            .bind(assets)
            .bind(question.contracts.licenses.to_vec());
        for (asset, terms_id) in reader.all::<(Key, BigInt)>(query).await? {
            self.closed.insert((asset.0.id, number(terms_id)?));
        }
        Ok(())
    }

    async fn load_terms(&mut self, reader: &Reader, question: &Question<'_>) -> Result<(), ApiError> {
        let of_series = self.series.values().map(|series| series.terms_id);
        let all: BTreeSet<U256> = of_series.chain(self.offered.values().flatten().copied()).collect();
        let licenses = question.contracts.licenses;
        let ids: Vec<licenses::TermsId> = all.into_iter().map(|id| (question.chain, licenses, id)).collect();
        for ((_, _, id), row) in licenses::terms(reader, &ids).await? {
            if row.valid_from.0 > question.at {
                continue;
            }
            let policy = u8::try_from(row.royalty_policy).map_err(ApiError::internal)?;
            let share = u64::try_from(row.revenue_share_e8).map_err(ApiError::internal)?;
            let terms = Terms {
                commercial_use: row.commercial_use,
                derivatives_allowed: row.derivatives_allowed,
                policy: RoyaltyPolicy::try_from(policy).map_err(ApiError::internal)?,
                share: E8::from_parts(share).map_err(ApiError::internal)?,
            };
            self.terms.insert(id, terms);
        }
        Ok(())
    }
}

impl Question<'_> {
    fn asset_key(&self, asset: U256) -> Vec<u8> {
        TokenRef::new(self.contracts.registry, asset).key().as_bytes().to_vec()
    }

    fn vault(&self) -> Option<Vec<u8>> {
        self.contracts.vault.map(|vault| vault.to_vec())
    }

    /// What holds for others, and is nobody itself.
    fn custodians(&self) -> Vec<Vec<u8>> {
        let all = [self.contracts.vault, self.contracts.tasks];
        all.into_iter().flatten().map(|contract| contract.to_vec()).collect()
    }
}

fn number(value: BigInt) -> Result<U256, ApiError> {
    value
        .unsigned()
        .ok_or_else(|| ApiError::internal("a row holds a number below 0 or above 2^256 - 1"))
}

impl LicenseView for Rights {
    fn owner(&self, asset: U256) -> Option<Address> {
        self.owners.get(&asset).copied()
    }

    fn derived_from(&self, asset: U256) -> Vec<DerivedUnder> {
        self.edges.get(&asset).cloned().unwrap_or_default()
    }

    fn series(&self, series: U256) -> Option<SeriesView> {
        self.series.get(&series).copied()
    }

    fn terms(&self, terms_id: U256) -> Option<Terms> {
        self.terms.get(&terms_id).copied()
    }

    fn offered(&self, asset: U256) -> Vec<U256> {
        self.offered.get(&asset).into_iter().flatten().copied().collect()
    }

    fn is_closed(&self, asset: U256, terms_id: U256) -> bool {
        self.closed.contains(&(asset, terms_id))
    }

    fn held(&self, account: Address, asset: U256) -> Vec<U256> {
        self.held
            .get(&(account, asset))
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }
}

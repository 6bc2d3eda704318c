//! Settled revenues: kept when their last line is vested, read when somebody asks why a line of theirs is what it is.

use std::collections::BTreeMap;

use souk_payouts::Archived;
use souk_payouts::state::Revenue;
use souk_schema::{Address, B256, U256};
use sqlx::postgres::PgConnection;

use super::{Store, big};
use crate::fold::Changes;

impl Store {
    /// A revenue that was settled; `None` for one that is not kept.
    ///
    /// # Errors
    /// What Postgres says, or that what it holds is no revenue.
    pub async fn settled(&self, registry: Address, revenue: U256) -> Result<Option<Revenue>, sqlx::Error> {
        let found: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
            "select record, plan from payouts.settled join payouts.plan
             on (plan.chain_id, plan.digest) = (settled.chain_id, settled.plan_digest)
             where settled.chain_id = $1 and registry = $2 and revenue = $3::numeric",
        )
        .bind(big(self.chain.0))
        .bind(registry.as_slice())
        .bind(revenue.to_string())
        .fetch_optional(&self.pool)
        .await?;
        let read = |(record, plan): (Vec<u8>, Vec<u8>)| Revenue::unarchive(&record, &plan);
        found
            .map(read)
            .transpose()
            .map_err(|error| sqlx::Error::Decode(error.into()))
    }

    pub(super) async fn insert_settled(
        &self,
        connection: &mut PgConnection,
        changes: &Changes,
    ) -> Result<(), sqlx::Error> {
        let settled = &changes.settled;
        if settled.is_empty() {
            return Ok(());
        }
        let mut plans: BTreeMap<B256, &Archived> = BTreeMap::new();
        for (.., archived) in settled {
            plans.entry(archived.plan_digest).or_insert(archived);
        }
        sqlx::query(
            "insert into payouts.plan (chain_id, digest, plan)
             select $1, digest, plan from unnest($2::bytea[], $3::bytea[]) as plan (digest, plan) on conflict do nothing",
        )
        .bind(big(self.chain.0))
        .bind(plans.keys().map(B256::as_slice).collect::<Vec<_>>())
        .bind(plans.values().map(|archived| archived.plan_bytes()).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "insert into payouts.settled (chain_id, registry, revenue, record, plan_digest, block_number)
             select $1, registry, revenue::numeric, record, plan_digest, block
             from unnest($2::bytea[], $3::text[], $4::bytea[], $5::bytea[], $6::bigint[])
                 as settled (registry, revenue, record, plan_digest, block)",
        )
        .bind(big(self.chain.0))
        .bind(
            settled
                .iter()
                .map(|(registry, ..)| registry.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(
            settled
                .iter()
                .map(|(.., archived)| archived.revenue.to_string())
                .collect::<Vec<_>>(),
        )
        .bind(
            settled
                .iter()
                .map(|(.., archived)| archived.bytes.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(
            settled
                .iter()
                .map(|(.., archived)| archived.plan_digest.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(settled.iter().map(|(_, block, _)| big(*block)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }
}

//! What the proposer of a deployment's roots sent last. The chain has the rest.

use souk_schema::{Address, B256};
use souk_wire::fees::Fees;

use super::{Store, big};
use crate::publish::Sent;

/// Genesis, proposer, nonce, the two fees and the block, as Postgres gives them.
type Row = (Vec<u8>, Vec<u8>, i64, String, String, i64);

impl Store {
    /// What was sent last for a deployment.
    ///
    /// # Errors
    /// What Postgres says.
    pub(crate) async fn sent(&self, registry: Address) -> Result<Option<Sent>, sqlx::Error> {
        let row: Option<Row> = sqlx::query_as(
            "select genesis, proposer, nonce, max_wei::text, tip_wei::text, since_block from payouts.sent
             where chain_id = $1 and registry = $2",
        )
        .bind(big(self.chain.0))
        .bind(registry.as_slice())
        .fetch_optional(&self.pool)
        .await?;
        let sent = |(genesis, proposer, nonce, max_wei, tip_wei, since_block): Row| {
            Some(Sent {
                genesis: B256::try_from(&genesis[..]).ok()?,
                proposer: Address::try_from(&proposer[..]).ok()?,
                nonce: nonce.unsigned_abs(),
                fees: Fees {
                    max_wei: max_wei.parse().ok()?,
                    tip_wei: tip_wei.parse().ok()?,
                },
                since_block: since_block.unsigned_abs(),
            })
        };
        let damaged = || sqlx::Error::Decode("payouts.sent holds what is no transaction".into());
        row.map(|row| sent(row).ok_or_else(damaged)).transpose()
    }

    /// Keeps what is about to be sent for a deployment, in place of what was sent before; `None` where nothing was sent after all.
    ///
    /// # Errors
    /// What Postgres says.
    pub(crate) async fn keep_sent(&self, registry: Address, sent: Option<&Sent>) -> Result<(), sqlx::Error> {
        let Some(sent) = sent else {
            let gone = sqlx::query("delete from payouts.sent where chain_id = $1 and registry = $2");
            let gone = gone.bind(big(self.chain.0)).bind(registry.as_slice());
            return gone.execute(&self.pool).await.map(drop);
        };
        sqlx::query(
            "insert into payouts.sent (chain_id, registry, genesis, proposer, nonce, max_wei, tip_wei, since_block)
             values ($1, $2, $3, $4, $5, $6::numeric, $7::numeric, $8)
             on conflict (chain_id, registry) do update set genesis = excluded.genesis, proposer = excluded.proposer, nonce = excluded.nonce,
                 max_wei = excluded.max_wei, tip_wei = excluded.tip_wei, since_block = excluded.since_block",
        )
        .bind(big(self.chain.0))
        .bind(registry.as_slice())
        .bind(sent.genesis.as_slice())
        .bind(sent.proposer.as_slice())
        .bind(big(sent.nonce))
        .bind(sent.fees.max_wei.to_string())
        .bind(sent.fees.tip_wei.to_string())
        .bind(big(sent.since_block))
        .execute(&self.pool)
        .await
        .map(drop)
    }
}

//! Hands out what is to be fetched. Who takes it has it until a lease is over, so two processes rarely fetch the same; that they do is harmless.

use std::collections::HashMap;
use std::time::Duration;

use souk_schema::B256;
use souk_schema::observation::Wanted;
use sqlx::FromRow;

use super::{Store, WantedRow};

/// How many are looked at for one claim.
const LOOKED_AT: i64 = 256;

/// What a process can take.
#[derive(Clone, Debug)]
pub enum Claim<'a> {
    /// What nobody needs to be asked for.
    Instant,
    /// What servers are asked for.
    Hosted {
        /// How many in all.
        room: usize,
        /// How many of one host.
        room_per_host: usize,
        /// How many of each host it has.
        taken: &'a HashMap<String, usize>,
    },
}

/// Something that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What.
    pub wanted: Wanted,
    /// Whom to ask.
    pub host: Option<String>,
    /// How often it was tried before.
    pub tries: u32,
}

#[derive(FromRow)]
struct DueRow {
    key: Vec<u8>,
    #[sqlx(flatten)]
    wanted: WantedRow,
    host: Option<String>,
    tries: i32,
    is_found: bool,
}

/// What is due, that asked for longest first. What the stream says of it may have been written while it was being wanted, unseen by whoever
/// wants it: then nothing is left to do, or not yet.
const DUE: &str = "select w.key, w.chain_id, w.kind, w.subject_key, w.uri, w.commitment, w.host, w.tries,
        exists (select from observations.found f where f.key = w.key and f.again_at is null) as is_found
    from observations.wanted w
    where not w.is_settled and not w.is_withheld and w.not_before <= now() and (w.leased_until is null or w.leased_until < now())
      and (w.host is null) = $1 and (w.host is null or w.host <> all($2))
      and not exists (select from observations.found f where f.key = w.key and f.again_at > now())
    order by w.not_before, w.key limit $3 for update of w skip locked";

impl Store {
    /// Takes what is due, for so long.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn claim(&self, claim: Claim<'_>, lease: Duration) -> Result<Vec<Claimed>, sqlx::Error> {
        let (is_instant, full): (bool, Vec<&str>) = match &claim {
            Claim::Instant => (true, Vec::new()),
            Claim::Hosted {
                room_per_host, taken, ..
            } => {
                let full = taken.iter().filter(|(_, count)| *count >= room_per_host);
                (false, full.map(|(host, _)| host.as_str()).collect())
            }
        };
        let mut transaction = self.pool.begin().await?;
        let due: Vec<DueRow> = sqlx::query_as(DUE)
            .bind(is_instant)
            .bind(full)
            .bind(LOOKED_AT)
            .fetch_all(&mut *transaction)
            .await?;
        let (mut keys, mut found, mut claimed) = (Vec::new(), Vec::new(), Vec::new());
        let mut counts: HashMap<String, usize> = HashMap::new();
        for row in due {
            if row.is_found {
                found.push(row.key);
                continue;
            }
            if let (
                Claim::Hosted {
                    room,
                    room_per_host,
                    taken,
                },
                Some(host),
            ) = (&claim, &row.host)
            {
                let count = counts
                    .entry(host.clone())
                    .or_insert_with(|| taken.get(host).copied().unwrap_or(0));
                if *count >= *room_per_host || claimed.len() >= *room {
                    continue;
                }
                *count += 1;
            }
            keys.push(row.key);
            claimed.push(Claimed {
                wanted: row.wanted.wanted()?,
                host: row.host,
                tries: row.tries.unsigned_abs(),
            });
        }
        sqlx::query(
            "update observations.wanted set leased_until = now() + make_interval(secs => $2) where key = any($1)",
        )
        .bind(keys)
        .bind(lease.as_secs_f64())
        .execute(&mut *transaction)
        .await?;
        sqlx::query("update observations.wanted set is_settled = true where key = any($1)")
            .bind(found)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(claimed)
    }

    /// How many are still to be fetched.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn waiting(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("select count(*) from observations.wanted where not is_settled and not is_withheld")
            .fetch_one(&self.pool)
            .await
    }

    /// Takes back what is to be tried again after a while.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn postpone(&self, key: B256, tries: u32, wait: Duration, problem: &str) -> Result<(), sqlx::Error> {
        sqlx::query(
            "update observations.wanted set tries = $2, not_before = now() + make_interval(secs => $3), problem = $4, leased_until = null
             where key = $1",
        )
        .bind(key.as_slice())
        .bind(i32::try_from(tries).unwrap_or(i32::MAX))
        .bind(wait.as_secs_f64())
        .bind(problem)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes back what this installation does not fetch.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn withhold(&self, keys: &[B256], reason: &str) -> Result<(), sqlx::Error> {
        sqlx::query(
            "update observations.wanted set is_withheld = true, problem = $2, leased_until = null where key = any($1)",
        )
        .bind(keys.iter().map(|key| key.to_vec()).collect::<Vec<_>>())
        .bind(reason)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Hands out again what was withheld: the settings may be others now.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn reconsider(&self) -> Result<(), sqlx::Error> {
        sqlx::query("update observations.wanted set is_withheld = false, problem = null where is_withheld")
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

//! Lines, and what became of their portions.

use souk_payouts::state::{Change, HoldKey};
use souk_schema::U256;
use sqlx::postgres::PgConnection;

use super::{Store, big};
use crate::fold::Changes;

impl Store {
    pub(super) async fn insert_lines(
        &self,
        connection: &mut PgConnection,
        changes: &Changes,
    ) -> Result<(), sqlx::Error> {
        let lines = &changes.lines;
        if lines.is_empty() {
            return Ok(());
        }
        let text = |number: &U256| number.to_string();
        sqlx::query(
            "insert into payouts.line
                 (chain_id, registry, revenue, portion, asset, route, role, paths, recipient, token, amount, block_number)
             select $1, registry, revenue::numeric, portion, asset::numeric, route, role, paths, recipient, token, amount::numeric, block
             from unnest($2::bytea[], $3::text[], $4::bigint[], $5::text[], $6::smallint[], $7::smallint[], $8::bigint[], $9::bytea[],
                         $10::bytea[], $11::text[], $12::bigint[])
                 as line (registry, revenue, portion, asset, route, role, paths, recipient, token, amount, block)",
        )
        .bind(big(self.chain.0))
        .bind(lines.iter().map(|(registry, ..)| registry.as_slice()).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| text(&line.revenue)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| i64::from(line.portion)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| text(&line.asset)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| line.kind.route as i16).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| line.kind.role as i16).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| i64::from(line.paths)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| line.recipient.as_slice()).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| line.token.as_slice()).collect::<Vec<_>>())
        .bind(lines.iter().map(|(.., line)| text(&line.amount)).collect::<Vec<_>>())
        .bind(lines.iter().map(|(_, block, _)| big(*block)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn insert_portions(
        &self,
        connection: &mut PgConnection,
        changes: &Changes,
    ) -> Result<(), sqlx::Error> {
        let portions = &changes.portions;
        if portions.is_empty() {
            return Ok(());
        }
        let told: Vec<Told> = portions
            .iter()
            .map(|(.., portion)| Told::from(portion.change))
            .collect();
        sqlx::query(
            "insert into payouts.portion_change (chain_id, registry, revenue, portion, change, hold, hold_id, epoch, block_number)
             select $1, registry, revenue::numeric, portion, change, hold, hold_id::numeric, epoch, block
             from unnest($2::bytea[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[])
                 with ordinality as portion (registry, revenue, portion, change, hold, hold_id, epoch, block, place)
             order by place",
        )
        .bind(big(self.chain.0))
        .bind(portions.iter().map(|(registry, ..)| registry.as_slice()).collect::<Vec<_>>())
        .bind(portions.iter().map(|(.., portion)| portion.revenue.to_string()).collect::<Vec<_>>())
        .bind(portions.iter().map(|(.., portion)| portion.portion.map(i64::from)).collect::<Vec<_>>())
        .bind(told.iter().map(|told| told.change).collect::<Vec<_>>())
        .bind(told.iter().map(|told| told.hold).collect::<Vec<_>>())
        .bind(told.iter().map(|told| told.hold_id.as_deref()).collect::<Vec<_>>())
        .bind(told.iter().map(|told| told.epoch).collect::<Vec<_>>())
        .bind(portions.iter().map(|(_, block, _)| big(*block)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// A change as its row tells it.
struct Told {
    change: &'static str,
    hold: Option<&'static str>,
    hold_id: Option<String>,
    epoch: Option<i64>,
}

impl From<Change> for Told {
    fn from(change: Change) -> Told {
        let plain = |change| Told {
            change,
            hold: None,
            hold_id: None,
            epoch: None,
        };
        let by = |change, key| {
            let (hold, id) = match key {
                HoldKey::Dispute(id) => ("dispute", id),
                HoldKey::Challenge(id) => ("challenge", id),
            };
            Told {
                hold: Some(hold),
                hold_id: Some(id.to_string()),
                ..plain(change)
            }
        };
        match change {
            Change::Held(key) => by("held", key),
            Change::Released(key) => by("released", key),
            Change::Ended => plain("ended"),
            Change::Restored => plain("restored"),
            Change::Vested(epoch) => Told {
                epoch: Some(big(epoch)),
                ..plain("vested")
            },
        }
    }
}

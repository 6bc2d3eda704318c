//! What a batch needs to know of other protocols, and the rows of theirs that it ends.

use std::collections::HashMap as StdMap;

use souk_schema::event::Relation;
use souk_schema::{ChainId, TokenRef};
use sqlx::postgres::PgConnection;

use super::encode::signed;
use super::load::{self, FOR_EVER, UNTIL_CLOSED, address, damaged, index, lifetimes, once, token};
use super::write::{close_once, keys, numbers};
use crate::fold::{Closed, ForeignSet, Known, Lifetime, Link};

/// Fills in what the tables hold.
///
/// # Errors
/// Those of Postgres.
pub(super) async fn load(connection: &mut PgConnection, chain: ChainId, set: &mut ForeignSet) -> sqlx::Result<()> {
    accounts(connection, chain, set).await?;
    links(connection, chain, set).await?;
    disputes(connection, chain, set).await?;
    let (assets, attestations) = (set.assets.iter_mut(), set.attestations.iter_mut());
    lifetimes(connection, chain, assets, once("foreign_asset", "asset_key", FOR_EVER)).await?;
    let statement = once("attestation", "attestation_key", UNTIL_CLOSED);
    lifetimes(connection, chain, attestations, statement).await?;
    let statement = once("agent_feedback", "feedback_key", UNTIL_CLOSED);
    lifetimes(connection, chain, set.feedback.iter_mut(), statement).await
}

async fn accounts(connection: &mut PgConnection, chain: ChainId, set: &mut ForeignSet) -> sqlx::Result<()> {
    if set.accounts.is_empty() {
        return Ok(());
    }
    let addresses: Vec<Vec<u8>> = set.accounts.keys().map(|account| account.to_vec()).collect();
    let rows: Vec<(Vec<u8>, Vec<u8>, String)> = sqlx::query_as(
        "select k.account, t.subject_key, t.asset_id from unnest($2::bytea[]) k(account)
         cross join lateral (
             select subject_key, asset_id from foreign_account where chain_id = $1 and account = k.account limit 1
         ) t",
    )
    .bind(signed(chain.0))
    .bind(addresses)
    .fetch_all(connection)
    .await?;
    for (account, subject, id) in rows {
        let (account, subject) = (address(&account)?, token(&subject)?);
        let id = id
            .parse()
            .map_err(|_| damaged("what an account stands for has no CAIP-19 id"))?;
        set.accounts.insert(account, Some(Known { subject, id }));
    }
    Ok(())
}

async fn links(connection: &mut PgConnection, chain: ChainId, set: &mut ForeignSet) -> sqlx::Result<()> {
    if set.links.is_empty() {
        return Ok(());
    }
    let mut held: Vec<_> = set.links.iter_mut().collect();
    let children = keys(held.iter().map(|((child, _), _)| child));
    let slots: Vec<&str> = held.iter().map(|((_, slot), _)| slot.as_str()).collect();
    let rows: Vec<(i64, String, String, i16, i32, i64)> = sqlx::query_as(
        "select k.place, t.child_id, t.parent_id, t.relation, t.ordinal, t.valid_from
         from unnest($2::bytea[], $3::text[]) with ordinality k(child, slot, place)
         cross join lateral (
             select child_id, parent_id, relation, ordinal, valid_from, valid_to from foreign_link
             where chain_id = $1 and child_key = k.child and slot = k.slot order by valid_from desc limit 1
         ) t
         where t.valid_to is null",
    )
    .bind(signed(chain.0))
    .bind(children)
    .bind(slots)
    .fetch_all(connection)
    .await?;
    for (place, child, parent, relation, ordinal, from) in rows {
        let relation = u8::try_from(relation)
            .ok()
            .and_then(|number| Relation::try_from(number).ok());
        let link = Link {
            child,
            parent,
            relation: relation.ok_or_else(|| damaged("a link is of an unknown relation"))?,
            ordinal: ordinal.cast_unsigned(),
        };
        held[index(place)].1.load(link, from.cast_unsigned());
    }
    Ok(())
}

async fn disputes(connection: &mut PgConnection, chain: ChainId, set: &mut ForeignSet) -> sqlx::Result<()> {
    if set.disputes.is_empty() {
        return Ok(());
    }
    let by_key: StdMap<Vec<u8>, TokenRef> = set
        .disputes
        .keys()
        .map(|dispute| (load::key(dispute), *dispute))
        .collect();
    let rows: Vec<(Vec<u8>, Vec<u8>, bool)> = sqlx::query_as(
        "select k.key, t.subject_key, t.valid_to is null from unnest($2::bytea[]) k(key)
         cross join lateral (
             select subject_key, valid_to from foreign_dispute where chain_id = $1 and dispute_key = k.key limit 1
         ) t",
    )
    .bind(signed(chain.0))
    .bind(by_key.keys().cloned().collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    for (key, subject, is_open) in rows {
        let lifetime = if is_open { Lifetime::Stored } else { Lifetime::Ended };
        set.disputes.insert(by_key[&key], (lifetime, Some(token(&subject)?)));
    }
    Ok(())
}

/// Closes rows that were open before the batch.
///
/// # Errors
/// Those of Postgres.
pub(super) async fn close(connection: &mut PgConnection, chain: ChainId, closed: &Closed) -> sqlx::Result<()> {
    let closed = &closed.foreign;
    if !closed.links.is_empty() {
        let slots: Vec<&str> = closed.links.iter().map(|(_, slot, ..)| slot.as_str()).collect();
        let query = sqlx::query(
            "update foreign_link t set valid_to = k.until
             from unnest($2::bytea[], $3::text[], $4::bigint[], $5::bigint[]) k(child, slot, began, until)
             cross join lateral (
                 select ctid from foreign_link
                 where chain_id = $1 and child_key = k.child and slot = k.slot and valid_from = k.began limit 1
             ) o
             where t.ctid = o.ctid",
        );
        let query = query
            .bind(signed(chain.0))
            .bind(keys(closed.links.iter().map(|(child, ..)| child)))
            .bind(slots);
        let query = query.bind(numbers(closed.links.iter().map(|(_, _, from, _)| *from)));
        let query = query.bind(numbers(closed.links.iter().map(|(.., until)| *until)));
        query.execute(&mut *connection).await?;
    }
    close_once(
        connection,
        chain,
        &closed.attestations,
        ("attestation", "attestation_key"),
    )
    .await?;
    close_once(connection, chain, &closed.feedback, ("agent_feedback", "feedback_key")).await?;
    close_once(connection, chain, &closed.disputes, ("foreign_dispute", "dispute_key")).await
}

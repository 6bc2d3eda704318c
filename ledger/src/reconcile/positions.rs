//! What the ledger says of every balance after a command, today or in the past: balances now, less the postings since; pending parts from
//! the fills that were unsettled then. The past begins where the chain last went back past finality: what it had said before is gone.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use souk_schema::TokenRef;
use souk_schema::amount::Balance;
use souk_schema::exchange::{AccountId, CommandNumber, GroupId, InstrumentId};
use sqlx::postgres::{PgConnection, PgRow};

use crate::read::Cells;

/// What an account has of an instrument after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) address: Address,
    pub(super) token: TokenRef,
    pub(super) available: Balance,
    pub(super) held: Balance,
    pub(super) pending_in: Balance,
    pub(super) pending_out: Balance,
    /// Withdrawals that were debited and are neither executed nor expired.
    pub(super) in_flight: Balance,
    /// What the account `deficit` bore for it and was not repaid.
    pub(super) deficit: Balance,
}

const POSITIONS: &str = "with
    since as (
        select account, instrument, sum(amount) filter (where not held) as available, sum(amount) filter (where held) as held
        from exchange.posting_side where group_id = $1 and number > $2 group by account, instrument
    ),
    open as (
        select f.*, m.base as base_instrument, m.quote as quote_instrument, m.royalty_account
        from exchange.fill f join exchange.market m on m.group_id = f.group_id and m.id = f.market
        where f.group_id = $1 and f.matched_by <= $2 and (f.busted_by is null or f.busted_by > $2 or f.reinstated_by <= $2)
          and f.number > coalesce(
              (select through from exchange.settled where group_id = $1 and number <= $2 order by number desc limit 1), 0)
    ),
    pending as (
        select p.account, p.instrument, sum(p.incoming) as incoming, sum(p.outgoing) as outgoing
        from open f cross join lateral (values
            (f.buyer, f.base_instrument, f.base, 0::numeric),
            (f.buyer, f.quote_instrument, 0, f.quote + f.buyer_fee),
            (f.seller, f.base_instrument, 0, f.base),
            (f.seller, f.quote_instrument, f.quote - f.seller_fee - f.royalty, 0),
            (1::bigint, f.quote_instrument, f.buyer_fee + f.seller_fee, 0),
            (f.royalty_account, f.quote_instrument, f.royalty, 0)
        ) p (account, instrument, incoming, outgoing)
        group by p.account, p.instrument
    ),
    flying as (
        select account, instrument, sum(amount) as amount from exchange.withdrawal
        where group_id = $1 and approved_by <= $2 and (executed_by is null or executed_by > $2)
          and (expired_by is null or expired_by > $2)
        group by account, instrument
    ),
    borne as (
        select case kind when 12 then credited else debited end as account, instrument,
               sum(case kind when 12 then amount else -amount end) as amount
        from exchange.posting where group_id = $1 and kind in (12, 18) and number <= $2 group by 1, 2
    )
    select b.account, b.instrument, a.address, i.token_key,
        (b.available - coalesce(s.available, 0))::text as available, (b.held - coalesce(s.held, 0))::text as held,
        coalesce(p.incoming, 0)::text as pending_in, coalesce(p.outgoing, 0)::text as pending_out,
        coalesce(w.amount, 0)::text as in_flight, coalesce(d.amount, 0)::text as deficit
    from exchange.balance b
    join exchange.account a on a.group_id = b.group_id and a.id = b.account
    join exchange.instrument i on i.group_id = b.group_id and i.id = b.instrument
    left join since s on s.account = b.account and s.instrument = b.instrument
    left join pending p on p.account = b.account and p.instrument = b.instrument
    left join flying w on w.account = b.account and w.instrument = b.instrument
    left join borne d on d.account = b.account and d.instrument = b.instrument
    where b.group_id = $1";

/// Every position of a group after a command.
pub(super) async fn positions(
    connection: &mut PgConnection,
    group: GroupId,
    number: CommandNumber,
) -> sqlx::Result<BTreeMap<(AccountId, InstrumentId), Position>> {
    let rows = sqlx::query(POSITIONS)
        .bind(i64::from(group.0))
        .bind(number.0.cast_signed())
        .fetch_all(connection)
        .await?;
    rows.iter().map(position).collect()
}

fn position(row: &PgRow) -> sqlx::Result<((AccountId, InstrumentId), Position)> {
    let cells = Cells(row);
    let key = (AccountId(cells.id("account")?), InstrumentId(cells.id("instrument")?));
    let position = Position {
        address: cells.address("address")?,
        token: cells.token("token_key")?,
        available: cells.digits("available")?,
        held: cells.digits("held")?,
        pending_in: cells.digits("pending_in")?,
        pending_out: cells.digits("pending_out")?,
        in_flight: cells.digits("in_flight")?,
        deficit: cells.digits("deficit")?,
    };
    Ok((key, position))
}

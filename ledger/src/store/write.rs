//! Writes a batch: what there is much of is copied in ([`add`]), balances and orders change in one statement each, the rest row by row
//! ([`change`]).

use std::collections::BTreeMap;

use souk_schema::amount::Balance;
use souk_schema::exchange::{Amount, GroupId, OrderId, UnixMillis};
use souk_schema::pg_copy::CopyBuffer;
use sqlx::postgres::PgConnection;

use super::encode::Encoded;
use super::signed;
use crate::fold::{BalanceChange, Changes, FillTaken, TouchedOrder};
use crate::posting::LedgerAccount;

mod candles;
mod fills;
mod rare;

/// Rows are sent in messages of so many bytes: the server reads a message whole before it makes rows of it.
const MESSAGE_BYTES: usize = 64 << 10;

/// Copies rows into their table.
async fn insert(connection: &mut PgConnection, target: &str, buffer: CopyBuffer) -> sqlx::Result<()> {
    if buffer.rows() == 0 {
        return Ok(());
    }
    let mut copy = connection
        .copy_in_raw(&format!("copy {target} from stdin (format binary)"))
        .await?;
    for message in buffer.finish().chunks(MESSAGE_BYTES) {
        copy.send(message).await?;
    }
    copy.finish().await.map(|_| ())
}

/// Adds the rows of a batch that need nothing of what was written before: batches may do that side by side. Takes them out of `encoded`.
///
/// # Errors
/// Those of Postgres.
pub async fn add(connection: &mut PgConnection, encoded: &mut Encoded) -> sqlx::Result<()> {
    for (target, buffer) in [
        (Encoded::TRANSACTION, &mut encoded.transactions),
        (Encoded::ACTIVITY, &mut encoded.activity),
        (Encoded::FILL, &mut encoded.fills),
        (Encoded::ORDER, &mut encoded.orders),
    ] {
        insert(connection, target, std::mem::take(buffer)).await?;
    }
    Ok(())
}

/// Writes what else a batch changes, after all batches before it were committed.
///
/// # Errors
/// Those of Postgres.
pub async fn change(
    connection: &mut PgConnection,
    group: GroupId,
    changes: &Changes,
    encoded: Encoded,
) -> sqlx::Result<()> {
    rare::write(connection, group, changes).await?;
    if !encoded.replaced_orders.is_empty() {
        sqlx::query("delete from exchange_order where group_id = $1 and id = any($2)")
            .bind(i64::from(group.0))
            .bind(&encoded.replaced_orders)
            .execute(&mut *connection)
            .await?;
    }
    insert(connection, Encoded::ORDER, encoded.orders_again).await?;
    update_orders(connection, group, &changes.orders).await?;
    count_again(connection, group, changes).await?;
    update_balances(connection, group, changes).await?;
    fills::write(connection, group, changes).await?;
    candles::write(connection, group, changes).await
}

/// One column of an UNNEST, as text where Postgres is to read a numeric.
fn digits<T: ToString>(values: impl Iterator<Item = T>) -> Vec<String> {
    values.map(|value| value.to_string()).collect()
}

/// A balance whose digits are those of a machine's number wherever it is one, which are had many times faster.
struct Short(Balance);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match i128::try_from(self.0) {
            Ok(short) => write!(f, "{short}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

async fn update_orders(connection: &mut PgConnection, group: GroupId, orders: &[TouchedOrder]) -> sqlx::Result<()> {
    let orders: Vec<&TouchedOrder> = orders.iter().filter(|touched| touched.state.signed.is_none()).collect();
    if orders.is_empty() {
        return Ok(());
    }
    let states = || orders.iter().map(|touched| &touched.state);
    sqlx::query(
        "update exchange_order o set
             price = k.price, lots = k.lots, remaining = k.remaining, filled_lots = k.filled_lots, filled_quote = k.filled_quote,
             fees = k.fees, status = k.status, updated_at = k.updated_at
         from unnest($2::bigint[], $3::text[]::numeric[], $4::text[]::numeric[], $5::text[]::numeric[], $6::text[]::numeric[],
                     $7::text[]::numeric[], $8::text[]::numeric[], $9::text[], $10::bigint[])
              k(id, price, lots, remaining, filled_lots, filled_quote, fees, status, updated_at)
         where o.group_id = $1 and o.id = k.id",
    )
    .bind(i64::from(group.0))
    .bind(orders.iter().map(|touched| signed(touched.order.0)).collect::<Vec<_>>())
    .bind(digits(states().map(|state| state.price)))
    .bind(digits(states().map(|state| state.lots)))
    .bind(digits(states().map(|state| state.remaining)))
    .bind(digits(states().map(|state| state.filled.lots)))
    .bind(digits(states().map(|state| state.filled.quote)))
    .bind(digits(states().map(|state| state.filled.fees)))
    .bind(states().map(|state| state.status.word().into_owned()).collect::<Vec<_>>())
    .bind(states().map(|state| signed(state.updated_at.0)).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Fills that were busted or reinstated, in orders that are over.
async fn count_again(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    let mut sums = BTreeMap::<OrderId, ([Balance; 3], UnixMillis)>::new();
    for (order, FillTaken { lots, quote, fees }, is_bust, time) in &changes.counted_again {
        let (sum, at) = sums.entry(*order).or_default();
        *at = *time;
        for (sum, amount) in sum.iter_mut().zip([u128::from(lots.0), quote.0, fees.0]) {
            let amount = crate::amounts::signed(Amount(amount));
            *sum += if *is_bust { -amount } else { amount };
        }
    }
    if sums.is_empty() {
        return Ok(());
    }
    let column = |index: usize| digits(sums.values().map(move |(sums, _)| sums[index]));
    sqlx::query(
        "update exchange_order o set
             filled_lots = o.filled_lots + k.lots, filled_quote = o.filled_quote + k.quote, fees = o.fees + k.fees, updated_at = k.at
         from unnest($2::bigint[], $3::text[]::numeric[], $4::text[]::numeric[], $5::text[]::numeric[], $6::bigint[])
              k(id, lots, quote, fees, at)
         where o.group_id = $1 and o.id = k.id",
    )
    .bind(i64::from(group.0))
    .bind(sums.keys().map(|order| signed(order.0)).collect::<Vec<_>>())
    .bind(column(0))
    .bind(column(1))
    .bind(column(2))
    .bind(sums.values().map(|(_, at)| signed(at.0)).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(|_| ())
}

/// One net change for each account and instrument, in their order, so that two projectors would wait for one another and never in a ring.
async fn update_balances(connection: &mut PgConnection, group: GroupId, changes: &Changes) -> sqlx::Result<()> {
    if changes.balances.is_empty() {
        return Ok(());
    }
    let keys = || changes.balances.keys();
    let accounts: Vec<i64> = keys()
        .map(|(account, _)| LedgerAccount::Available(*account).columns().0)
        .collect();
    let instruments: Vec<i64> = keys().map(|(_, instrument)| instrument.0.into()).collect();
    let column = |part: fn(&BalanceChange) -> Balance| digits(changes.balances.values().map(part).map(Short));
    let (accounts, instruments) = (&accounts, &instruments);
    let columns = [
        column(|change| change.available),
        column(|change| change.held),
        column(|change| change.pending_in),
        column(|change| change.pending_out),
    ];
    let versions: Vec<i64> = changes
        .balances
        .values()
        .map(|change| signed(change.version.0))
        .collect();
    let mut changed = 0;
    for statement in [UPDATE_BALANCES, INSERT_BALANCES] {
        // Nearly always every balance is there already.
        if changed == accounts.len() as u64 {
            break;
        }
        let [available, held, pending_in, pending_out] = &columns;
        let done = sqlx::query(statement)
            .bind(i64::from(group.0))
            .bind(accounts)
            .bind(instruments)
            .bind(available)
            .bind(held)
            .bind(pending_in)
            .bind(pending_out)
            .bind(&versions)
            .execute(&mut *connection)
            .await?;
        changed += done.rows_affected();
    }
    Ok(())
}

const UPDATE_BALANCES: &str = "update balance b set
        available = b.available + k.available, held = b.held + k.held, pending_in = b.pending_in + k.pending_in,
        pending_out = b.pending_out + k.pending_out, version = k.version
    from unnest($2::bigint[], $3::bigint[], $4::text[]::numeric[], $5::text[]::numeric[], $6::text[]::numeric[], $7::text[]::numeric[],
                $8::bigint[])
         k(account, instrument, available, held, pending_in, pending_out, version)
    where b.group_id = $1 and b.account = k.account and b.instrument = k.instrument";

/// Those that were not there to be updated.
const INSERT_BALANCES: &str = "insert into balance (group_id, account, instrument, available, held, pending_in, pending_out, version)
    select $1, k.* from unnest($2::bigint[], $3::bigint[], $4::text[]::numeric[], $5::text[]::numeric[], $6::text[]::numeric[],
                               $7::text[]::numeric[], $8::bigint[])
         k(account, instrument, available, held, pending_in, pending_out, version)
    where not exists (
        select from balance b where b.group_id = $1 and b.account = k.account and b.instrument = k.instrument
    )";

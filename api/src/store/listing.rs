//! The one shape in which lists are read: a page each for many parents, in one statement, by keyset.
//!
//! A topic names its columns, its tables and its order ([`ListingSql`]); the rest is here. Parents come as arrays and meet the tables
//! in a lateral join, so that a hundred parents cost one statement and never one each.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::OnceLock;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, FromRow, Row};

use super::{Reader, chain_number};
use crate::error::ApiError;
use souk_schema::ChainId;

/// Which rows: those of one parent on one chain, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The chain.
    pub chain: ChainId,
    /// The parent's key or address.
    pub key: Vec<u8>,
    /// As of the end of this block.
    pub at: i64,
    /// As of this time, for what ends without an event (Unix, seconds).
    pub time: i64,
}

/// The type of a column that rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortType {
    /// Whole numbers of 64 bits.
    Integer,
    /// Numbers of any size.
    Numeric,
    /// Bytes.
    Bytes,
}

/// A list in SQL. `k` is the parent: `k.chain`, `k.key`, `k.at`, `k.time`.
pub struct ListingSql {
    /// Names the list in cursors.
    pub name: &'static str,
    /// What to select.
    pub columns: &'static str,
    /// Tables and conditions: what follows `from`, up to and including a condition.
    pub from: &'static str,
    /// What to order by; together unique.
    pub sort: &'static [(&'static str, SortType)],
    /// Largest first.
    pub descending: bool,
}

/// A list that hangs on a parent.
pub trait Listing: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// A row of it.
    type Row: for<'r> FromRow<'r, PgRow> + Clone + Send + Sync + Unpin + 'static;
    /// Where it comes from.
    const SQL: ListingSql;
    /// Where statements are kept once they are built.
    fn statements() -> &'static Statements;
    /// Of which parent, as of when.
    fn scope(&self) -> &Scope;
}

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    /// From the end.
    pub backward: bool,
    /// How many rows at most, without the one that tells whether there are more.
    pub size: i64,
    /// Those after this cursor.
    pub after: Option<Vec<String>>,
    /// Those before this cursor.
    pub before: Option<Vec<String>>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    /// With the sort values of each, in the list's order.
    pub rows: Vec<(Vec<String>, T)>,
    /// Whether there are more in the direction of paging.
    pub more: bool,
}

/// The statements of a list.
#[derive(Default)]
pub struct Statements {
    forward: OnceLock<String>,
    backward: OnceLock<String>,
    count: OnceLock<String>,
}

impl Statements {
    /// None built yet.
    pub const fn new() -> Statements {
        Statements {
            forward: OnceLock::new(),
            backward: OnceLock::new(),
            count: OnceLock::new(),
        }
    }
}

impl ListingSql {
    fn page(&self, backward: bool) -> String {
        let (order, beyond, within) = if self.descending != backward {
            ("desc", "<", ">")
        } else {
            ("asc", ">", "<")
        };
        // Paging backward, `before` is where the page starts from and `after` is where it ends.
        let (start, end) = if backward {
            ("before", "after")
        } else {
            ("after", "before")
        };
        let sorts: Vec<&str> = self.sort.iter().map(|(column, _)| *column).collect();
        let sorts = sorts.join(", ");
        let named = |prefix: &str| {
            let names: Vec<String> = (0..self.sort.len()).map(|at| format!("{prefix}s{at}")).collect();
            names
        };
        let selected: Vec<String> = self
            .sort
            .iter()
            .zip(named(""))
            .map(|((column, _), name)| format!("{column} as {name}"))
            .collect();
        let texts: Vec<String> = self
            .sort
            .iter()
            .zip(named("x."))
            .map(|((_, kind), name)| kind.to_text(&name))
            .collect();
        let outer: Vec<String> = named("x.").into_iter().map(|name| format!("{name} {order}")).collect();
        let inner: Vec<String> = self
            .sort
            .iter()
            .map(|(column, _)| format!("{column} {order}"))
            .collect();
        let bound = |cursor: &str| {
            let values: Vec<String> = self
                .sort
                .iter()
                .enumerate()
                .map(|(at, (_, kind))| kind.read_text(&format!("(k.{cursor}::jsonb)->>{at}")))
                .collect();
            values.join(", ")
        };
        format!(
            "select k.i as parent_index, array[{}] as cursor_values, x.* \
             from unnest($1::int8[], $2::bytea[], $3::int8[], $4::int8[], $5::text[], $6::text[], $7::int8[]) \
             with ordinality as k(chain, key, at, time, after, before, size, i) \
             cross join lateral (select {}, {} from {} and (k.{start} is null or ({sorts}) {beyond} ({})) \
             and (k.{end} is null or ({sorts}) {within} ({})) order by {} limit k.size + 1) x order by k.i, {}",
            texts.join(", "),
            self.columns,
            selected.join(", "),
            self.from,
            bound(start),
            bound(end),
            inner.join(", "),
            outer.join(", "),
        )
    }

    fn count(&self) -> String {
        format!(
            "select k.i as parent_index, (select count(*) from {}) as total \
             from unnest($1::int8[], $2::bytea[], $3::int8[], $4::int8[]) with ordinality as k(chain, key, at, time, i)",
            self.from
        )
    }
}

/// Whether values of a cursor fit an order, so that Postgres is never asked to make sense of what does not.
pub fn fits(sort: &[(&str, SortType)], values: &[String]) -> bool {
    values.len() == sort.len() && values.iter().zip(sort).all(|(value, (_, kind))| kind.fits(value))
}

impl SortType {
    fn to_text(self, expression: &str) -> String {
        match self {
            SortType::Integer | SortType::Numeric => format!("{expression}::text"),
            SortType::Bytes => format!("encode({expression}, 'hex')"),
        }
    }

    fn read_text(self, expression: &str) -> String {
        match self {
            SortType::Integer => format!("({expression})::int8"),
            SortType::Numeric => format!("({expression})::numeric"),
            SortType::Bytes => format!("decode({expression}, 'hex')"),
        }
    }

    /// Whether a text from a client is a value of this type.
    fn fits(self, text: &str) -> bool {
        match self {
            SortType::Integer => text.parse::<i64>().is_ok(),
            SortType::Numeric => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                (1..=200).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
            }
            SortType::Bytes => {
                text.len() <= 128 && text.len().is_multiple_of(2) && text.bytes().all(|digit| digit.is_ascii_hexdigit())
            }
        }
    }
}

/// The four arrays that say which parents.
struct Parents {
    chains: Vec<i64>,
    keys: Vec<Vec<u8>>,
    ats: Vec<i64>,
    times: Vec<i64>,
}

fn parents<'a>(scopes: impl Iterator<Item = &'a Scope> + Clone) -> Parents {
    Parents {
        chains: scopes.clone().map(|scope| chain_number(scope.chain)).collect(),
        keys: scopes.clone().map(|scope| scope.key.clone()).collect(),
        ats: scopes.clone().map(|scope| scope.at).collect(),
        times: scopes.map(|scope| scope.time).collect(),
    }
}

/// A page each of many lists. Two statements at most: one per direction.
///
/// # Errors
/// When the database does not answer, or a row is not what it must be.
pub async fn pages<L: Listing>(
    reader: &Reader,
    wanted: &[(L, Page)],
) -> Result<HashMap<(L, Page), Rows<L::Row>>, ApiError> {
    let mut answers = HashMap::with_capacity(wanted.len());
    for backward in [false, true] {
        let wanted: Vec<&(L, Page)> = wanted.iter().filter(|(_, page)| page.backward == backward).collect();
        if wanted.is_empty() {
            continue;
        }
        let statements = L::statements();
        let statement = if backward {
            &statements.backward
        } else {
            &statements.forward
        };
        let statement = statement.get_or_init(|| L::SQL.page(backward));
        let Parents {
            chains,
            keys,
            ats,
            times,
        } = parents(wanted.iter().map(|(list, _)| list.scope()));
        let text = |cursor: &Option<Vec<String>>| {
            cursor
                .as_ref()
                .map(|values| serde_json::Value::from(values.clone()).to_string())
        };
        let query = sqlx::query(AssertSqlSafe(statement.as_str()))
            .bind(chains)
            .bind(keys)
            .bind(ats)
            .bind(times)
            .bind(wanted.iter().map(|(_, page)| text(&page.after)).collect::<Vec<_>>())
            .bind(wanted.iter().map(|(_, page)| text(&page.before)).collect::<Vec<_>>())
            .bind(wanted.iter().map(|(_, page)| page.size).collect::<Vec<_>>());
        let mut found: Vec<Vec<(Vec<String>, L::Row)>> = wanted.iter().map(|_| Vec::new()).collect();
        for row in reader.rows(query).await? {
            let parent: i64 = row.try_get("parent_index")?;
            let values: Vec<String> = row.try_get("cursor_values")?;
            if let Some(rows) = usize::try_from(parent - 1)
                .ok()
                .and_then(|parent| found.get_mut(parent))
            {
                rows.push((values, L::Row::from_row(&row)?));
            }
        }
        for ((list, page), mut rows) in wanted.into_iter().zip(found) {
            let size = usize::try_from(page.size).unwrap_or(0);
            let more = rows.len() > size;
            rows.truncate(size);
            if backward {
                rows.reverse();
            }
            answers.insert((list.clone(), page.clone()), Rows { rows, more });
        }
    }
    Ok(answers)
}

/// How long many lists are. One statement.
///
/// # Errors
/// When the database does not answer.
pub async fn counts<L: Listing>(reader: &Reader, lists: &[L]) -> Result<HashMap<L, i64>, ApiError> {
    let statement = L::statements().count.get_or_init(|| L::SQL.count());
    let Parents {
        chains,
        keys,
        ats,
        times,
    } = parents(lists.iter().map(Listing::scope));
    let query = sqlx::query(AssertSqlSafe(statement.as_str()))
        .bind(chains)
        .bind(keys)
        .bind(ats)
        .bind(times);
    let rows: Vec<(i64, i64)> = reader.all(query).await?;
    let at = |parent: i64| {
        usize::try_from(parent - 1)
            .ok()
            .and_then(|parent| lists.get(parent))
            .cloned()
    };
    Ok(rows
        .into_iter()
        .filter_map(|(parent, total)| Some((at(parent)?, total)))
        .collect())
}

/// Declares a list: its key type, its row type and its SQL.
macro_rules! listing {
    ($(#[doc = $doc:literal])+ $name:ident of $row:ty { $($sql:tt)* }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub $crate::store::listing::Scope);

        impl $crate::store::listing::Listing for $name {
            type Row = $row;
            const SQL: $crate::store::listing::ListingSql = $crate::store::listing::ListingSql { $($sql)* };

            fn statements() -> &'static $crate::store::listing::Statements {
                static STATEMENTS: $crate::store::listing::Statements = $crate::store::listing::Statements::new();
                &STATEMENTS
            }

            fn scope(&self) -> &$crate::store::listing::Scope {
                &self.0
            }
        }
    };
}
pub(crate) use listing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_cursor_values_never_reach_postgres() {
        let sort = [
            ("a", SortType::Integer),
            ("b", SortType::Numeric),
            ("c", SortType::Bytes),
        ];
        let fits = |values: &[&str]| fits(&sort, &values.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(fits(&["1", "-5", "00ff"]));
        for forged in [
            &["1"][..],
            &["x", "5", "00"],
            &["1", "", "00"],
            &["1", "5", "0"],
            &["1", "5", "zz"],
            &["99999999999999999999", "5", ""],
        ] {
            assert!(!fits(forged), "{forged:?}");
        }
    }
}

//! Relay connections: mandatory `first` or `last`, opaque cursors, the total on demand.
//!
//! [`PageArguments`] checks what the client asked for; [`Connection::of`] turns a [`Listing`] into an answer.

use std::borrow::Cow;

use async_graphql::{Object, OutputType, SimpleObject, TypeName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::BoxFuture;

use crate::error::ApiError;
use crate::session::Session;
use crate::store::listing::{Listing, Page, SortType, fits};
use crate::store::loaders::{CountOf, PageOf};

/// The most rows of one page.
pub const LARGEST_PAGE: i64 = 100;

/// What a connection costs: each row costs what is asked of it, and so does the page.
pub fn page_cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    let rows = first.or(last).map_or(1, |rows| rows.clamp(1, 100)).unsigned_abs() as usize;
    child.saturating_mul(rows).saturating_add(1)
}

/// Which page a client asks for, unchecked.
#[derive(Clone, Debug, Default)]
pub struct PageArguments {
    /// The first so many.
    pub first: Option<i32>,
    /// The last so many.
    pub last: Option<i32>,
    /// After this cursor.
    pub after: Option<String>,
    /// Before this cursor.
    pub before: Option<String>,
}

impl PageArguments {
    /// Checks them for a list.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` saying what is expected.
    pub fn page(&self, list: &str, sort: &[(&str, SortType)]) -> Result<Page, ApiError> {
        let (backward, size) = match (self.first, self.last) {
            (Some(first), None) => (false, first),
            (None, Some(last)) => (true, last),
            (None, None) => {
                return Err(ApiError::input(format!(
                    "`first` or `last` is missing: say how many, from 1 to {LARGEST_PAGE}"
                )));
            }
            (Some(_), Some(_)) => {
                return Err(ApiError::input(
                    "`first` and `last` are both given: ask for one of them",
                ));
            }
        };
        if !(1..=LARGEST_PAGE).contains(&i64::from(size)) {
            return Err(ApiError::input(format!(
                "{size} rows are not possible: ask for 1 to {LARGEST_PAGE}"
            )));
        }
        let read = |cursor: &Option<String>| {
            cursor
                .as_ref()
                .map(|cursor| read_cursor(list, sort, cursor))
                .transpose()
        };
        Ok(Page {
            backward,
            size: size.into(),
            after: read(&self.after)?,
            before: read(&self.before)?,
        })
    }
}

/// A cursor: the list and the sort values of a row.
pub fn write_cursor(list: &str, values: &[String]) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::Value::from([&[list.to_string()], values].concat()).to_string())
}

fn read_cursor(list: &str, sort: &[(&str, SortType)], cursor: &str) -> Result<Vec<String>, ApiError> {
    let parts = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| bytes.len() < 1024);
    let parts: Option<Vec<String>> = parts.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let values = parts
        .filter(|parts| parts.first().is_some_and(|name| name == list))
        .map(|mut parts| parts.split_off(1));
    values.filter(|values| fits(sort, values)).ok_or_else(|| {
        ApiError::input("this cursor is not one of this list: use `endCursor`, `startCursor` or an edge's `cursor`")
    })
}

/// How to go on from a page.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether there are rows before this page. Exact when paging with `last`; when paging with `first` it says whether `after` was given.
    has_previous_page: bool,
    /// Whether there are rows after this page. Exact when paging with `first`; when paging with `last` it says whether `before` was given.
    has_next_page: bool,
    /// The cursor of the page's first row.
    start_cursor: Option<String>,
    /// The cursor of the page's last row.
    end_cursor: Option<String>,
}

impl PageInfo {
    /// Of a page with these cursors.
    pub fn new(page: &Page, more: bool, start_cursor: Option<String>, end_cursor: Option<String>) -> PageInfo {
        let (has_previous_page, has_next_page) = if page.backward {
            (more, page.before.is_some())
        } else {
            (page.after.is_some(), more)
        };
        PageInfo {
            has_previous_page,
            has_next_page,
            start_cursor,
            end_cursor,
        }
    }
}

/// A row and where it is in its list.
pub struct Edge<N> {
    cursor: String,
    node: N,
}

type Total = Box<dyn Fn() -> BoxFuture<'static, Result<i64, ApiError>> + Send + Sync>;

/// A page of a list.
pub struct Connection<N> {
    edges: Vec<Edge<N>>,
    page_info: PageInfo,
    total: Total,
}

impl<N: OutputType> Connection<N> {
    /// A page that was read, with a way to learn how long the whole list is.
    pub fn new(
        list: &str,
        page: &Page,
        rows: impl IntoIterator<Item = (Vec<String>, N)>,
        more: bool,
        total: impl Fn() -> BoxFuture<'static, Result<i64, ApiError>> + Send + Sync + 'static,
    ) -> Connection<N> {
        let edges: Vec<Edge<N>> = rows
            .into_iter()
            .map(|(values, node)| Edge {
                cursor: write_cursor(list, &values),
                node,
            })
            .collect();
        let cursor = |edge: Option<&Edge<N>>| edge.map(|edge| edge.cursor.clone());
        let page_info = PageInfo::new(page, more, cursor(edges.first()), cursor(edges.last()));
        Connection {
            edges,
            page_info,
            total: Box::new(total),
        }
    }

    /// A page of a list that hangs on a parent.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a page that cannot be, or when the database does not answer.
    pub async fn of<L>(
        session: &Session,
        arguments: PageArguments,
        list: L,
        node: impl Fn(L::Row) -> N,
    ) -> Result<Connection<N>, ApiError>
    where
        L: Listing,
    {
        Connection::try_of(session, arguments, list, |row| Ok(node(row))).await
    }

    /// A page of a list that hangs on a parent, of whose rows one may be unreadable.
    ///
    /// # Errors
    /// As [`Connection::of`], and what `node` says.
    pub async fn try_of<L>(
        session: &Session,
        arguments: PageArguments,
        list: L,
        node: impl Fn(L::Row) -> Result<N, ApiError>,
    ) -> Result<Connection<N>, ApiError>
    where
        L: Listing,
    {
        let page = arguments.page(L::SQL.name, L::SQL.sort)?;
        let found = session.load(PageOf(list.clone(), page.clone())).await?;
        let (rows, more) = found.map_or_else(Default::default, |found| (found.rows.clone(), found.more));
        let rows = rows.into_iter().map(|(values, row)| Ok((values, node(row)?)));
        let rows: Vec<(Vec<String>, N)> = rows.collect::<Result<_, ApiError>>()?;
        let session = session.clone();
        let total = move || -> BoxFuture<'static, Result<i64, ApiError>> {
            let (session, list) = (session.clone(), list.clone());
            Box::pin(async move { Ok(session.load(CountOf(list)).await?.unwrap_or(0)) })
        };
        Ok(Connection::new(L::SQL.name, &page, rows, more, total))
    }
}

impl<N: OutputType> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }
}

impl<N: OutputType> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }
}

/// A row of a page, with its cursor.
#[Object(name_type)]
impl<N: OutputType> Edge<N> {
    /// Where the row is in its list; opaque. Pass it as `after` or `before`.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The row.
    async fn node(&self) -> &N {
        &self.node
    }
}

/// A page of a list.
#[Object(name_type)]
impl<N: OutputType> Connection<N> {
    /// The rows with their cursors.
    async fn edges(&self) -> &[Edge<N>] {
        &self.edges
    }

    /// The rows.
    async fn nodes(&self) -> Vec<&N> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// How to go on from here.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many rows the whole list has, whatever the page.
    #[graphql(complexity = 5)]
    async fn total_count(&self) -> Result<crate::scalars::Long, ApiError> {
        Ok(crate::scalars::Long((self.total)().await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SORT: &[(&str, SortType)] = &[("a", SortType::Integer)];

    fn ask(first: Option<i32>, last: Option<i32>, after: Option<&str>) -> Result<Page, ApiError> {
        PageArguments {
            first,
            last,
            after: after.map(Into::into),
            before: None,
        }
        .page("list", SORT)
    }

    #[test]
    fn a_page_needs_a_size_from_1_to_100() {
        assert!(ask(None, None, None).unwrap_err().message.contains("missing"));
        assert!(ask(Some(1), Some(1), None).unwrap_err().message.contains("both"));
        for size in [i32::MIN, -1, 0, 101, i32::MAX] {
            assert!(ask(Some(size), None, None).is_err(), "{size}");
        }
        assert_eq!(ask(None, Some(100), None).unwrap().size, 100);
    }

    #[test]
    fn cursors_of_other_lists_and_forged_ones_are_refused() {
        let cursor = write_cursor("list", &["7".into()]);
        assert_eq!(
            ask(Some(1), None, Some(&cursor)).unwrap().after,
            Some(vec!["7".to_string()])
        );
        for forged in [
            write_cursor("other", &["7".into()]),
            write_cursor("list", &["x".into()]),
            write_cursor("list", &[]),
            "%".into(),
            String::new(),
        ] {
            assert!(ask(Some(1), None, Some(&forged)).is_err(), "{forged}");
        }
    }

    #[test]
    fn cost_never_overflows() {
        assert_eq!(page_cost(Some(i32::MAX), None, usize::MAX), usize::MAX);
        assert_eq!(page_cost(Some(10), None, 3), 31);
        assert_eq!(page_cost(None, None, 3), 4);
    }
}

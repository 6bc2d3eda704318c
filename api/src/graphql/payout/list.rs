//! Pages of lists that are in memory already; a cursor is a place in the list.

use async_graphql::OutputType;
use futures::future::BoxFuture;

use super::super::connection::{Connection, PageArguments};
use crate::error::ApiError;
use crate::store::listing::{Page, SortType};

/// Lists in memory are ordered by place.
pub(super) const SORT: &[(&str, SortType)] = &[("place", SortType::Integer)];

/// The place of a cursor; cursors are checked before.
pub(super) fn place(cursor: Option<&Vec<String>>) -> Option<i64> {
    cursor?.first()?.parse().ok()
}

/// The first and the end of a page among `count` places, and whether there are more in the direction of paging.
pub(super) fn bounds(page: &Page, count: usize) -> (usize, usize, bool) {
    let natural = |place: i64| usize::try_from(place.max(0)).unwrap_or(usize::MAX);
    let first = place(page.after.as_ref()).map_or(0, |place| natural(place.saturating_add(1)));
    let end = place(page.before.as_ref()).map_or(count, natural).min(count);
    let (first, size) = (first.min(end), natural(page.size));
    let more = end - first > size;
    match (more, page.backward) {
        (false, _) => (first, end, false),
        (true, false) => (first, first + size, true),
        (true, true) => (end - size, end, true),
    }
}

/// How long a list is that is counted already.
pub(super) fn total(count: usize) -> impl Fn() -> BoxFuture<'static, Result<i64, ApiError>> + Send + Sync + 'static {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    move || Box::pin(async move { Ok(count) })
}

/// A page of `all`.
pub(super) fn page_of<T, N: OutputType>(
    name: &str,
    arguments: &PageArguments,
    all: &[T],
    node: impl Fn(&T) -> N,
) -> Result<Connection<N>, ApiError> {
    let page = arguments.page(name, SORT)?;
    let (first, end, more) = bounds(&page, all.len());
    let rows = all[first..end]
        .iter()
        .enumerate()
        .map(|(place, item)| (vec![(first + place).to_string()], node(item)));
    let rows: Vec<_> = rows.collect();
    Ok(Connection::new(name, &page, rows, more, total(all.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_list_are_its_parts_in_order_from_either_end() {
        let cursor = |place: i64| Some(vec![place.to_string()]);
        let page = |backward, size, after, before| Page {
            backward,
            size,
            after,
            before,
        };
        for (page, expected) in [
            (page(false, 3, None, None), (0, 3, true)),
            (page(false, 3, cursor(2), None), (3, 6, true)),
            (page(false, 3, cursor(6), None), (7, 10, false)),
            (page(false, 3, cursor(9), None), (10, 10, false)),
            (page(true, 3, None, None), (7, 10, true)),
            (page(true, 3, None, cursor(3)), (0, 3, false)),
            (page(true, 100, None, None), (0, 10, false)),
            (page(false, 3, cursor(i64::MAX), cursor(i64::MIN)), (0, 0, false)),
            (page(false, 3, cursor(i64::MIN), cursor(i64::MAX)), (0, 3, true)),
        ] {
            assert_eq!(bounds(&page, 10), expected, "{page:?}");
        }
    }
}

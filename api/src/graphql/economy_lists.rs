//! Tasks and disputes of a whole chain: where somebody looks for work, or for what is contested.

// A field of GraphQL has its arguments one by one.
#![allow(clippy::too_many_arguments)]

use async_graphql::{Context, Object};

use super::connection::{Connection, PageArguments, page_cost};
use super::dispute::Dispute;
use super::economy::Around;
use super::task::{Task, TaskState};
use super::token::scope;
use crate::error::ApiError;
use crate::scalars::ChainId;
use crate::session::{AsOf, Pin, Session};
use crate::store::disputes::DisputesOfChain;
use crate::store::tasks::TasksOfChain;

/// Tasks and disputes of a whole chain.
#[derive(Default)]
pub struct EconomyListQuery;

/// Tasks and disputes of a whole chain.
#[Object]
impl EconomyListQuery {
    /// The tasks of a chain, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The chain.")] chain: ChainId,
        #[graphql(desc = "Only those that are this far.")] state: Option<TaskState>,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Task>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let around = Around::new(&Session::of(ctx), Pin::Head.or(as_of, chain.0), chain);
        let key = state.map(TaskState::key).unwrap_or_default();
        let scope = scope(&around.session, around.pin, chain.0, key).await?;
        let task = Task::maker(&around, scope.time);
        Connection::of(&around.session, arguments, TasksOfChain(scope), task).await
    }

    /// The disputes over assets of a chain, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn disputes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The chain.")] chain: ChainId,
        #[graphql(desc = "Only those that are not over, judged ones included, or only those that are.")] open: Option<
            bool,
        >,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when everything within is answered.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Dispute>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        let around = Around::new(&Session::of(ctx), Pin::Head.or(as_of, chain.0), chain);
        let key = open.map(|open| vec![u8::from(open)]).unwrap_or_default();
        let scope = scope(&around.session, around.pin, chain.0, key).await?;
        let dispute = Dispute::maker(&around);
        Connection::of(&around.session, arguments, DisputesOfChain(scope), dispute).await
    }
}

//! What an asset was made from, and what was made from it.

// A field of GraphQL has its arguments one by one.
#![allow(clippy::too_many_arguments)]

use async_graphql::Object;
use souk_schema::caip;

use super::Asset;
use crate::error::ApiError;
use crate::graphql::connection::{Connection, PageArguments, page_cost};
use crate::graphql::kinds::LineageDirection;
use crate::graphql::lineage::{Derivation, Lineage, LineagePaths, LineageSize, declared, lineage, paths};
use crate::scalars::AssetId;
use crate::session::AsOf;

/// The fields of an asset about its derivations.
pub struct AssetLineage(pub(super) Asset);

/// The fields of an asset about its derivations.
#[Object]
impl AssetLineage {
    /// What it was made from directly, as declared: by the event that declared it, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn parents(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Derivation>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        declared(
            &self.0.session,
            self.0.pinned(as_of),
            &self.0.evm_id(),
            LineageDirection::Ancestors,
            &arguments,
        )
        .await
    }

    /// What was made from it directly, as declared: by the event that declared it, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn children(
        &self,
        #[graphql(desc = "The first so many, from 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "The last so many, from 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Connection<Derivation>, ApiError> {
        let arguments = PageArguments {
            first,
            last,
            after,
            before,
        };
        declared(
            &self.0.session,
            self.0.pinned(as_of),
            &self.0.evm_id(),
            LineageDirection::Descendants,
            &arguments,
        )
        .await
    }

    /// Everything that it was made from, or that was made from it, nearest first.
    #[graphql(complexity = "LineageSize(limit).cost(child_complexity)")]
    async fn lineage(
        &self,
        #[graphql(desc = "Which way.")] direction: LineageDirection,
        #[graphql(desc = "How many derivations away at most, from 1; without it any number.")] depth: Option<i32>,
        #[graphql(
            desc = "How many assets at most, from 1 to 1000; the nearest are kept.",
            default = 100
        )]
        limit: i32,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<Lineage, ApiError> {
        lineage(
            &self.0.session,
            self.0.pinned(as_of),
            &self.0.evm_id(),
            direction,
            depth,
            LineageSize(limit),
        )
        .await
    }

    /// The ways from it up to an ancestor, shortest first, with the event behind each step.
    #[graphql(complexity = "LineageSize(limit).cost(child_complexity)")]
    async fn paths_to(
        &self,
        #[graphql(desc = "The ancestor.")] ancestor: AssetId,
        #[graphql(desc = "How many ways at most, from 1 to 1000.", default = 10)] limit: i32,
        #[graphql(desc = "As of when; by default as of what holds around this field.")] as_of: Option<AsOf>,
    ) -> Result<LineagePaths, ApiError> {
        let from = caip::AssetId::Evm(self.0.evm_id());
        paths(
            &self.0.session,
            self.0.pinned(as_of),
            &from,
            &ancestor.0,
            LineageSize(limit),
        )
        .await
    }
}

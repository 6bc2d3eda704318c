//! The GraphQL schema: types, fields and how they are answered. Nothing here knows HTTP; tables are read through [`crate::store`].
//!
//! Start at [`query::Query`] and [`exchange`]. Objects carry the [`crate::session::Session`] they were answered from and the moment they are pinned
//! to, so what is asked beneath them sees the same blocks.

pub mod account;
pub mod asset;
pub mod attestation;
pub mod chain;
pub mod connection;
pub mod contribution;
pub mod dispute;
pub mod dispute_radius;
pub mod economy;
pub mod economy_lists;
pub mod event;
pub mod exchange;
pub mod execution;
pub mod execution_privacy;
pub mod execution_round;
pub mod extension;
pub mod foreign;
pub mod gateway;
pub mod kinds;
pub mod license;
pub mod lineage;
pub mod meta;
pub mod metadata;
pub mod nodes;
pub mod payout;
pub mod query;
mod shape;
pub mod subscription;
pub mod task;
pub mod token;
pub(crate) mod variables;
pub mod version;

use async_graphql::{MergedObject, MergedSubscription, Schema, SchemaBuilder};

use economy::EconomyQuery;
use economy_lists::EconomyListQuery;
use exchange::live::ExchangeSubscriptions;
use exchange::mutation::Mutation;
use exchange::own::OwnSubscriptions;
use exchange::query::ExchangeQuery;
use metadata::MetadataQuery;
use payout::live::PayoutSubscriptions;
use payout::query::PayoutQuery;

/// The root of all questions. Every field of one request sees the same blocks: see `meta`.
#[derive(MergedObject)]
#[graphql(name = "Query")]
pub struct Root(
    query::Query,
    EconomyQuery,
    EconomyListQuery,
    ExchangeQuery,
    PayoutQuery,
    MetadataQuery,
);

/// What happens from now on, or from a cursor, block or sequence number on.
#[derive(MergedSubscription)]
#[graphql(name = "Subscriptions")]
pub struct Events(
    subscription::Subscriptions,
    ExchangeSubscriptions,
    OwnSubscriptions,
    PayoutSubscriptions,
);

/// The schema.
pub type SoukSchema = Schema<Root, Mutation, Events>;

/// The schema, before it is told where to read from.
pub fn builder() -> SchemaBuilder<Root, Mutation, Events> {
    let (root, events) = (
        Root(
            query::Query,
            EconomyQuery,
            EconomyListQuery,
            ExchangeQuery,
            PayoutQuery,
            MetadataQuery,
        ),
        Events(
            subscription::Subscriptions,
            ExchangeSubscriptions,
            OwnSubscriptions,
            PayoutSubscriptions,
        ),
    );
    Schema::build(root, Mutation, events).extension(extension::AroundFactory)
}

/// The schema in its own language, as it is committed in `api/schema.graphql`.
pub fn sdl() -> String {
    builder().finish().sdl_with_options(
        async_graphql::SDLExportOptions::new()
            .sorted_fields()
            .sorted_enum_items()
            .sorted_arguments(),
    )
}

//! The GraphQL schema: types, fields and how they are answered. Nothing here knows HTTP; tables are read through [`crate::store`].
//!
//! Start at [`query::Query`]. Objects carry the [`crate::session::Session`] they were answered from and the moment they are pinned
//! to, so what is asked beneath them sees the same blocks.

pub mod account;
pub mod asset;
pub mod chain;
pub mod connection;
pub mod contribution;
pub mod event;
pub mod extension;
pub mod kinds;
pub mod license;
pub mod lineage;
pub mod meta;
pub mod nodes;
pub mod query;
mod shape;
pub mod subscription;
pub mod token;
pub(crate) mod variables;
pub mod version;

use async_graphql::{EmptyMutation, Schema, SchemaBuilder};

/// The schema. There is nothing to change through it yet.
pub type SoukSchema = Schema<query::Query, EmptyMutation, subscription::Subscriptions>;

/// The schema, before it is told where to read from.
pub fn builder() -> SchemaBuilder<query::Query, EmptyMutation, subscription::Subscriptions> {
    Schema::build(query::Query, EmptyMutation, subscription::Subscriptions).extension(extension::AroundFactory)
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

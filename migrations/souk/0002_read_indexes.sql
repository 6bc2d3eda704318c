-- Indexes that only readers need are no longer kept from the first row on: the projector makes them once it has caught up with its stream
-- for the first time (`provenance/src/store/indexes.rs`), which costs less than keeping them through a backfill. What stays from the
-- beginning is what the projector looks things up by itself: primary keys, and what serves a revert.
drop index if exists block_by_time;
drop index if exists event_by_subject;
drop index if exists ownership_by_owner;
drop index if exists balance_by_account;
drop index if exists license_series_by_asset;
drop index if exists contribution_by_asset;
drop index if exists contribution_by_contributor;
drop index if exists derivation_by_child;
drop index if exists derivation_by_parent;
drop index if exists revenue_by_asset;

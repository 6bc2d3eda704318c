-- Derived state of the provenance projection. Everything here can be dropped and projected again from the streams `chain.<id>`.
--
-- The tables are created in the first schema of the search path: `souk` is the live one, a rebuild projects into another beside it.
--
-- History tables: a row is true from block `valid_from` (inclusive) to block `valid_to` (exclusive; null while it is still true).
-- `(chain_id, valid_from, log_index)` names the log that made it. Reverting block n deletes rows with valid_from = n and reopens rows
-- with valid_to = n. Keys of tokens (`…_key`) are the contract's 20 bytes followed by the id as big-endian bytes without leading
-- zeros. Addresses are 20 bytes, hashes 32. Shares (`…_e8`) are parts per 100,000,000. Amounts are base units. Times are Unix seconds
-- (beyond 2^63 - 1, which only a broken chain reports: that number).
--
-- Indexes named `…_began` and `…_ended` serve reverts. `…_began` is a BRIN index, because rows are written in the order of their blocks.

-- How far each chain is projected. The row is written in the same transaction as the rows of the blocks that it counts (LOG-2).
create table projection (
    chain_id         bigint primary key,
    stream           text not null,
    generation       integer not null,
    -- The next record of `stream` to apply.
    next_sequence    bigint not null,
    start_block      bigint not null,
    genesis_hash     bytea not null,
    watch_set        jsonb not null,
    decoder_version  integer not null,
    head_number      bigint,
    head_hash        bytea,
    head_timestamp   bigint,
    finalized_number bigint,
    finalized_hash   bytea,
    -- Rises when the chain's rows were replaced as a whole (a rebuild): who keeps a copy loads it anew.
    epoch            bigint not null default 1,
    updated_at       timestamptz not null default now()
);

-- The canonical blocks, the only ones that state was made of.
create table block (
    chain_id    bigint not null,
    number      bigint not null,
    hash        bytea not null,
    parent_hash bytea not null,
    timestamp   bigint not null,
    primary key (chain_id, number)
);
create index block_by_time on block (chain_id, timestamp, number);

-- Every decoded event of the canonical chain. One log may hold several (an ERC-1155 batch), told apart by `ordinal`.
create table event (
    chain_id          bigint not null,
    block_number      bigint not null,
    log_index         integer not null,
    ordinal           integer not null,
    transaction_hash  bytea not null,
    transaction_index integer not null,
    contract          bytea not null,
    name              text not null,
    -- The token that the event is about.
    subject_key       bytea,
    body              jsonb not null,
    primary key (chain_id, block_number, log_index, ordinal)
);
create index event_by_subject on event (chain_id, subject_key, block_number, log_index, ordinal) where subject_key is not null;

-- Watched logs that no adapter could decode.
create table quarantine (
    chain_id         bigint not null,
    block_number     bigint not null,
    log_index        integer not null,
    transaction_hash bytea not null,
    contract         bytea not null,
    topics           bytea[] not null,
    data             bytea not null,
    reason           text not null,
    decoder_version  integer not null,
    primary key (chain_id, block_number, log_index)
);

-- Contracts that a factory created and that are watched since.
create table contract (
    chain_id   bigint not null,
    address    bytea not null,
    -- erc20, erc721, erc1155
    standard   text not null,
    factory    bytea not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, address, valid_from)
);

create table asset (
    chain_id             bigint not null,
    asset_key            bytea not null,
    registry             bytea not null,
    asset_id             numeric(78, 0) not null,
    kind                 smallint not null,
    name                 text not null,
    contributor_share_e8 integer not null,
    valid_from           bigint not null,
    valid_to             bigint,
    log_index            integer not null,
    primary key (chain_id, asset_key)
);
create index asset_in_order on asset (chain_id, valid_from, log_index);

create table asset_version (
    chain_id     bigint not null,
    asset_key    bytea not null,
    version      integer not null,
    content_hash bytea not null,
    metadata_uri text not null,
    valid_from   bigint not null,
    valid_to     bigint,
    log_index    integer not null,
    primary key (chain_id, asset_key, version, valid_from, log_index)
);

-- Who owned an ERC-721 token (assets among them), and when.
create table ownership (
    chain_id   bigint not null,
    token_key  bytea not null,
    owner      bytea not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, token_key, valid_from)
);
create index ownership_by_owner on ownership (chain_id, owner, token_key, valid_from);

-- What an account held of an ERC-20 contract or an ERC-1155 id (shares and licence series among them), and when. No row is a balance of
-- zero. A balance can be negative: the account sent what it was not seen to receive.
create table balance (
    chain_id   bigint not null,
    token_key  bytea not null,
    account    bytea not null,
    amount     numeric not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, token_key, account, valid_from)
);
create index balance_by_account on balance (chain_id, account, token_key, valid_from);

create table license_terms (
    chain_id            bigint not null,
    registry            bytea not null,
    terms_id            numeric(78, 0) not null,
    commercial_use      boolean not null,
    derivatives_allowed boolean not null,
    reciprocal          boolean not null,
    transferable        boolean not null,
    royalty_policy      smallint not null,
    revenue_share_e8    integer not null,
    minting_fee         numeric(78, 0) not null,
    currency            bytea not null,
    duration_secs       numeric(20, 0) not null,
    supply_cap          numeric(20, 0) not null,
    uri                 text not null,
    spdx_id             text not null,
    valid_from          bigint not null,
    valid_to            bigint,
    log_index           integer not null,
    primary key (chain_id, registry, terms_id)
);

create table terms_attachment (
    chain_id   bigint not null,
    asset_key  bytea not null,
    registry   bytea not null,
    terms_id   numeric(78, 0) not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, asset_key, registry, terms_id, valid_from, log_index)
);

-- A licence series: true from its first mint until it is revoked. That it expires is no event: readers compare `expires_at`.
create table license_series (
    chain_id   bigint not null,
    series_key bytea not null,
    asset_key  bytea not null,
    terms_id   numeric(78, 0) not null,
    -- Unix time in seconds; 0 for ever.
    expires_at numeric(20, 0) not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, series_key)
);
create index license_series_by_asset on license_series (chain_id, asset_key);

create table license_revocation (
    chain_id   bigint not null,
    series_key bytea not null,
    revoked_by bytea not null,
    reason     text not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, series_key, valid_from, log_index)
);

create table share_issue (
    chain_id   bigint not null,
    asset_key  bytea not null,
    shares_key bytea not null,
    issuer     bytea not null,
    supply     numeric(78, 0) not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, asset_key, shares_key, valid_from, log_index)
);

-- Closed when voided.
create table contribution (
    chain_id         bigint not null,
    contribution_key bytea not null,
    asset_key        bytea not null,
    contributor      bytea not null,
    role             smallint not null,
    weight           numeric(78, 0) not null,
    evidence_hash    bytea not null,
    recorded_by      bytea not null,
    valid_from       bigint not null,
    valid_to         bigint,
    log_index        integer not null,
    primary key (chain_id, contribution_key)
);
create index contribution_by_asset on contribution (chain_id, asset_key, valid_from, log_index);
create index contribution_by_contributor on contribution (chain_id, contributor, valid_from, log_index);

-- Edges of the provenance graph. Exactly one of parent_key (same registry) and parent_id (CAIP-19, declared as foreign) is set.
create table derivation (
    chain_id   bigint not null,
    child_key  bytea not null,
    parent_key bytea,
    parent_id  text,
    relation   smallint not null,
    -- The series of the parent that allowed it; 0 where none was needed.
    license_id numeric(78, 0) not null,
    -- 0 declared, 1 evidenced, 2 disputed
    status     smallint not null,
    valid_from bigint not null,
    valid_to   bigint,
    log_index  integer not null,
    primary key (chain_id, valid_from, log_index),
    check ((parent_key is null) <> (parent_id is null))
);
create index derivation_by_child on derivation (chain_id, child_key);
create index derivation_by_parent on derivation (chain_id, parent_key) where parent_key is not null;

create table revenue (
    chain_id    bigint not null,
    revenue_key bytea not null,
    asset_key   bytea not null,
    payer       bytea not null,
    token       bytea not null,
    amount      numeric(78, 0) not null,
    reason      smallint not null,
    reference   bytea not null,
    valid_from  bigint not null,
    valid_to    bigint,
    log_index   integer not null,
    primary key (chain_id, valid_from, log_index)
);
create index revenue_by_asset on revenue (chain_id, asset_key, valid_from, log_index);

create index asset_version_began on asset_version using brin (chain_id, valid_from) with (autosummarize = on);
create index ownership_began on ownership using brin (chain_id, valid_from) with (autosummarize = on);
create index balance_began on balance using brin (chain_id, valid_from) with (autosummarize = on);
create index license_terms_began on license_terms using brin (chain_id, valid_from) with (autosummarize = on);
create index terms_attachment_began on terms_attachment using brin (chain_id, valid_from) with (autosummarize = on);
create index license_series_began on license_series using brin (chain_id, valid_from) with (autosummarize = on);
create index license_revocation_began on license_revocation using brin (chain_id, valid_from) with (autosummarize = on);
create index share_issue_began on share_issue using brin (chain_id, valid_from) with (autosummarize = on);
create index contribution_began on contribution using brin (chain_id, valid_from) with (autosummarize = on);
-- The lineage graph asks what ended since it looked last.
create index asset_ended on asset (chain_id, valid_to) where valid_to is not null;
create index derivation_ended on derivation (chain_id, valid_to) where valid_to is not null;
create index ownership_ended on ownership (chain_id, valid_to) where valid_to is not null;
create index balance_ended on balance (chain_id, valid_to) where valid_to is not null;
create index license_series_ended on license_series (chain_id, valid_to) where valid_to is not null;
create index contribution_ended on contribution (chain_id, valid_to) where valid_to is not null;

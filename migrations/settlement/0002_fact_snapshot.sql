-- What following a chain's facts had come to after some record, so that a restart reads only what is newer. It may be deleted at any time: the
-- streams are then read from their beginning.
create table settlement.fact_snapshot (
    group_id    bigint not null,
    chain_id    bigint not null,
    -- Of the body's encoding.
    version     integer not null,
    -- keccak-256 of what is followed for whom, and of the body.
    config_hash bytea not null,
    body_hash   bytea not null,
    body        bytea not null,
    written_at  timestamptz not null default now(),
    primary key (group_id, chain_id)
);

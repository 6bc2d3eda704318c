-- What settlement remembers beside its streams. A schema of its own.

-- What the operator sent to the chain, as `exchange.settlement.<group>` says: a projection of it, written anew when settlement starts. The
-- fills of a batch are all those from `first_fill` to `last_fill`; a fill is in the newest row that has it and is not `voided` or `failed`.
create table settlement.transaction (
    group_id         bigint not null,
    -- Counts the group's transactions, from 1.
    id               bigint not null,
    -- `batch`, `heartbeat` or `flush`.
    purpose          text not null check (purpose in ('batch', 'heartbeat', 'flush')),
    first_fill       bigint,
    last_fill        bigint,
    -- How many of its fills the operator has skipped.
    voided_fills     bigint,
    -- Of a flush: the market's id in the vault.
    market           bytea,
    nonce            bigint not null,
    -- `submitted`, `mined`, `failed` (mined, and changed nothing), `final`, or `voided` (another transaction used its nonce).
    state            text not null check (state in ('submitted', 'mined', 'failed', 'final', 'voided')),
    -- How often it was signed; each time at higher fees.
    attempts         bigint not null,
    -- Of the attempt that was mined, or else of the latest.
    transaction_hash bytea not null,
    block_number     bigint,
    block_hash       bytea,
    gas_used         bigint,
    primary key (group_id, id),
    check ((purpose = 'batch') = (first_fill is not null and last_fill is not null))
);
create index transaction_by_fill on settlement.transaction (group_id, last_fill, first_fill) where purpose = 'batch';

-- How far a generation of a chain's stream had been told to a group's engine when the next generation began. A later record of it was never
-- told, and never will be.
create table settlement.told_generation (
    group_id   bigint not null,
    chain_id   bigint not null,
    generation bigint not null,
    -- The first record that was not told.
    until      bigint not null,
    primary key (group_id, chain_id, generation)
);

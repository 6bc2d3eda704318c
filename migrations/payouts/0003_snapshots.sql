-- Settled revenues, which leave memory: every line of them is vested or recomputed away, and nothing happens to them any more. Written with the
-- lines, deleted with the block that settled them; explanations are made of them.
create table payouts.settled (
    chain_id     bigint not null,
    registry     bytea not null,
    revenue      numeric(78, 0) not null,
    -- The revenue in the encoding of the payouts' states, without its plan.
    record       bytea not null,
    plan_digest  bytea not null,
    -- The block that settled it.
    block_number bigint not null,
    primary key (chain_id, registry, revenue)
);
create index settled_began on payouts.settled using brin (chain_id, block_number) with (autosummarize = on);

-- How revenues are split, which many of them share.
create table payouts.plan (
    chain_id bigint not null,
    digest   bytea not null,
    plan     bytea not null,
    primary key (chain_id, digest)
);

-- What is owed as of final blocks, so that a fold goes on there and does not begin anew: the newest two of each chain. Nothing here is needed.
create table payouts.snapshot (
    chain_id      bigint not null,
    stream        text not null,
    -- The next record of the stream, which the state has not seen.
    next_sequence bigint not null,
    bytes         bigint not null,
    taken_at      timestamptz not null default now(),
    primary key (chain_id, next_sequence)
);

-- The state in pieces: one value of Postgres would be bounded, and held in memory twice.
create table payouts.snapshot_piece (
    chain_id      bigint not null,
    next_sequence bigint not null,
    piece         integer not null,
    data          bytea not null,
    primary key (chain_id, next_sequence, piece),
    foreign key (chain_id, next_sequence) references payouts.snapshot on delete cascade
);
alter table payouts.snapshot_piece alter column data set storage external;

-- What was projected before has no settled revenues: it is projected again.
truncate payouts.line, payouts.portion_change, payouts.position;

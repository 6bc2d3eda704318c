-- What chains point at outside themselves, and what was found there. `found` and `position` are projected from the stream `observations`
-- alone; `wanted` and `scan` are made of the tables of chains and say what is still to do. All of it can be dropped and made again: what is in
-- the stream is never fetched again.
--
-- Keys are those of `souk_schema::observation::Wanted`. Hashes are 32 bytes. Nothing is deleted when a block is reverted: what was found is
-- true of its URI, whoever names it.

-- How far the stream is projected; written in the transaction of the rows that it counts.
create table observations.position (
    stream        text primary key,
    next_sequence bigint not null
);

-- How far the tables of each chain were searched for what is wanted. Everything up to `head` was, while that block is canonical; else
-- everything up to `finalized`.
create table observations.scan (
    chain_id         bigint primary key,
    epoch            bigint not null,
    head_number      bigint not null,
    head_hash        bytea not null,
    finalized_number bigint,
    finalized_hash   bytea
);

create table observations.wanted (
    key          bytea primary key,
    chain_id     bigint not null,
    -- 1 asset, 2 thing of another protocol
    kind         smallint not null,
    subject_key  bytea not null,
    uri          text not null,
    commitment   bytea,
    -- Whom it is asked of, of whom only so much is asked at once; null where nobody is.
    host         text,
    -- The log that names it.
    block_number bigint not null,
    log_index    integer not null,
    -- Nothing is left to do.
    is_settled   boolean not null,
    -- This installation does not fetch it; asked again when it starts with other settings.
    is_withheld  boolean not null default false,
    tries        integer not null default 0,
    not_before   timestamptz not null default now(),
    -- A process works on it until then.
    leased_until timestamptz,
    -- Why the last try was not the last.
    problem      text
);
create index wanted_due on observations.wanted (not_before, key) where not is_settled and not is_withheld;
create index wanted_by_subject on observations.wanted (chain_id, kind, subject_key, block_number, log_index);

-- What was found of each thing that was wanted: the first document, or else the newest failure.
create table observations.found (
    key            bytea primary key,
    chain_id       bigint not null,
    kind           smallint not null,
    subject_key    bytea not null,
    -- Of a document: 1 keccak-256, 2 SHA-256, 3 CID, 4 mismatch, 5 no commitment, 6 unverified
    verification   smallint,
    -- Of a failure: the number of `souk.observation.v1.FailureKind`.
    failure        smallint,
    failure_detail text,
    length         bigint,
    sha256         bytea,
    keccak256      bytea,
    -- The document, a JSON object in UTF-8. Bytes, because jsonb does not take every JSON, and would give back another text.
    content        bytea,
    -- What it says, cleaned and cut.
    name           text,
    description    text,
    licence        text,
    observed_at_ms bigint not null,
    tries          integer not null,
    -- When a failure that may heal is looked at again.
    again_at       timestamptz,
    -- Its record in the stream.
    sequence       bigint not null
);

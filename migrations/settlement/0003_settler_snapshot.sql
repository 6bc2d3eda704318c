-- What settling a group had come to after some records of its two streams, so that a restart reads only what is newer. It may be deleted at any
-- time, and has to be where `transaction` is to be written anew: the streams are then read from their beginning.
create table settlement.settler_snapshot (
    group_id   bigint not null primary key,
    -- Of the body's encoding.
    version    integer not null,
    -- keccak-256 of the body.
    body_hash  bytea not null,
    body       bytea not null,
    written_at timestamptz not null default now()
);

-- What the last comparisons of the books found (law LED-2): engine = ledger, and ledger = vault. Not of the events, and no part of a group's
-- state: whoever compares writes it for those who ask in another process.
create table reconciliation (
    group_id         bigint not null,
    -- `engine` or `vault`: what the ledger was compared with.
    books            text not null check (books in ('engine', 'vault')),
    -- When the newest final block, or an engine's command of that time, was last known to be compared. Null before the first time.
    checked_at       timestamptz,
    -- The command after which the ledger was compared.
    number           bigint,
    -- For the vault, at the end of which final block.
    block_number     bigint,
    block_hash       bytea,
    compared         bigint not null default 0,
    difference_count bigint not null default 0,
    -- The first hundred.
    differences      jsonb not null default '[]',
    -- Since when nothing can be compared; null while it can.
    failing_since    timestamptz,
    primary key (group_id, books)
);

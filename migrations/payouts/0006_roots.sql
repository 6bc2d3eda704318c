-- The roots whose entries this installation published, so that entries that are gone are noticed. A row is written with its entries; they are
-- kept of the last finalised root and of the pending one, and `is_kept` says so.
create table payouts.root (
    chain_id bigint not null,
    registry bytea not null,
    epoch    bigint not null,
    root     bytea not null,
    -- How many entries it has.
    entries  bigint not null check (entries > 0),
    is_kept  boolean not null,
    primary key (chain_id, registry, epoch, root)
);
insert into payouts.root
select chain_id, registry, epoch, root, count(*), true from payouts.root_entry group by chain_id, registry, epoch, root;

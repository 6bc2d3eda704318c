-- What is owed, line by line, projected from the streams `chain.<id>`. Everything here but `root_entry` can be dropped and projected again.
--
-- Amounts are base units. Addresses are 20 bytes, hashes 32. A deployment is named by its chain and its asset registry. Rows of a block are
-- deleted when the block is reverted.

-- How far each chain is projected; written in the transaction of the rows that it counts.
create table payouts.position (
    chain_id      bigint primary key,
    stream        text not null,
    next_sequence bigint not null
);

-- One recipient's part of one revenue for one asset in one way. What became of it is in `portion_change`, by (revenue, portion).
create table payouts.line (
    chain_id     bigint not null,
    registry     bytea not null,
    revenue      numeric(78, 0) not null,
    portion      bigint not null,
    asset        numeric(78, 0) not null,
    -- 0 protocol fee, 1 own, 2 royalty LAP, 3 royalty LRP, 4 returned, 5 forfeited
    route        smallint not null,
    -- 0 protocol, 1 contributor, 2 shareholder, 3 owner
    role         smallint not null,
    -- Ways by that route; 100,000,001 for any number above 10^8.
    paths        bigint not null,
    recipient    bytea not null,
    token        bytea not null,
    amount       numeric(78, 0) not null check (amount > 0),
    block_number bigint not null,
    -- The order in which lines came to be.
    number       bigint generated always as identity,
    primary key (chain_id, registry, revenue, portion, role, recipient)
);
create index line_by_recipient on payouts.line (chain_id, registry, recipient, number);
create index line_by_asset on payouts.line (chain_id, registry, asset, number);
create index line_began on payouts.line using brin (chain_id, block_number) with (autosummarize = on);

create table payouts.portion_change (
    chain_id     bigint not null,
    registry     bytea not null,
    revenue      numeric(78, 0) not null,
    -- Null for all portions that the revenue has by then and that count.
    portion      bigint,
    -- held, released, ended, restored, vested
    change       text not null,
    -- The dispute or challenge that holds or held it.
    hold         text,
    hold_id      numeric(78, 0),
    -- The epoch whose finalised root counts it.
    epoch        bigint,
    block_number bigint not null,
    number       bigint generated always as identity primary key
);
create index portion_change_by_portion on payouts.portion_change (chain_id, registry, revenue, portion, number);
create index portion_change_began on payouts.portion_change using brin (chain_id, block_number) with (autosummarize = on);

-- The entries of roots that this installation proposed, written before the root was sent: what anyone checks a root against.
create table payouts.root_entry (
    chain_id   bigint not null,
    registry   bytea not null,
    epoch      bigint not null,
    root       bytea not null,
    account    bytea not null,
    token      bytea not null,
    cumulative numeric(78, 0) not null check (cumulative > 0),
    primary key (chain_id, registry, epoch, root, account, token)
);

-- Lines with what became of them: the newest change of the portion, and whether anything holds it now.
create view payouts.line_status as
select line.*,
       coalesce(ended.is_ended, false) as is_ended,
       vested.epoch as vested_epoch,
       coalesce(holds.count, 0) as holds
from payouts.line
left join lateral (
    select change.change = 'ended' as is_ended
    from payouts.portion_change change
    where (change.chain_id, change.registry, change.revenue) = (line.chain_id, line.registry, line.revenue)
      and (change.portion = line.portion or change.portion is null) and change.change in ('ended', 'restored')
    order by change.number desc limit 1
) ended on true
left join lateral (
    select change.epoch
    from payouts.portion_change change
    where (change.chain_id, change.registry, change.revenue) = (line.chain_id, line.registry, line.revenue)
      and (change.portion = line.portion or change.portion is null) and change.change = 'vested'
    order by change.number desc limit 1
) vested on true
left join lateral (
    select count(*) filter (where change.change = 'held') - count(*) filter (where change.change = 'released') as count
    from payouts.portion_change change
    where (change.chain_id, change.registry, change.revenue) = (line.chain_id, line.registry, line.revenue)
      and (change.portion = line.portion or change.portion is null)
) holds on true;

-- A transaction is one row that holds its postings: it costs one entry of one index instead of one for each posting, is written and read
-- whole, and cannot lack a posting or get one more. What was the table `posting` is a view of the same columns.

-- Whether every posting takes from one account of the ledger and gives to another.
create function postings_move(debited bigint[], credited bigint[]) returns boolean
language plpgsql immutable parallel safe as $$
begin
    for place in 1 .. cardinality(debited) loop
        if debited[place] = credited[place] then
            return false;
        end if;
    end loop;
    return true;
end
$$;

drop view posting_side;
alter table transaction rename to announced;
alter index transaction_pkey rename to announced_pkey;
alter table posting rename to posting_row;

-- One row for every command that moved anything, unique by its position. A posting is the same place in each of the arrays: it takes an
-- amount from one account and gives it to another, so that none can be unbalanced and every transaction sums to zero per instrument (LED-1).
create table transaction (
    group_id   bigint not null,
    number     bigint not null,
    time       bigint not null,
    -- Why; `posting_side` has the words.
    kind       smallint[] not null,
    instrument bigint[] not null,
    -- An account of the ledger is twice the account's number, and one more for what open orders hold of it: 14 is what account 7 has
    -- available, 15 what it holds, -2 `custody`, 0 `deficit`.
    debited    bigint[] not null,
    credited   bigint[] not null,
    amount     numeric[] not null,
    -- What the kind numbers: an order, a fill, a deposit, an exit, a nonce. From 2^63 on less 2^64.
    reference  bigint[] not null,
    constraint transaction_pkey primary key (group_id, number),
    constraint transaction_whole check (
        cardinality(kind) > 0
        and cardinality(instrument) = cardinality(kind) and cardinality(reference) = cardinality(kind)
        and cardinality(debited) = cardinality(kind) and cardinality(credited) = cardinality(kind)
        and cardinality(amount) = cardinality(kind)
    ),
    -- `is true`, because a null within an array makes such a comparison null.
    constraint posting_kind check ((1 <= all (kind) and 16 >= all (kind)) is true),
    constraint posting_instrument check ((0 <= all (instrument)) is true),
    constraint posting_reference check (array_position(reference, null) is null),
    constraint posting_amount check (
        (0 < all (amount) and 'infinity' > all (amount) and amount = amount::numeric(39, 0)[]) is true
    ),
    constraint posting_two_accounts check (postings_move(debited, credited) is true),
    constraint posting_custody_and_deficit_hold_nothing check (
        (-2 <= all (debited) and -1 <> all (debited) and 1 <> all (debited)
            and -2 <= all (credited) and -1 <> all (credited) and 1 <> all (credited)) is true
    )
);

insert into transaction
select t.group_id, t.number, t.time,
       array_agg(p.kind order by p.entry), array_agg(p.instrument order by p.entry),
       array_agg(2 * p.debited + p.debited_held::integer order by p.entry),
       array_agg(2 * p.credited + p.credited_held::integer order by p.entry),
       array_agg(p.amount order by p.entry),
       array_agg((case when p.reference < 9223372036854775808 then p.reference else p.reference - 18446744073709551616 end)::bigint
                 order by p.entry)
from announced t join posting_row p on p.group_id = t.group_id and p.number = t.number
group by t.group_id, t.number, t.time;

drop table posting_row;
drop table announced;
drop function postings_are_whole;

create index posting_deficit on transaction (group_id, number) where 12 = any (kind);

create trigger transaction_append_only before update or delete or truncate on transaction
    for each statement execute function refuse_change();

-- A row for each posting; `entry` is its place in the transaction, from 0.
create view posting as
select t.group_id, t.number, (p.place - 1)::integer as entry, p.kind, p.debited & 1 = 1 as debited_held, p.credited & 1 = 1 as credited_held,
       p.instrument, p.debited >> 1 as debited, p.credited >> 1 as credited, p.amount,
       case when p.reference < 0 then p.reference + 18446744073709551616 else p.reference::numeric end as reference
from transaction t
cross join lateral unnest(t.kind, t.instrument, t.debited, t.credited, t.amount, t.reference)
    with ordinality p (kind, instrument, debited, credited, amount, reference, place);

-- Both sides of every posting, in words: amounts that leave an account are negative.
create view posting_side as
select p.group_id, p.number, p.entry, k.kind, p.instrument, s.account, s.held, s.amount, p.reference
from posting p
cross join lateral (
    values (p.debited, p.debited_held, -p.amount), (p.credited, p.credited_held, p.amount)
) s (account, held, amount)
join (
    values
        (1, 'hold'), (2, 'release'), (3, 'trade'), (4, 'fee'), (5, 'royalty'), (6, 'deposit'), (7, 'withdrawal'),
        (8, 'withdrawal_expired'), (9, 'exit'), (10, 'royalty_flush'), (11, 'deposit_vanished'), (12, 'deficit'), (13, 'bust'),
        (14, 'reinstatement'), (15, 'exit_vanished'), (16, 'royalty_flush_vanished')
) k (number, kind) on k.number = p.kind;

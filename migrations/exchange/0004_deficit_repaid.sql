-- What an account repays of what `deficit` bore for it has a kind of its own.
alter table transaction
    drop constraint posting_kind,
    add constraint posting_kind check ((1 <= all (kind) and 18 >= all (kind)) is true);

create or replace view posting_side as
select p.group_id, p.number, p.entry, k.kind, p.instrument, s.account, s.held, s.amount, p.reference
from posting p
cross join lateral (
    values (p.debited, p.debited_held, -p.amount), (p.credited, p.credited_held, p.amount)
) s (account, held, amount)
join (
    values
        (1, 'hold'), (2, 'release'), (3, 'trade'), (4, 'fee'), (5, 'royalty'), (6, 'deposit'), (7, 'withdrawal'),
        (8, 'withdrawal_expired'), (9, 'exit'), (10, 'royalty_flush'), (11, 'deposit_vanished'), (12, 'deficit'), (13, 'bust'),
        (14, 'reinstatement'), (15, 'exit_vanished'), (16, 'royalty_flush_vanished'), (17, 'escape'), (18, 'deficit_repaid')
) k (number, kind) on k.number = p.kind;

-- A line that a root counted and that was held by the time the root was finalised is vested: nothing holds it any more, though no change
-- says that it was released.
create or replace view payouts.line_status as
select line.*,
       coalesce(ended.is_ended, false) as is_ended,
       vested.epoch as vested_epoch,
       case when vested.epoch is null then coalesce(holds.count, 0) else 0::bigint end as holds
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

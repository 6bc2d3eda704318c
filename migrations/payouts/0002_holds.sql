-- By what a dispute or a challenge holds: few rows beside those that tell of vesting.
create index portion_change_by_hold on payouts.portion_change (chain_id, registry, hold, hold_id) where hold is not null;

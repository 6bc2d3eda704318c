-- Lines were counted that another distributor owes, and some as the task board's that are its posters': everything is projected again.
truncate payouts.line, payouts.portion_change, payouts.settled, payouts.plan, payouts.snapshot, payouts.snapshot_piece, payouts.position;

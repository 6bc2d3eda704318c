//! Rows of what payout distributors say.

use souk_schema::event::{DomainEvent, RootDisputeResolved, RootDisputed, RootFinalised, RootProposed, RootWithdrawn};
use souk_schema::pg_copy::CopyBuffer;
use souk_schema::{Address, B256, U256};

use super::{ChainRow, Encoder, TableRows, small};
use crate::fold::Fact;

/// `payout_root_change.change`.
#[derive(Clone, Copy)]
enum RootChange {
    Disputed = 0,
    Dismissed = 1,
    Upheld = 2,
    Withdrawn = 3,
    Finalised = 4,
}

impl<E: FnMut(TableRows)> Encoder<E> {
    pub(super) fn fact_of_payouts(&mut self, fact: &Fact<'_>) {
        let Fact { event, at, until, .. } = *fact;
        let (chain, buffers) = (self.chain, &mut self.buffers);
        let mut changed = |root: (&Address, u64, &B256), change, by: Option<(&Address, U256)>, reason: Option<&str>| {
            let buffer = buffers.payout_root_change.begun(11, chain);
            write_change(buffer, root, change, by, reason).during(at, until);
        };
        match event {
            DomainEvent::RootDisputed(RootDisputed {
                distributor,
                epoch,
                root,
                disputer,
                bond,
                reason,
            }) => changed(
                (distributor, *epoch, root),
                RootChange::Disputed,
                Some((disputer, *bond)),
                Some(reason),
            ),
            DomainEvent::RootDisputeResolved(RootDisputeResolved {
                distributor,
                epoch,
                root,
                upheld,
                bond_to,
                bond,
            }) => {
                let change = if *upheld {
                    RootChange::Upheld
                } else {
                    RootChange::Dismissed
                };
                changed((distributor, *epoch, root), change, Some((bond_to, *bond)), None);
            }
            DomainEvent::RootWithdrawn(RootWithdrawn {
                distributor,
                epoch,
                root,
            }) => changed((distributor, *epoch, root), RootChange::Withdrawn, None, None),
            DomainEvent::RootFinalised(RootFinalised {
                distributor,
                epoch,
                root,
            }) => changed((distributor, *epoch, root), RootChange::Finalised, None, None),
            DomainEvent::RootProposed(RootProposed {
                distributor,
                epoch,
                root,
                computed_at,
                finalisable_at,
                proposer,
            }) => {
                let buffer = buffers.payout_root.begun(11, chain).address(distributor);
                let buffer = buffer.numeric(U256::from(*epoch)).bytea(root.as_slice());
                let buffer = buffer
                    .numeric(U256::from(computed_at.number))
                    .bytea(computed_at.hash.as_slice());
                let buffer = buffer.numeric(U256::from(*finalisable_at)).address(proposer);
                buffer.during(at, until);
            }
            DomainEvent::PayoutClaimed(claimed) => {
                let buffer = buffers.payout_claim.begun(9, chain).address(&claimed.distributor);
                let buffer = buffer.address(&claimed.account).address(&claimed.token);
                let buffer = buffer.numeric(claimed.amount).numeric(claimed.cumulative);
                buffer.during(at, until);
            }
            DomainEvent::ProtocolFeeChanged(changed) => {
                let buffer = buffers.protocol_fee.begun(7, chain).address(&changed.distributor);
                let buffer = buffer
                    .int4(small(changed.current.parts()))
                    .address(&changed.fee_account);
                buffer.during(at, until);
            }
            other => debug_assert!(false, "{} makes no row of its own", other.name()),
        }
    }
}

fn write_change<'b>(
    buffer: &'b mut CopyBuffer,
    (distributor, epoch, root): (&Address, u64, &B256),
    change: RootChange,
    by: Option<(&Address, U256)>,
    reason: Option<&str>,
) -> &'b mut CopyBuffer {
    let buffer = buffer.address(distributor).numeric(U256::from(epoch));
    let buffer = buffer.bytea(root.as_slice()).int2(change as i16);
    let buffer = match by {
        Some((account, bond)) => buffer.address(account).numeric(bond),
        None => buffer.null().null(),
    };
    match reason {
        Some(reason) => buffer.text(reason),
        None => buffer.null(),
    }
}

//! Rows of what other protocols say.

use souk_schema::amount::Balance;
use souk_schema::event::ForeignEvent;
use souk_schema::{ChainId, U256};

use super::{ChainRow, Encoder, TableRows, small};
use crate::fold::{Fact, Writes, identity};

impl<E: FnMut(TableRows)> Encoder<E> {
    pub(super) fn foreign_fact(&mut self, fact: &Fact<'_>, event: &ForeignEvent) {
        let Fact { at, until, asset, .. } = *fact;
        let (chain, buffers) = (self.chain, &mut self.buffers);
        match event {
            ForeignEvent::ForeignAssetRegistered(registered) => {
                let known = identity(ChainId(chain.cast_unsigned()), registered);
                let buffer = buffers.foreign_asset.begun(11, chain).token(&registered.thing.key);
                let buffer = buffer.int2(registered.thing.kind.number().into()).token(&known.subject);
                let buffer = buffer.text(&known.id.to_string());
                let buffer = match registered.owner {
                    Some(owner) => buffer.address(&owner),
                    None => buffer.null(),
                };
                buffer.text(&registered.name).text(&registered.uri).during(at, until);
            }
            ForeignEvent::Attested(attested) => {
                let buffer = buffers.attestation.begun(9, chain).token(&attested.key());
                let buffer = buffer.bytea(attested.schema.as_slice()).address(&attested.attester);
                let buffer = buffer.address(&attested.recipient).some_token(asset.as_ref());
                buffer.during(at, until);
            }
            ForeignEvent::FeedbackGiven(given) => {
                let buffer = buffers.agent_feedback.begun(15, chain).some_token(given.key().as_ref());
                let buffer = buffer.token(&given.agent).address(&given.client);
                let buffer = match given.index {
                    Some(index) => buffer.numeric(U256::from(index)),
                    None => buffer.null(),
                };
                let value = Balance::try_from(given.value).expect("128 bits fit into 512");
                let buffer = buffer.signed_numeric(value).int2(given.value_decimals.into());
                let buffer = buffer.text(&given.tag1).text(&given.tag2).text(&given.endpoint);
                buffer.text(&given.uri).bytea(given.hash.as_slice()).during(at, until);
            }
            ForeignEvent::ForeignDisputeRaised(raised) => {
                let buffer = buffers.foreign_dispute.begun(9, chain).token(&raised.dispute);
                let buffer = buffer.token(&asset.unwrap_or(raised.asset)).address(&raised.initiator);
                let buffer = buffer
                    .bytea(raised.evidence_hash.as_slice())
                    .bytea(raised.tag.as_slice());
                buffer.during(at, until);
            }
            ForeignEvent::ForeignAssetTagged(tagged) => {
                let buffer = buffers.foreign_dispute.begun(9, chain).token(&tagged.dispute);
                let buffer = buffer.token(&asset.unwrap_or(tagged.asset)).null().null();
                buffer.bytea(tagged.tag.as_slice()).during(at, until);
            }
            other => debug_assert!(false, "{} makes no row of its own", other.name()),
        }
    }

    pub(super) fn foreign(&mut self, writes: &Writes<'_>) {
        for row in &writes.foreign_accounts {
            let buffer = self.buffers.foreign_account.begun(7, self.chain).address(&row.account);
            let buffer = buffer.token(&row.known.subject).text(&row.known.id.to_string());
            buffer.during(row.at, None);
            self.count();
        }
        for row in &writes.foreign_links {
            let buffer = self.buffers.foreign_link.begun(10, self.chain).token(&row.child);
            let buffer = buffer.text(&row.slot).text(&row.link.child).text(&row.link.parent);
            let buffer = buffer
                .int2(row.link.relation.number().into())
                .int4(small(row.link.ordinal));
            buffer.during(row.at, row.until);
            self.count();
        }
    }
}

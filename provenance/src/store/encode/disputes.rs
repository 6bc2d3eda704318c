//! Rows of disputes, of announcements and mirrors, and of the vault's markets.

use souk_schema::U256;
use souk_schema::caip::AssetId;
use souk_schema::event::{AssetMirrored, DomainEvent, Relation};

use super::facts::UNCONFIRMED;
use super::{ChainRow, Encoder, TableRows};
use crate::fold::Fact;

impl<E: FnMut(TableRows)> Encoder<E> {
    pub(super) fn fact_of_disputes(&mut self, fact: &Fact<'_>) {
        let Fact { event, at, until, .. } = *fact;
        let (chain, buffers) = (self.chain, &mut self.buffers);
        match event {
            DomainEvent::DisputeRaised(raised) => {
                let buffer = buffers
                    .dispute
                    .begun(11, chain)
                    .token(&raised.dispute)
                    .token(&raised.asset);
                let buffer = buffer.address(&raised.challenger).int2(raised.tag.number().into());
                let buffer = buffer.numeric(raised.bond).bytea(raised.evidence_hash.as_slice());
                buffer.text(&raised.evidence_uri).during(at, until);
            }
            DomainEvent::DisputeJudged(judged) => {
                let buffer = buffers.dispute_judgement.begun(10, chain).token(&judged.dispute);
                let buffer = buffer.some_token(fact.asset.as_ref()).address(&judged.judge);
                let buffer = buffer.boolean(judged.upheld).numeric(U256::from(judged.resolvable_at));
                buffer.bytea(judged.ruling_hash.as_slice()).during(at, until);
            }
            DomainEvent::DisputeResolved(resolved) => {
                let buffer = buffers.dispute_resolution.begun(9, chain).token(&resolved.dispute);
                let buffer = buffer
                    .some_token(fact.asset.as_ref())
                    .int2(resolved.outcome.number().into());
                buffer
                    .address(&resolved.bond_to)
                    .numeric(resolved.bond)
                    .during(at, until);
            }
            DomainEvent::AssetAnnounced(announced) => {
                let buffer = buffers.announcement.begun(9, chain).address(&announced.gateway);
                let buffer = buffer.bytea(announced.announcement.as_slice()).token(&announced.asset);
                let buffer = buffer.numeric(U256::from(announced.target_chain.0));
                buffer.bytea(announced.content_hash.as_slice()).during(at, until);
            }
            DomainEvent::AssetMirrored(mirrored) => self.mirror(fact, mirrored),
            DomainEvent::VaultMarketListed(listed) => {
                let buffer = buffers.vault_market.begun(10, chain).address(&listed.vault);
                let buffer = buffer.bytea(listed.market.as_slice()).token(&listed.base);
                let buffer = buffer.token(&listed.quote).some_token(listed.asset.as_ref());
                buffer.address(&listed.royalty_account).during(at, until);
            }
            _ => self.fact_of_payouts(fact),
        }
    }

    /// A mirror is a derivation as well.
    fn mirror(&mut self, fact: &Fact<'_>, mirrored: &AssetMirrored) {
        let Fact { at, until, .. } = *fact;
        let AssetId::Evm(origin) = &mirrored.origin else {
            debug_assert!(false, "only mirrors of EVM assets are applied");
            return;
        };
        let buffer = self.buffers.mirror.begun(12, self.chain).address(&mirrored.gateway);
        let buffer = buffer.bytea(mirrored.announcement.as_slice()).token(&mirrored.mirror);
        let buffer = buffer.numeric(U256::from(origin.chain.0)).token(&origin.token);
        let buffer = buffer
            .address(&mirrored.origin_gateway)
            .bytea(mirrored.content_hash.as_slice());
        buffer.address(&mirrored.relayer).during(at, until);
        let buffer = self.buffers.derivation.begun(10, self.chain).token(&mirrored.mirror);
        let buffer = buffer.null().text(&mirrored.origin.to_string());
        let buffer = buffer.int2(Relation::MirrorOf.number().into()).numeric(U256::ZERO);
        buffer.int2(UNCONFIRMED).during(at, until);
    }
}

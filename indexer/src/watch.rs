//! The contracts that are watched right now, those that factories created included, and a view of them for those who fetch ahead.
//!
//! A child is watched from the log that created it on: [`LiveWatch::select`] goes through a block's logs in order, so later logs of the
//! same block count. Never asks a node. Start at [`LiveWatch`].

use std::sync::Arc;

use alloy_primitives::map::AddressHashSet;
use alloy_primitives::{Address, B256, Bloom};
use souk_adapters::{Decoder, WatchSet};
use souk_schema::record::RawLog;

use crate::proof::WatchBloom;

/// The watched contracts at the tail of the stream.
#[derive(Debug)]
pub(crate) struct LiveWatch {
    decoder: Decoder,
    view: Arc<WatchView>,
    /// Children by rising block.
    children: Vec<(u64, Address)>,
}

/// What somebody who fetches ahead needs to know. It may be older than the tail; [`WatchView::version`] tells.
#[derive(Clone, Debug)]
pub(crate) struct WatchView {
    /// Rises with every child.
    pub(crate) version: u64,
    bloom: WatchBloom,
    /// Which addresses' logs to keep; `None` keeps all, because a factory may make any of them watched before they are selected.
    keep: Option<AddressHashSet>,
    topics: Vec<B256>,
}

impl WatchView {
    /// Whether a block with this bloom can hold no log of what this view knows.
    pub(crate) fn excludes(&self, bloom: &Bloom) -> bool {
        self.bloom.excludes(bloom)
    }

    /// Whether a log may be selected later.
    pub(crate) fn may_keep(&self, address: &Address, topics: &[B256]) -> bool {
        let has_topic = topics
            .first()
            .is_some_and(|topic| self.topics.binary_search(topic).is_ok());
        has_topic && self.keep.as_ref().is_none_or(|keep| keep.contains(address))
    }

    /// The addresses for a log filter; `None` where any address can become a watched one.
    pub(crate) fn addresses(&self) -> Option<&AddressHashSet> {
        self.keep.as_ref()
    }

    /// Every first topic that a watched contract can emit, sorted.
    pub(crate) fn topics(&self) -> &[B256] {
        &self.topics
    }
}

impl LiveWatch {
    pub(crate) fn new(set: &WatchSet) -> LiveWatch {
        let decoder = Decoder::new(set);
        let keep = (!decoder.has_factories()).then(|| decoder.watched_addresses().copied().collect());
        let topics = decoder.watched_topics().to_vec();
        let bloom = WatchBloom::new(decoder.watched_addresses(), &topics);
        LiveWatch {
            view: Arc::new(WatchView {
                version: 0,
                bloom,
                keep,
                topics,
            }),
            decoder,
            children: Vec::new(),
        }
    }

    pub(crate) fn view(&self) -> &Arc<WatchView> {
        &self.view
    }

    /// Whether the stream has to be read from its beginning to know the children.
    pub(crate) fn has_factories(&self) -> bool {
        self.decoder.has_factories()
    }

    /// The watched logs among a block's, in order; what factories create in it is watched from that log on.
    pub(crate) fn select(&mut self, block: u64, logs: Vec<RawLog>) -> Vec<RawLog> {
        let mut selected = Vec::with_capacity(logs.len());
        let mut new = Vec::new();
        for log in logs {
            if !self.decoder.watches(&log.address, &log.topics) {
                continue;
            }
            // A factory's event that names no address stays in the stream, where the projection puts it into quarantine.
            if let Ok(Some((child, standard))) = self.decoder.discover(&log)
                && self.decoder.add_child(child, standard)
            {
                new.push(child);
            }
            selected.push(log);
        }
        if !new.is_empty() {
            let view = Arc::make_mut(&mut self.view);
            view.version += 1;
            for child in new {
                view.bloom.add_address(child);
                self.children.push((block, child));
            }
        }
        selected
    }

    /// Forgets the children that the reverted block created. Blocks are reverted newest first, so nothing is left above it.
    pub(crate) fn revert(&mut self, block: u64) {
        // The bloom keeps the address: it excludes fewer blocks than it could, never more.
        while let Some((_, child)) = self.children.pop_if(|(created, _)| *created >= block) {
            self.decoder.remove_child(&child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::BloomInput;
    use souk_adapters::{ChildPosition, ContractSet};
    use souk_schema::TokenStandard;

    const FACTORY: Address = Address::repeat_byte(0xfa);
    const CHILD: Address = Address::repeat_byte(0xc1);
    const CREATED: B256 = B256::repeat_byte(0xee);

    fn log(index: u32, address: Address, topics: Vec<B256>) -> RawLog {
        RawLog {
            address,
            topics,
            data: Default::default(),
            transaction_hash: B256::ZERO,
            transaction_index: 0,
            log_index: index,
        }
    }

    fn watch() -> LiveWatch {
        let factory = ContractSet::Factory {
            address: FACTORY,
            topic0: CREATED,
            child_position: ChildPosition::Topic(1),
            child: TokenStandard::Erc721,
        };
        LiveWatch::new(&WatchSet::new(vec![factory]).unwrap())
    }

    fn indexes(logs: &[RawLog]) -> Vec<u32> {
        logs.iter().map(|log| log.log_index).collect()
    }

    #[test]
    fn a_child_is_watched_from_the_log_that_created_it_on() {
        let mut watch = watch();
        let transfer = watch
            .view()
            .topics()
            .iter()
            .copied()
            .find(|topic| *topic != CREATED)
            .unwrap();
        let creation = || log(1, FACTORY, vec![CREATED, CHILD.into_word()]);
        let of_child = |index| log(index, CHILD, vec![transfer]);
        let mut bloom = Bloom::default();
        bloom.accrue(BloomInput::Raw(CHILD.as_slice()));
        bloom.accrue(BloomInput::Raw(transfer.as_slice()));
        assert!(watch.view().excludes(&bloom));

        let version = watch.view().version;
        let selected = watch.select(7, vec![of_child(0), creation(), of_child(2)]);
        assert_eq!(indexes(&selected), [1, 2], "the log before the creation is not watched");
        assert!(
            watch.view().version > version,
            "whoever fetched ahead has to look again"
        );
        assert!(!watch.view().excludes(&bloom));
        assert_eq!(indexes(&watch.select(8, vec![creation(), of_child(2)])), [1, 2]);

        watch.revert(8);
        assert_eq!(
            indexes(&watch.select(8, vec![of_child(0)])),
            [0],
            "block 7 still created it"
        );
        watch.revert(7);
        assert_eq!(indexes(&watch.select(7, vec![of_child(0)])), [0u32; 0]);
        assert_eq!(
            indexes(&watch.select(7, vec![creation(), of_child(2)])),
            [1, 2],
            "created again on another branch"
        );
    }

    #[test]
    fn with_a_factory_nothing_that_has_a_watched_topic_may_be_thrown_away_ahead() {
        let watch = watch();
        let transfer = watch
            .view()
            .topics()
            .iter()
            .copied()
            .find(|topic| *topic != CREATED)
            .unwrap();
        assert!(watch.view().may_keep(&CHILD, &[transfer]));
        assert!(!watch.view().may_keep(&CHILD, &[B256::ZERO]));
        assert!(!watch.view().may_keep(&CHILD, &[]));
        let plain = LiveWatch::new(&WatchSet::new(vec![ContractSet::Erc721 { address: FACTORY }]).unwrap());
        assert!(!plain.view().may_keep(&CHILD, &[transfer]));
        assert!(plain.view().may_keep(&FACTORY, &[transfer]));
    }
}

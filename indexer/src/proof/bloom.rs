//! Whether a block's bloom excludes every watched contract.
//!
//! A bloom proves only absence: a block that is not excluded may still hold nothing. The three bits of each address and topic are
//! computed once, because every block is held against all of them.

use alloy_primitives::{Bloom, keccak256};

/// The bits that an address or topic sets in a bloom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bits([(u8, u8); 3]);

impl Bits {
    fn of(value: &[u8]) -> Bits {
        let hash = keccak256(value);
        Bits([0, 2, 4].map(|at| {
            let bit = u16::from_be_bytes([hash[at], hash[at + 1]]) & 0x7ff;
            (255 - (bit / 8) as u8, 1 << (bit % 8))
        }))
    }

    fn are_in(&self, bloom: &Bloom) -> bool {
        self.0.iter().all(|(byte, mask)| bloom[usize::from(*byte)] & mask != 0)
    }
}

/// The watched addresses and topics of a chain, ready to be held against blooms.
#[derive(Clone, Debug, Default)]
pub struct WatchBloom {
    addresses: Vec<Bits>,
    topics: Vec<Bits>,
}

impl WatchBloom {
    /// Of these addresses and first topics.
    pub fn new<A: AsRef<[u8]>, T: AsRef<[u8]>>(
        addresses: impl IntoIterator<Item = A>,
        topics: impl IntoIterator<Item = T>,
    ) -> WatchBloom {
        WatchBloom {
            addresses: addresses
                .into_iter()
                .map(|address| Bits::of(address.as_ref()))
                .collect(),
            topics: topics.into_iter().map(|topic| Bits::of(topic.as_ref())).collect(),
        }
    }

    /// Adds an address.
    pub fn add_address(&mut self, address: impl AsRef<[u8]>) {
        self.addresses.push(Bits::of(address.as_ref()));
    }

    /// Whether a block with this bloom can hold no watched log: none of the addresses, or none of the topics, is in it.
    pub fn excludes(&self, bloom: &Bloom) -> bool {
        let holds = |all: &[Bits]| all.iter().any(|bits| bits.are_in(bloom));
        !(holds(&self.topics) && holds(&self.addresses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256, BloomInput};
    use proptest::prelude::*;

    #[test]
    fn a_block_with_the_address_of_one_and_the_topic_of_another_is_not_excluded() {
        let watch = WatchBloom::new(
            [Address::repeat_byte(1), Address::repeat_byte(2)],
            [B256::repeat_byte(3)],
        );
        let mut bloom = Bloom::default();
        assert!(watch.excludes(&bloom));
        bloom.accrue(BloomInput::Raw(Address::repeat_byte(2).as_slice()));
        assert!(watch.excludes(&bloom), "the address without the topic");
        bloom.accrue(BloomInput::Raw(B256::repeat_byte(3).as_slice()));
        assert!(!watch.excludes(&bloom));
    }

    proptest! {
        /// IDX-2: what alloy's bloom says, ours says, for the same words.
        #[test]
        fn it_agrees_with_alloy(inside in proptest::collection::vec(any::<[u8; 20]>(), 0..80), probe in any::<[u8; 20]>(), pick in any::<bool>()) {
            let mut bloom = Bloom::default();
            let topic = [7u8; 32];
            bloom.accrue(BloomInput::Raw(&topic));
            for word in &inside {
                bloom.accrue(BloomInput::Raw(word));
            }
            let probe = inside.first().copied().filter(|_| pick).unwrap_or(probe);
            let watch = WatchBloom::new([probe], [topic]);
            prop_assert_eq!(watch.excludes(&bloom), !bloom.contains_input(BloomInput::Raw(&probe)));
        }
    }
}

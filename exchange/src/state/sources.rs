//! How far each source has been heard, so that what is delivered twice takes effect once.

use std::collections::BTreeMap;

use souk_schema::ChainId;
use souk_schema::exchange::{Source, UnixMillis};

/// Gateways that said nothing for this long are forgotten: their commands are refused for their nonces by now.
pub const FORGOTTEN_AFTER_MILLIS: u64 = 30 * 24 * 3_600 * 1_000;

/// The positions of all sources.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Id, position, and when it was heard; by id. There are few.
    gateways: Vec<(u64, u64, UnixMillis)>,
    /// Where the last one stands.
    latest: usize,
    chains: BTreeMap<ChainId, u64>,
}

impl Sources {
    /// The last position of a source; 0 before the first.
    pub fn position(&self, source: &Source) -> Option<u64> {
        match source {
            Source::Gateway { id, .. } => {
                let at = self.gateways.binary_search_by_key(id, |(id, ..)| *id).ok()?;
                Some(self.gateways[at].1)
            }
            Source::Chain { chain, .. } => self.chains.get(chain).copied(),
        }
    }

    /// Takes note of a command. `false` where the source was heard this far before.
    #[inline]
    pub fn hear(&mut self, source: &Source, now: UnixMillis) -> bool {
        match *source {
            Source::Gateway { position: 0, .. } | Source::Chain { position: 0, .. } => false,
            Source::Gateway { id, position } => {
                let at = self.place_of(id, now);
                let is_new = position > self.gateways[at].1;
                if is_new {
                    self.gateways[at] = (id, position, now);
                }
                is_new
            }
            Source::Chain { chain, position } => {
                let last = self.chains.entry(chain).or_insert(0);
                let is_new = position > *last;
                *last = position.max(*last);
                is_new
            }
        }
    }

    #[inline]
    fn place_of(&mut self, id: u64, now: UnixMillis) -> usize {
        // Batches have one writer, so it is mostly the same as before.
        if self.gateways.get(self.latest).is_some_and(|(other, ..)| *other == id) {
            return self.latest;
        }
        self.latest = match self.gateways.binary_search_by_key(&id, |(id, ..)| *id) {
            Ok(at) => at,
            Err(at) => {
                self.gateways.insert(at, (id, 0, now));
                at
            }
        };
        self.latest
    }

    /// Forgets gateways that have been silent for long.
    pub fn forget(&mut self, now: UnixMillis) {
        self.gateways
            .retain(|(_, _, heard)| now.0.saturating_sub(heard.0) < FORGOTTEN_AFTER_MILLIS);
    }

    /// All gateways: id, position, when it was heard.
    pub fn gateways(&self) -> impl ExactSizeIterator<Item = (u64, u64, UnixMillis)> + '_ {
        self.gateways.iter().copied()
    }

    /// All chains and their positions.
    pub fn chains(&self) -> impl ExactSizeIterator<Item = (ChainId, u64)> + '_ {
        self.chains.iter().map(|(chain, position)| (*chain, *position))
    }

    /// Puts a gateway back as it was.
    pub fn restore_gateway(&mut self, id: u64, position: u64, heard: UnixMillis) {
        let at = self.gateways.partition_point(|(other, ..)| *other < id);
        self.gateways.insert(at, (id, position, heard));
    }

    /// Puts a chain back as it was.
    pub fn restore_chain(&mut self, chain: ChainId, position: u64) {
        self.chains.insert(chain, position);
    }
}

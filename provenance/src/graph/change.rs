//! How a graph changes: the facts of blocks go in by [`Graph::apply`] and come out by [`Graph::revert`].
//!
//! Blocks come and go at the end of a chain, so both work from the end of what the chain brought and cost as much as the change.

#![deny(clippy::disallowed_methods)]

use std::collections::BTreeSet;

use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::{ChainId, U256};

use super::facts::{ChainPosition, Change, EdgeStatus, InvalidChange, Place};
use super::links::Link;
use super::store::{EdgeRecord, Graph, OPEN, Registration, order};

impl Graph {
    /// Adds the facts of the blocks after the chain's head, up to `position.head`, and moves the chain there. The order of the changes
    /// does not matter.
    ///
    /// # Errors
    /// When a change does not fit; the graph is then as it was.
    pub fn apply(
        &mut self,
        chain: ChainId,
        mut changes: Vec<Change>,
        position: ChainPosition,
    ) -> Result<(), InvalidChange> {
        let number = self.intern_chain(chain);
        let before = self.chains[usize::from(number)].position.clone();
        let from = self.chains[usize::from(number)].head().map_or(-1, i128::from);
        let to = position.head.map_or(-1, |head| i128::from(head.number));
        if let Some(block) = changes
            .iter()
            .map(Change::block)
            .find(|block| !(from < i128::from(*block) && i128::from(*block) <= to))
        {
            return Err(InvalidChange::OutOfRange { chain, block, from, to });
        }
        // What begins comes before what ends: a fact may do both in one call.
        changes.sort_by_key(|change| match change {
            Change::Registered { place, .. } | Change::Derived { place, .. } | Change::Claimed { place, .. } => {
                (place.block, false, place.log_index, place.ordinal)
            }
            Change::Unregistered { block, .. } | Change::StatusChanged { block, .. } | Change::Ended { block, .. } => {
                (*block, true, 0, 0)
            }
        });
        for change in changes {
            if let Err(invalid) = self.apply_change(number, change) {
                self.revert_facts(
                    number,
                    before
                        .as_ref()
                        .and_then(|position| position.head)
                        .map(|head| head.number),
                );
                self.chains[usize::from(number)].position = before;
                return Err(invalid);
            }
        }
        self.chains[usize::from(number)].position = Some(position);
        self.head_flips = self.flips_at_head();
        Ok(())
    }

    /// Takes back the facts of the blocks after `position.head` (all of them if there is none), and moves the chain there: what began
    /// later is gone, what ended later is true again.
    pub fn revert(&mut self, chain: ChainId, position: ChainPosition) {
        let number = self.intern_chain(chain);
        self.revert_facts(number, position.head.map(|head| head.number));
        self.chains[usize::from(number)].position = Some(position);
        self.head_flips = self.flips_at_head();
    }

    /// Takes a chain out altogether. What other chains say of its assets stays, as claims about foreign ones.
    pub fn forget(&mut self, chain: ChainId) {
        if let Some(number) = self.chain_numbers.get(&chain).copied() {
            self.revert_facts(number, None);
            self.chains[usize::from(number)].position = None;
            self.head_flips = self.flips_at_head();
        }
    }

    fn apply_change(&mut self, number: u16, change: Change) -> Result<(), InvalidChange> {
        let chain = self.chain_id(number);
        match change {
            Change::Registered { asset, place } => self.register(number, &own(chain, asset)?, place),
            Change::Unregistered { asset, block } => self.unregister(number, &own(chain, asset)?, block),
            Change::Derived {
                child,
                parent,
                relation,
                license,
                status,
                claimed_at,
                place,
            } => {
                self.must_come_last(number, place)?;
                let (child, parent) = (self.intern(&own(chain, child)?), self.intern(&parent));
                self.add_edge(EdgeRecord {
                    license,
                    from: place.block,
                    to: OPEN,
                    claimed_at: claimed_at.unwrap_or(0),
                    child,
                    parent,
                    log_index: place.log_index,
                    ordinal: place.ordinal,
                    chain: number,
                    relation,
                    status,
                    native: claimed_at.is_none(),
                    doubtful: false,
                });
                Ok(())
            }
            Change::Claimed {
                child,
                parent,
                relation,
                claimed_at,
                place,
            } => {
                self.must_come_last(number, place)?;
                let (child, parent) = (self.intern(&child), self.intern(&parent));
                self.add_edge(EdgeRecord {
                    license: U256::ZERO,
                    from: place.block,
                    to: OPEN,
                    claimed_at,
                    child,
                    parent,
                    log_index: place.log_index,
                    ordinal: place.ordinal,
                    chain: number,
                    relation,
                    status: EdgeStatus::Declared,
                    native: false,
                    doubtful: false,
                });
                Ok(())
            }
            Change::StatusChanged { place, block, status } => self.change_status(number, place, block, status),
            Change::Ended { place, block } => self.end_edge(number, place, block),
        }
    }

    /// Edges of a chain come in the order of their logs.
    fn must_come_last(&self, number: u16, place: Place) -> Result<(), InvalidChange> {
        let last = self.chains[usize::from(number)].edges.last();
        if last.is_some_and(|last| self.origin(*last).place >= place) {
            return Err(duplicate(self.chain_id(number), place));
        }
        Ok(())
    }

    fn register(&mut self, number: u16, asset: &AssetId, place: Place) -> Result<(), InvalidChange> {
        let node = self.intern(asset);
        if self.registrations[node as usize].is_some() {
            return Err(duplicate(self.chain_id(number), place));
        }
        let assets = &mut self.chains[usize::from(number)].assets;
        let order = order::of(number, assets.len() as u32);
        assets.push(node);
        self.registrations[node as usize] = Some(Registration {
            from: place.block,
            to: OPEN,
            log_index: place.log_index,
            chain: number,
        });
        self.set_order(node, order);
        Ok(())
    }

    fn unregister(&mut self, number: u16, asset: &AssetId, block: u64) -> Result<(), InvalidChange> {
        let chain = self.chain_id(number);
        let node = self.names.find(asset).ok_or(InvalidChange::Unknown { chain, block })?;
        let registration = self.registrations[node as usize].as_mut();
        let open = registration.filter(|registration| registration.to == OPEN);
        open.ok_or(InvalidChange::Unknown { chain, block })?.to = block;
        self.set_order(node, self.up.order(node) | order::ENDED);
        self.chains[usize::from(number)].ended_assets.insert((block, node));
        Ok(())
    }

    fn end_edge(&mut self, number: u16, place: Place, block: u64) -> Result<(), InvalidChange> {
        let chain = self.chain_id(number);
        let open = self
            .edge_at(number, place)
            .filter(|edge| self.edges[*edge as usize].to == OPEN);
        let edge = open.ok_or(InvalidChange::Unknown { chain, block })?;
        self.edges[edge as usize].to = block;
        self.tag_links(edge);
        self.chains[usize::from(number)].ended_edges.insert((block, edge));
        Ok(())
    }

    fn change_status(
        &mut self,
        number: u16,
        place: Place,
        block: u64,
        status: EdgeStatus,
    ) -> Result<(), InvalidChange> {
        let chain = self.chain_id(number);
        let edge = self
            .edge_at(number, place)
            .ok_or(InvalidChange::Unknown { chain, block })?;
        let before = std::mem::replace(&mut self.edges[edge as usize].status, status);
        self.earlier_statuses.entry(edge).or_default().push((block, before));
        self.chains[usize::from(number)].status_changes.push((block, edge));
        Ok(())
    }

    fn edge_at(&self, number: u16, place: Place) -> Option<u32> {
        let edges = &self.chains[usize::from(number)].edges;
        edges
            .binary_search_by_key(&place, |edge| self.origin(*edge).place)
            .ok()
            .map(|at| edges[at])
    }

    fn add_edge(&mut self, record: EdgeRecord) {
        let (child, parent, number) = (record.child, record.parent, record.chain);
        let edge = match self.free_edges.pop() {
            Some(edge) => {
                self.edges[edge as usize] = record;
                edge
            }
            None => {
                self.edges.push(record);
                let edge = u32::try_from(self.edges.len() - 1)
                    .ok()
                    .filter(|edge| *edge < Link::MAX_EDGES);
                edge.expect("fewer than 2^31 edges fit in memory")
            }
        };
        let verdict = self.judge_new(edge);
        let at = self.link_position(&self.up, child, edge).unwrap_or_else(|at| at);
        self.up.insert(child, at, Link::new(parent, edge));
        let at = self.link_position(&self.down, parent, edge).unwrap_or_else(|at| at);
        self.down.insert(parent, at, Link::new(child, edge));
        self.chains[usize::from(number)].edges.push(edge);
        self.settle_new(edge, verdict);
    }

    fn revert_facts(&mut self, number: u16, head: Option<u64>) {
        let after = |block: u64| head.is_none_or(|head| block > head);
        let unsettled = self.unsettled_region();
        while let Some((_, edge)) = self.chains[usize::from(number)]
            .status_changes
            .pop_if(|(block, _)| after(*block))
        {
            self.take_status_back(edge);
        }
        while let Some(edge) = pop_last_if(&mut self.chains[usize::from(number)].ended_edges, after) {
            self.edges[edge as usize].to = OPEN;
            self.tag_links(edge);
        }
        while let Some(node) = pop_last_if(&mut self.chains[usize::from(number)].ended_assets, after) {
            if let Some(registration) = &mut self.registrations[node as usize] {
                registration.to = OPEN;
                self.set_order(node, self.up.order(node) & !order::ENDED);
            }
        }
        while let Some(edge) = self.chains[usize::from(number)]
            .edges
            .last()
            .copied()
            .filter(|edge| after(self.edges[*edge as usize].from))
        {
            self.chains[usize::from(number)].edges.pop();
            self.remove_edge(edge);
        }
        while let Some(node) = self.chains[usize::from(number)].assets.last().copied() {
            if self.registrations[node as usize].is_some_and(|registration| !after(registration.from)) {
                break;
            }
            self.chains[usize::from(number)].assets.pop();
            self.registrations[node as usize] = None;
            self.set_order(node, order::NONE);
            self.release_if_unused(node);
        }
        self.settle_region(&unsettled);
    }

    fn take_status_back(&mut self, edge: u32) {
        let Some(earlier) = self.earlier_statuses.get_mut(&edge) else {
            return;
        };
        if let Some((_, status)) = earlier.pop() {
            self.edges[edge as usize].status = status;
        }
        if earlier.is_empty() {
            self.earlier_statuses.remove(&edge);
        }
    }

    fn remove_edge(&mut self, edge: u32) {
        let EdgeRecord { child, parent, .. } = self.edges[edge as usize];
        if let Ok(at) = self.link_position(&self.up, child, edge) {
            self.up.remove(child, at);
        }
        if let Ok(at) = self.link_position(&self.down, parent, edge) {
            self.down.remove(parent, at);
        }
        self.doubtful.remove(&edge);
        self.free_edges.push(edge);
        self.release_if_unused(child);
        self.release_if_unused(parent);
    }

    fn set_order(&mut self, node: u32, order: u64) {
        self.up.set_order(node, order);
        self.down.set_order(node, order);
    }

    fn release_if_unused(&mut self, node: u32) {
        if self.registrations[node as usize].is_none() && self.up.of(node).is_empty() && self.down.of(node).is_empty() {
            self.names.release(node);
        }
    }
}

fn own(chain: ChainId, asset: EvmAssetId) -> Result<AssetId, InvalidChange> {
    if asset.chain == chain {
        Ok(AssetId::Evm(asset))
    } else {
        Err(InvalidChange::OtherChain {
            chain,
            found: asset.chain,
        })
    }
}

fn duplicate(chain: ChainId, place: Place) -> InvalidChange {
    InvalidChange::Duplicate {
        chain,
        block: place.block,
        log_index: place.log_index,
    }
}

/// Takes the last entry if its block satisfies the condition.
fn pop_last_if(ended: &mut BTreeSet<(u64, u32)>, condition: impl Fn(u64) -> bool) -> Option<u32> {
    let (block, _) = ended.last()?;
    if condition(*block) {
        ended.pop_last().map(|(_, index)| index)
    } else {
        None
    }
}

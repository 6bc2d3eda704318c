//! Lineage is acyclic (LIN-1): which edges count, and which are left out because they would close a cycle.
//!
//! Edges have a rank: native edges first, by chain, block and log index; then claims (foreign parents), by block time, chain id, block
//! and log index. Taken in rank order, an edge counts unless it closes a cycle with edges that count. That is a function of the set
//! of edges alone, so the order of arrival cannot matter, and *as of* a cut it is applied to the edges that were true there.
//!
//! Doing that anew for every question would be slow, and cycles hardly ever happen: our registry admits none, only claims can. So the
//! graph keeps one judgement over *all* edges that ever were, ended ones included: those that count are *settled*, the others
//! *doubtful*. Settled edges close no cycle in any subset. Hence where no doubtful edge is true, all edges count; where some
//! are, only the edges on cycles with them are judged again, and the result is kept as [`Flips`] against the settled set.
//!
//! Why a new edge that closes no cycle with settled edges changes nothing else: every settled edge is still accepted (the whole set is
//! acyclic), and every doubtful one still closes the cycle that it closed.

#![deny(clippy::disallowed_methods)]

use std::collections::{HashMap, HashSet};

use super::links::{Link, Links};
use super::store::Graph;

/// Edges whose verdict at a cut differs from the judgement over all times: whether they count there.
pub(super) type Flips = HashMap<u32, bool>;

/// Priority: native edges first (`false`), claims by time; then chain id, block, log index, and the place among the log's edges.
type Rank = (bool, u64, u64, u64, u32, u32);

/// What is to be done with a new edge.
pub(super) enum Verdict {
    Settled,
    Doubtful,
    /// It closes a cycle with edges that rank below it: they are judged again.
    Displaces,
}

impl Graph {
    /// Judges an edge that has no links yet.
    pub(super) fn judge_new(&self, edge: u32) -> Verdict {
        let record = &self.edges[edge as usize];
        let (child, parent) = (record.child, record.parent);
        if child == parent {
            return Verdict::Doubtful;
        }
        if self.down.of(child).is_empty() || self.up.of(parent).is_empty() {
            return Verdict::Settled;
        }
        if !self.descends(parent, child, |link| !self.edges[link.edge() as usize].doubtful) {
            return Verdict::Settled;
        }
        let rank = self.rank(edge);
        let above = |link: Link| !self.edges[link.edge() as usize].doubtful && self.rank(link.edge()) < rank;
        if self.descends(parent, child, above) {
            Verdict::Doubtful
        } else {
            Verdict::Displaces
        }
    }

    /// Carries the verdict on a new edge out, once it is linked.
    pub(super) fn settle_new(&mut self, edge: u32, verdict: Verdict) {
        match verdict {
            Verdict::Settled => {}
            Verdict::Doubtful => self.set_doubtful(edge, true),
            Verdict::Displaces => {
                let region = self.cycles_through(self.edges[edge as usize].child, |_| true);
                self.settle_region(&region);
            }
        }
    }

    /// The nodes on cycles with doubtful edges, over all times.
    pub(super) fn unsettled_region(&self) -> HashSet<u32> {
        self.region_of_doubtful(|_| true)
    }

    /// Judges all edges within the region again, over all times.
    pub(super) fn settle_region(&mut self, region: &HashSet<u32>) {
        for (edge, counts) in self.judge_region(region, |_| true) {
            if self.edges[edge as usize].doubtful == counts {
                self.set_doubtful(edge, !counts);
            }
        }
    }

    /// The verdicts at the heads that differ. Without ended edges the edges at the heads are all edges.
    pub(super) fn flips_at_head(&self) -> Flips {
        if self.doubtful.is_empty() || !self.any_edge_ended() {
            return Flips::new();
        }
        self.flips(|edge| self.edges[edge as usize].to == super::store::OPEN)
    }

    /// The verdicts that differ where only the edges that `holds` are true.
    pub(super) fn flips(&self, holds: impl Fn(u32) -> bool) -> Flips {
        if !self.doubtful.iter().any(|edge| holds(*edge)) {
            return Flips::new();
        }
        let region = self.region_of_doubtful(&holds);
        let mut flips = Flips::new();
        for (edge, counts) in self.judge_region(&region, &holds) {
            if self.edges[edge as usize].doubtful == counts {
                flips.insert(edge, counts);
            }
        }
        for edge in self.doubtful.iter().filter(|edge| holds(**edge)) {
            let record = &self.edges[*edge as usize];
            if !(region.contains(&record.child) && region.contains(&record.parent)) {
                flips.insert(*edge, true);
            }
        }
        flips
    }

    fn rank(&self, edge: u32) -> Rank {
        let record = &self.edges[edge as usize];
        (
            !record.native,
            record.claimed_at,
            self.chain_id(record.chain).0,
            record.from,
            record.log_index,
            record.ordinal,
        )
    }

    /// Whether `from` descends from `to` by links that pass. Searches from both ends in turns, so that a new asset (no children) or a
    /// root (no parents) is answered at once.
    fn descends(&self, from: u32, to: u32, passes: impl Fn(Link) -> bool) -> bool {
        let mut rising = Search::from(from);
        let mut falling = Search::from(to);
        loop {
            match rising.step(&self.up, &passes, &falling) {
                Step::Met => return true,
                Step::Exhausted => return false,
                Step::More => {}
            }
            match falling.step(&self.down, &passes, &rising) {
                Step::Met => return true,
                Step::Exhausted => return false,
                Step::More => {}
            }
        }
    }

    /// The nodes that lie on a cycle with `node`, and `node`.
    fn cycles_through(&self, node: u32, holds: impl Fn(u32) -> bool) -> HashSet<u32> {
        let reach = |links: &Links| {
            let mut seen = HashSet::from([node]);
            let mut open = vec![node];
            while let Some(next) = open.pop() {
                for link in links.of(next) {
                    if holds(link.edge()) && seen.insert(link.node) {
                        open.push(link.node);
                    }
                }
            }
            seen
        };
        let (ancestors, descendants) = (reach(&self.up), reach(&self.down));
        ancestors.intersection(&descendants).copied().collect()
    }

    fn region_of_doubtful(&self, holds: impl Fn(u32) -> bool) -> HashSet<u32> {
        let mut region = HashSet::new();
        for edge in self.doubtful.iter().filter(|edge| holds(**edge)) {
            let record = &self.edges[*edge as usize];
            if !(region.contains(&record.child) && region.contains(&record.parent)) {
                let cycles = self.cycles_through(record.child, &holds);
                if cycles.contains(&record.parent) {
                    region.extend(cycles);
                }
            }
        }
        region
    }

    /// Whether each edge between nodes of the region counts, among those that hold.
    fn judge_region(&self, region: &HashSet<u32>, holds: impl Fn(u32) -> bool) -> Vec<(u32, bool)> {
        let mut edges: Vec<(Rank, u32)> = Vec::new();
        for node in region {
            let within = self
                .up
                .of(*node)
                .iter()
                .filter(|link| region.contains(&link.node) && holds(link.edge()));
            edges.extend(within.map(|link| (self.rank(link.edge()), link.edge())));
        }
        edges.sort_unstable();
        let mut accepted = Accepted::new(region);
        let ends = |edge: u32| (self.edges[edge as usize].child, self.edges[edge as usize].parent);
        // A registry that admits no cycle needs no edge-by-edge search.
        let natives = edges.partition_point(|((claim, ..), _)| !claim);
        let known = if accepted.stays_acyclic(edges[..natives].iter().map(|(_, edge)| ends(*edge))) {
            natives
        } else {
            0
        };
        let verdict = |(at, (_, edge)): (usize, &(Rank, u32))| {
            let (child, parent) = ends(*edge);
            let counts = at < known || !accepted.closes_cycle(child, parent);
            if counts {
                accepted.add(child, parent);
            }
            (*edge, counts)
        };
        edges.iter().enumerate().map(verdict).collect()
    }
}

/// One side of a search from two ends.
struct Search {
    seen: HashSet<u32>,
    open: Vec<u32>,
}

enum Step {
    Met,
    Exhausted,
    More,
}

impl Search {
    fn from(node: u32) -> Search {
        Search {
            seen: HashSet::from([node]),
            open: vec![node],
        }
    }

    /// Expands one node.
    fn step(&mut self, links: &Links, passes: impl Fn(Link) -> bool, other: &Search) -> Step {
        let Some(node) = self.open.pop() else {
            return Step::Exhausted;
        };
        for link in links.of(node).iter().filter(|link| passes(**link)) {
            if other.seen.contains(&link.node) {
                return Step::Met;
            }
            if self.seen.insert(link.node) {
                self.open.push(link.node);
            }
        }
        Step::More
    }
}

/// The edges within a region that count so far, as parents of each child.
struct Accepted {
    numbers: HashMap<u32, usize>,
    parents: Vec<Vec<usize>>,
}

impl Accepted {
    fn new(region: &HashSet<u32>) -> Accepted {
        let numbers: HashMap<u32, usize> = region
            .iter()
            .enumerate()
            .map(|(number, node)| (*node, number))
            .collect();
        Accepted {
            parents: vec![Vec::new(); numbers.len()],
            numbers,
        }
    }

    fn add(&mut self, child: u32, parent: u32) {
        let (child, parent) = (self.numbers[&child], self.numbers[&parent]);
        self.parents[child].push(parent);
    }

    /// Whether the parent is the child or descends from it.
    fn closes_cycle(&self, child: u32, parent: u32) -> bool {
        let (child, parent) = (self.numbers[&child], self.numbers[&parent]);
        let mut seen = vec![false; self.parents.len()];
        let mut open = vec![parent];
        while let Some(node) = open.pop() {
            if node == child {
                return true;
            }
            if !std::mem::replace(&mut seen[node], true) {
                open.extend(&self.parents[node]);
            }
        }
        false
    }

    /// Whether edges (child, parent) are acyclic among themselves: nodes without children are taken away until none is left.
    fn stays_acyclic(&self, edges: impl Iterator<Item = (u32, u32)>) -> bool {
        let mut parents = vec![Vec::new(); self.parents.len()];
        let mut children = vec![0usize; self.parents.len()];
        for (child, parent) in edges {
            parents[self.numbers[&child]].push(self.numbers[&parent]);
            children[self.numbers[&parent]] += 1;
        }
        let mut leaves: Vec<usize> = (0..children.len()).filter(|node| children[*node] == 0).collect();
        let mut taken = 0;
        while let Some(leaf) = leaves.pop() {
            taken += 1;
            for parent in &parents[leaf] {
                children[*parent] -= 1;
                if children[*parent] == 0 {
                    leaves.push(*parent);
                }
            }
        }
        taken == children.len()
    }
}

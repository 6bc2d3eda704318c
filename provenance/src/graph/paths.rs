//! All paths from a descendant up to an ancestor, shortest first.
//!
//! Their number can be exponential in the edges, so they are counted by adding up, and only as many as asked for are built. First the
//! nodes that lie on any path are found, with their least distance to the ancestor; after that every step of the enumeration belongs
//! to a path that can still be completed, so the work is bounded by the length of the answer.

#![deny(clippy::disallowed_methods)]

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::cut::Cut;
use super::links::Link;
use super::scratch::{Marks, Scratch};
use super::store::{EdgeId, Graph, NodeId};
use super::view::View;

/// A way from a descendant to an ancestor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The edges, from the descendant on; at least one. Each one's parent is the child of the next.
    pub edges: Vec<EdgeId>,
}

/// The answer to [`Graph::paths`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Shortest first; those of equal length by the origins of their edges, from the descendant on.
    pub paths: Vec<Path>,
    /// How many paths there are; `u64::MAX` for that many or more.
    pub total: u64,
    /// Whether `paths` holds fewer than `total`.
    pub truncated: bool,
}

/// The nodes on any path between two nodes, numbered by rising distance from the ancestor, which is number 0.
struct Between<'a> {
    graph: &'a Graph,
    view: &'a View<'a>,
    numbers: &'a Marks,
    nodes: Vec<u32>,
    /// Least number of edges to the ancestor.
    distances: Vec<u32>,
}

/// The last step of a way up from the descendant.
struct Step {
    /// The step before; itself for the start.
    previous: u32,
    /// Meaningless for the start.
    edge: u32,
    /// Number of the node that it leads to.
    node: u32,
    /// Steps from the start.
    length: u32,
}

impl Graph {
    /// The paths from `from` up to `to` as of `cut`, at most `limit`. An asset has no path to itself.
    pub fn paths(&self, from: NodeId, to: NodeId, cut: &Cut, limit: usize) -> Paths {
        let view = View::new(self, cut);
        self.scratch.with(|scratch| {
            let between = Between::find(self, &view, from.0, to.0, scratch);
            let Some(start) = between.numbers.get(from.0).filter(|start| *start != 0) else {
                return Paths::default();
            };
            let total = between.count()[start as usize];
            let paths = between.enumerate(start, limit);
            let truncated = (paths.len() as u64) < total;
            Paths {
                paths,
                total,
                truncated,
            }
        })
    }
}

impl<'a> Between<'a> {
    fn find(graph: &'a Graph, view: &'a View<'a>, from: u32, to: u32, scratch: &'a mut Scratch) -> Between<'a> {
        let Scratch {
            first: above,
            second: numbers,
            ..
        } = scratch;
        above.start(graph.names.bound());
        numbers.start(graph.names.bound());
        above.mark(from);
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            for link in graph.up.of(node) {
                if view.passes(*link) && above.mark(link.node) {
                    open.push(link.node);
                }
            }
        }
        let (mut nodes, mut distances) = (Vec::new(), Vec::new());
        if above.has(to) {
            numbers.set(to, 0);
            nodes.push(to);
            distances.push(0);
        }
        let mut at = 0;
        while at < nodes.len() {
            for link in graph.down.of(nodes[at]) {
                if above.has(link.node) && !numbers.has(link.node) && view.passes(*link) {
                    numbers.set(link.node, nodes.len() as u32);
                    nodes.push(link.node);
                    distances.push(distances[at] + 1);
                }
            }
            at += 1;
        }
        Between {
            graph,
            view,
            numbers,
            nodes,
            distances,
        }
    }

    /// The links from a node that stay on a path, with the number of the node that they lead to, by origin.
    fn steps(&self, number: u32) -> impl DoubleEndedIterator<Item = (Link, u32)> + '_ {
        let links = self.graph.up.of(self.nodes[number as usize]).iter();
        links
            .filter_map(|link| Some((*link, self.numbers.get(link.node)?)))
            .filter(|(link, _)| self.view.passes(*link))
    }

    /// How many paths lead from each node to the ancestor, saturating.
    fn count(&self) -> Vec<u64> {
        let mut waiting_for: Vec<usize> = (0..self.nodes.len() as u32)
            .map(|number| self.steps(number).count())
            .collect();
        let mut counts = vec![0u64; self.nodes.len()];
        counts[0] = 1;
        let mut done = vec![0u32];
        while let Some(parent) = done.pop() {
            for link in self.graph.down.of(self.nodes[parent as usize]) {
                let Some(child) = self.numbers.get(link.node).filter(|_| self.view.passes(*link)) else {
                    continue;
                };
                counts[child as usize] = counts[child as usize].saturating_add(counts[parent as usize]);
                waiting_for[child as usize] -= 1;
                if waiting_for[child as usize] == 0 {
                    done.push(child);
                }
            }
        }
        counts
    }

    /// Ways are kept by the least length that they can be completed in. A way in the bucket of length n is followed depth first
    /// while it stays on course for n; where it takes a detour, it goes to a later bucket.
    fn enumerate(&self, start: u32, limit: usize) -> Vec<Path> {
        let mut paths = Vec::new();
        let mut steps = vec![Step {
            previous: 0,
            edge: 0,
            node: start,
            length: 0,
        }];
        let mut buckets = BTreeMap::from([(self.distances[start as usize], vec![0u32])]);
        while let Some((length, mut ways)) = buckets.pop_first() {
            // Each way gives at least one path of this length, so no more ways than missing paths are needed.
            let missing = limit - paths.len();
            if missing == 0 {
                break;
            }
            if missing < ways.len() {
                ways.select_nth_unstable_by(missing, |a, b| self.compare(&steps, *a, *b));
                ways.truncate(missing);
            }
            ways.sort_unstable_by(|a, b| self.compare(&steps, *b, *a));
            while let Some(way) = ways.pop() {
                let Step {
                    node, length: so_far, ..
                } = steps[way as usize];
                if node == 0 {
                    paths.push(path(&steps, way));
                    if paths.len() == limit {
                        break;
                    }
                    continue;
                }
                for (link, parent) in self.steps(node).rev() {
                    let next = steps.len() as u32;
                    steps.push(Step {
                        previous: way,
                        edge: link.edge(),
                        node: parent,
                        length: so_far + 1,
                    });
                    let least = so_far + 1 + self.distances[parent as usize];
                    if least == length {
                        ways.push(next)
                    } else {
                        buckets.entry(least).or_default().push(next)
                    }
                }
            }
        }
        paths
    }

    /// Orders two ways, neither of which continues the other, by the origins of their edges from the start on.
    fn compare(&self, steps: &[Step], a: u32, b: u32) -> Ordering {
        let (mut a, mut b) = (a, b);
        while steps[a as usize].length > steps[b as usize].length {
            a = steps[a as usize].previous;
        }
        while steps[b as usize].length > steps[a as usize].length {
            b = steps[b as usize].previous;
        }
        while a != b && steps[a as usize].previous != steps[b as usize].previous {
            (a, b) = (steps[a as usize].previous, steps[b as usize].previous);
        }
        if a == b {
            return Ordering::Equal;
        }
        self.graph
            .origin(steps[a as usize].edge)
            .cmp(&self.graph.origin(steps[b as usize].edge))
    }
}

fn path(steps: &[Step], last: u32) -> Path {
    let mut edges = Vec::with_capacity(steps[last as usize].length as usize);
    let mut way = last;
    while steps[way as usize].length > 0 {
        edges.push(EdgeId(steps[way as usize].edge));
        way = steps[way as usize].previous;
    }
    edges.reverse();
    Path { edges }
}

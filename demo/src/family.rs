//! The family tree: what `demo/data/*.toml` says, checked.
//!
//! Every entry is a public asset with publicly documented derivations and licence. Never does I/O: the files are part of the program.
//! Start at [`Family::embedded`].

#![deny(clippy::disallowed_methods)]

use std::collections::HashMap;

use serde::Deserialize;
use souk_schema::event::{AssetKind, Relation};

/// Most parents that the registry takes for one asset.
pub const MAX_PARENTS: usize = 16;

const FILES: [&str; 10] = [
    include_str!("../data/01-text-corpora.toml"),
    include_str!("../data/02-benchmarks.toml"),
    include_str!("../data/03-instruction-data.toml"),
    include_str!("../data/04-encoders.toml"),
    include_str!("../data/05-language-models.toml"),
    include_str!("../data/06-llama-family.toml"),
    include_str!("../data/07-mistral-qwen-deepseek.toml"),
    include_str!("../data/08-vision.toml"),
    include_str!("../data/09-speech-and-proteins.toml"),
    include_str!("../data/10-knowledge-and-agents.toml"),
];

/// One asset of the tree, as in the data files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Short unique name, used by other entries to point here.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// What it is.
    pub kind: AssetKind,
    /// Who published it; owns it in the demo.
    pub publisher: String,
    /// Year of first publication.
    pub year: u16,
    /// SPDX id, or `LicenseRef-…` for a licence that SPDX does not list.
    pub licence: String,
    /// Parents within the tree.
    #[serde(default)]
    pub parents: Vec<ParentOf>,
    /// Parents that nobody can register here because they were never published.
    #[serde(default)]
    pub foreign: Vec<ForeignParent>,
    /// One sentence.
    pub about: String,
    /// Public source of these facts: a paper, model card or organisation.
    pub reference: String,
}

/// A parent within the tree.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentOf {
    /// Its slug.
    pub slug: String,
    /// How the child came from it.
    pub relation: Relation,
}

/// A parent outside the tree.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignParent {
    /// Its public name.
    pub name: String,
    /// How the child came from it.
    pub relation: Relation,
}

/// What is wrong with the data files.
#[derive(Debug, thiserror::Error)]
pub enum FamilyError {
    /// Not TOML of the expected shape.
    #[error("a family file cannot be read: {0}")]
    Parse(#[from] toml::de::Error),
    /// Two entries share a slug.
    #[error("two assets are called `{0}`; give one another slug")]
    DuplicateSlug(String),
    /// A parent has no entry.
    #[error("`{child}` names the parent `{parent}`, which has no entry; add it or list it under `foreign`")]
    UnknownParent {
        /// The child's slug.
        child: String,
        /// The missing slug.
        parent: String,
    },
    /// The registry keeps one edge per pair.
    #[error("`{child}` names the parent `{parent}` twice; keep the closer relation")]
    DuplicateParent {
        /// The child's slug.
        child: String,
        /// The parent's slug.
        parent: String,
    },
    /// The registry takes no more.
    #[error("`{0}` has more than {MAX_PARENTS} parents")]
    TooManyParents(String),
    /// An asset of the child's kind cannot come from the parent's kind in this way.
    #[error("`{child}` cannot be {} `{parent}`: their kinds do not go with that relation", relation.as_str())]
    ImplausibleRelation {
        /// The child's slug.
        child: String,
        /// The parent's slug.
        parent: String,
        /// What was claimed.
        relation: Relation,
    },
    /// Lineage must be acyclic (LIN-1).
    #[error("`{0}` is its own ancestor; one of the derivations is wrong")]
    Cycle(String),
}

/// The tree: entries in order of publication, with their edges resolved.
#[derive(Clone, Debug)]
pub struct Family {
    entries: Vec<Entry>,
    by_slug: HashMap<String, usize>,
    parents: Vec<Vec<(usize, Relation)>>,
    generations: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FamilyFile {
    asset: Vec<Entry>,
}

impl Family {
    /// The tree that comes with the program.
    ///
    /// # Errors
    /// [`FamilyError`], when the data files are wrong.
    pub fn embedded() -> Result<Self, FamilyError> {
        Self::parse(&FILES)
    }

    /// Reads and checks a tree in several files.
    ///
    /// # Errors
    /// [`FamilyError`] for the first thing that is wrong.
    pub fn parse(files: &[&str]) -> Result<Self, FamilyError> {
        let mut entries = Vec::new();
        for file in files {
            entries.extend(toml::from_str::<FamilyFile>(file)?.asset);
        }
        // Stable, so a publisher's entries of one year keep the order of the files.
        entries.sort_by(|one, other| (one.year, &one.publisher).cmp(&(other.year, &other.publisher)));
        let mut by_slug = HashMap::new();
        for (number, entry) in entries.iter().enumerate() {
            if by_slug.insert(entry.slug.clone(), number).is_some() {
                return Err(FamilyError::DuplicateSlug(entry.slug.clone()));
            }
        }
        let parents = entries
            .iter()
            .map(|entry| resolve(entry, &entries, &by_slug))
            .collect::<Result<Vec<_>, _>>()?;
        let generations = generations(&entries, &parents)?;
        Ok(Self {
            entries,
            by_slug,
            parents,
            generations,
        })
    }

    /// All entries, by year of publication, those of one publisher together.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of the entry with this slug, in the order of [`Self::entries`].
    pub fn find(&self, slug: &str) -> Option<usize> {
        self.by_slug.get(slug).copied()
    }

    /// Parents of the entry with this number.
    pub fn parents(&self, number: usize) -> &[(usize, Relation)] {
        self.parents.get(number).map_or(&[], Vec::as_slice)
    }

    /// Length of the longest line of ancestors of the entry with this number: 0 without parents.
    pub fn generation(&self, number: usize) -> u32 {
        self.generations.get(number).copied().unwrap_or(0)
    }

    /// The largest generation.
    pub fn depth(&self) -> u32 {
        self.generations.iter().copied().max().unwrap_or(0)
    }
}

fn resolve(
    child: &Entry,
    entries: &[Entry],
    by_slug: &HashMap<String, usize>,
) -> Result<Vec<(usize, Relation)>, FamilyError> {
    if child.parents.len() > MAX_PARENTS {
        return Err(FamilyError::TooManyParents(child.slug.clone()));
    }
    let mut found: Vec<(usize, Relation)> = Vec::new();
    for ParentOf { slug, relation } in &child.parents {
        let names = || (child.slug.clone(), slug.clone());
        let Some(&number) = by_slug.get(slug) else {
            let (child, parent) = names();
            return Err(FamilyError::UnknownParent { child, parent });
        };
        if found.iter().any(|&(other, _)| other == number) {
            let (child, parent) = names();
            return Err(FamilyError::DuplicateParent { child, parent });
        }
        if !plausible(child.kind, *relation, entries[number].kind) {
            let (child, parent) = names();
            return Err(FamilyError::ImplausibleRelation {
                child,
                parent,
                relation: *relation,
            });
        }
        found.push((number, *relation));
    }
    Ok(found)
}

/// Whether something of the kind `child` can come from something of the kind `parent` in this way.
fn plausible(child: AssetKind, relation: Relation, parent: AssetKind) -> bool {
    use AssetKind::{Adapter, Agent, Application, Compute, Dataset, KnowledgeBase, Model};
    let data = |kind| matches!(kind, Dataset | KnowledgeBase);
    let weights = |kind| matches!(kind, Model | Adapter);
    let acts = |kind| matches!(kind, Agent | Application);
    match relation {
        Relation::TrainedOn => (weights(child) || child == Agent) && data(parent),
        Relation::FinetunedFrom | Relation::MergedFrom | Relation::QuantizedFrom | Relation::AggregatedFrom => {
            child == Model && parent == Model
        }
        Relation::AdapterOf => child == Adapter && parent == Model,
        Relation::DistilledFrom => (data(child) || child == Model) && parent == Model,
        Relation::LabelledFrom => data(child) && data(parent),
        Relation::DerivedFrom => {
            (data(child) && (data(parent) || parent == Model)) || (weights(child) && weights(parent))
        }
        Relation::EvaluatedOn => (weights(child) || acts(child)) && parent == Dataset,
        Relation::PoweredBy => (acts(child) && !data(parent)) || (child == Model && parent == Compute),
        Relation::GroundedIn => acts(child) && data(parent),
        // The other chain's asset is a foreign parent, never an entry.
        Relation::MirrorOf => false,
    }
}

/// Longest line of ancestors of each entry, by taking away what has no unplaced parent (Kahn's algorithm).
fn generations(entries: &[Entry], parents: &[Vec<(usize, Relation)>]) -> Result<Vec<u32>, FamilyError> {
    let mut children = vec![Vec::new(); entries.len()];
    let mut missing: Vec<usize> = parents.iter().map(Vec::len).collect();
    for (child, edges) in parents.iter().enumerate() {
        for &(parent, _) in edges {
            children[parent].push(child);
        }
    }
    let mut generations = vec![0; entries.len()];
    let mut ready: Vec<usize> = (0..entries.len()).filter(|&number| missing[number] == 0).collect();
    while let Some(parent) = ready.pop() {
        for &child in &children[parent] {
            generations[child] = generations[child].max(generations[parent] + 1);
            missing[child] -= 1;
            if missing[child] == 0 {
                ready.push(child);
            }
        }
    }
    match missing.iter().position(|&count| count > 0) {
        Some(number) => Err(FamilyError::Cycle(entries[number].slug.clone())),
        None => Ok(generations),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(slug: &str, kind: &str, parents: &str) -> String {
        format!(
            "[[asset]]\nslug = \"{slug}\"\nname = \"{slug}\"\nkind = \"{kind}\"\npublisher = \"p\"\nyear = 2020\nlicence = \"MIT\"\n\
             parents = [{parents}]\nabout = \"a\"\nreference = \"r\"\n"
        )
    }

    fn parent(slug: &str, relation: &str) -> String {
        format!("{{ slug = \"{slug}\", relation = \"{relation}\" }}")
    }

    #[test]
    fn the_embedded_tree_is_large_deep_and_sound() {
        let family = Family::embedded().unwrap();
        assert!(family.entries().len() >= 150, "{} entries", family.entries().len());
        assert!(family.depth() >= 6, "depth {}", family.depth());
        for kind in AssetKind::ALL {
            assert!(
                family.entries().iter().any(|entry| entry.kind == *kind),
                "no {}",
                kind.as_str()
            );
        }
        let edges: usize = (0..family.entries().len())
            .map(|number| family.parents(number).len())
            .sum();
        assert!(edges >= 500, "{edges} edges");
    }

    #[test]
    fn every_licence_of_the_tree_is_known() {
        for entry in Family::embedded().unwrap().entries() {
            crate::public_terms(&entry.licence).unwrap();
        }
    }

    #[test]
    fn every_entry_says_who_when_and_what() {
        for entry in Family::embedded().unwrap().entries() {
            assert!((1950..=2026).contains(&entry.year), "{}", entry.slug);
            for text in [&entry.name, &entry.publisher, &entry.about, &entry.reference] {
                assert!(!text.trim().is_empty(), "{}", entry.slug);
            }
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
            assert!(entry.slug.chars().all(plain), "{}", entry.slug);
        }
    }

    #[test]
    fn publication_never_precedes_a_parent_by_much() {
        // A parent may be a living collection (a benchmark) that a later release of the child used; a decade would be a slip of the pen.
        let family = Family::embedded().unwrap();
        for (number, entry) in family.entries().iter().enumerate() {
            for &(parent, _) in family.parents(number) {
                let parent = &family.entries()[parent];
                assert!(parent.year <= entry.year + 2, "{} before {}", entry.slug, parent.slug);
            }
        }
    }

    #[test]
    fn known_descents_are_there() {
        let family = Family::embedded().unwrap();
        let ancestors = |slug: &str| {
            let mut todo = vec![family.find(slug).unwrap()];
            let mut seen = std::collections::BTreeSet::new();
            while let Some(number) = todo.pop() {
                for &(parent, _) in family.parents(number) {
                    if seen.insert(family.entries()[parent].slug.as_str()) {
                        todo.push(parent);
                    }
                }
            }
            seen
        };
        assert!(ancestors("zephyr-7b-beta-gguf").contains("mistral-7b"));
        assert!(ancestors("neuralpipe-7b-slerp").contains("wikipedia"));
        assert!(ancestors("llava-1.5-7b").contains("llama-2-7b"));
        assert!(ancestors("stable-video-diffusion").contains("common-crawl"));
        assert!(ancestors("all-minilm-l6-v2").contains("bookcorpus"));
    }

    #[test]
    fn lin_1_a_cycle_is_refused() {
        let text = [
            entry("a", "model", &parent("b", "FINETUNED_FROM")),
            entry("b", "model", &parent("a", "FINETUNED_FROM")),
        ]
        .concat();
        assert!(matches!(Family::parse(&[&text]), Err(FamilyError::Cycle(_))));
    }

    #[test]
    fn wrong_entries_are_refused_by_name() {
        let one = entry("a", "dataset", "");
        let check = |text: String| Family::parse(&[&one, &text]).unwrap_err();
        assert!(matches!(check(entry("a", "model", "")), FamilyError::DuplicateSlug(slug) if slug == "a"));
        let error = check(entry("b", "model", &parent("x", "TRAINED_ON")));
        assert!(matches!(error, FamilyError::UnknownParent { parent, .. } if parent == "x"));
        let twice = [parent("a", "TRAINED_ON"), parent("a", "EVALUATED_ON")].join(", ");
        assert!(matches!(
            check(entry("b", "model", &twice)),
            FamilyError::DuplicateParent { .. }
        ));
        let error = check(entry("b", "model", &parent("a", "FINETUNED_FROM")));
        assert!(matches!(error, FamilyError::ImplausibleRelation { .. }));
        let many = vec![parent("a", "TRAINED_ON"); 17].join(", ");
        assert!(matches!(
            check(entry("b", "model", &many)),
            FamilyError::TooManyParents(_)
        ));
        assert!(matches!(check("[[asset]]\nslug = 1".into()), FamilyError::Parse(_)));
    }
}

//! The dossier in one order: what the writers of all formats read.
//!
//! Lists are sorted and rid of repetitions, and every asset that is named anywhere has an entry, however little is known of it.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::{AssetKind, Relation};
use souk_schema::{B256, ChainId, TokenRef};

use crate::dossier::{
    ContentFile, Contribution, Derivation, Dossier, Execution, License, Node, Outcome, Revenue, Task, Version,
};
use crate::licence::{self, Title};
use crate::name;
use crate::text::{clean_some, link};

/// A dossier in one order.
pub(crate) struct View<'a> {
    pub(crate) dossier: &'a Dossier,
    /// The dossier's asset as the lineage names it.
    pub(crate) root: AssetId,
    pub(crate) assets: BTreeMap<AssetId, Known<'a>>,
    /// The assets from which something was made that only a model gives.
    pub(crate) used_as_models: BTreeSet<&'a AssetId>,
    /// By child, parent and relation.
    pub(crate) edges: Vec<&'a Derivation>,
    /// From the first on.
    pub(crate) versions: Vec<&'a Version>,
    pub(crate) licenses: Vec<&'a License>,
    pub(crate) contributions: Vec<&'a Contribution>,
    pub(crate) executions: BTreeMap<(ChainId, TokenRef), &'a Execution>,
    pub(crate) tasks: Vec<&'a Task>,
    pub(crate) revenues: Vec<&'a Revenue>,
}

/// What is known of an asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known<'a> {
    pub(crate) kind: Option<AssetKind>,
    /// Cleaned; never empty.
    pub(crate) name: Option<String>,
    pub(crate) version: Option<u32>,
    pub(crate) content_hash: Option<B256>,
    pub(crate) metadata_uri: Option<&'a str>,
}

impl<'a> View<'a> {
    /// Puts a dossier in order.
    pub(crate) fn of(dossier: &'a Dossier) -> View<'a> {
        let versions = sorted(&dossier.asset.versions);
        let mut licenses: Vec<&License> = dossier.licenses.iter().collect();
        licenses.sort_by_key(|license| (license.registry, license.terms_id, license.attached));
        licenses.dedup_by_key(|license| (license.registry, license.terms_id));
        let executions = sorted(&dossier.executions);
        View {
            dossier,
            root: AssetId::Evm(dossier.asset.id),
            assets: assets(dossier, versions.last().copied()),
            used_as_models: used_as_models(dossier),
            edges: sorted(&dossier.lineage.edges),
            versions,
            licenses,
            contributions: sorted(&dossier.contributions),
            executions: executions
                .into_iter()
                .map(|execution| ((execution.requested.chain, execution.id), execution))
                .collect(),
            tasks: sorted(&dossier.tasks),
            revenues: sorted(&dossier.revenues),
        }
    }

    /// What is known of an asset.
    pub(crate) fn known(&self, id: &AssetId) -> Known<'a> {
        self.assets.get(id).cloned().unwrap_or_default()
    }

    /// An asset's name, or its id where no name is left of what its owner wrote.
    pub(crate) fn label(&self, id: &AssetId) -> String {
        self.known(id).name.unwrap_or_else(|| name::asset(id))
    }

    /// What the metadata document states the licence to be; none where terms are attached, which are what holds.
    pub(crate) fn stated_licence(&self) -> Option<Title> {
        let stated = self.dossier.asset.stated_licence.as_deref();
        stated.filter(|_| self.licenses.is_empty()).and_then(licence::titled)
    }

    /// The newest version of the dossier's asset.
    pub(crate) fn newest(&self) -> Option<&'a Version> {
        self.versions.last().copied()
    }

    /// The derivations of an asset from others, never from itself.
    pub(crate) fn parents<'v>(&'v self, child: &'v AssetId) -> impl Iterator<Item = &'a Derivation> + 'v {
        let first = self.edges.partition_point(|edge| edge.child < *child);
        self.edges[first..]
            .iter()
            .copied()
            .take_while(move |edge| edge.child == *child)
            .filter(move |edge| edge.parent != *child)
    }

    /// Everyone who contributed, once.
    pub(crate) fn contributors(&self) -> BTreeSet<(ChainId, Address)> {
        self.contributions
            .iter()
            .map(|contribution| (contribution.recorded.chain, contribution.contributor))
            .collect()
    }
}

/// Whether the child was made from the parent. Being measured with something, running on it or looking things up in it is an influence only.
pub(crate) fn made_from(relation: Relation) -> bool {
    !matches!(
        relation,
        Relation::EvaluatedOn | Relation::PoweredBy | Relation::GroundedIn
    )
}

/// References in one order, without repetitions.
pub(crate) fn sorted<T: Ord>(items: &[T]) -> Vec<&T> {
    let mut sorted: Vec<&T> = items.iter().collect();
    sorted.sort();
    sorted.dedup();
    sorted
}

/// The files of a version that can be pointed to, with their links, in one order.
pub(crate) fn files(version: &Version) -> Vec<(String, &ContentFile)> {
    let mut files: Vec<(String, &ContentFile)> = sorted(&version.files)
        .into_iter()
        .filter_map(|file| Some((link(&file.url)?, file)))
        .collect();
    files.sort();
    files
}

fn assets<'a>(dossier: &'a Dossier, newest: Option<&'a Version>) -> BTreeMap<AssetId, Known<'a>> {
    let mut assets: BTreeMap<AssetId, Known<'a>> = BTreeMap::new();
    for node in sorted(&dossier.lineage.nodes) {
        assets.entry(node.id.clone()).or_insert_with(|| known_of(node));
    }
    for edge in &dossier.lineage.edges {
        assets.entry(edge.child.clone()).or_default();
        assets.entry(edge.parent.clone()).or_default();
    }
    for execution in &dossier.executions {
        let mut name = |id: &EvmAssetId| {
            assets.entry(AssetId::Evm(*id)).or_default();
        };
        name(&execution.asset);
        execution.caller.iter().for_each(&mut name);
        execution.datasets.iter().for_each(&mut name);
        if let Outcome::Completed {
            output: Some(output), ..
        } = &execution.outcome
        {
            name(output);
        }
    }
    let asset = &dossier.asset;
    assets.insert(
        AssetId::Evm(asset.id),
        Known {
            kind: Some(asset.kind),
            name: clean_some(&asset.name),
            version: newest.map(|version| version.number),
            content_hash: newest.map(|version| version.content_hash),
            metadata_uri: newest.map(|version| version.metadata_uri.as_str()),
        },
    );
    assets
}

fn used_as_models(dossier: &Dossier) -> BTreeSet<&AssetId> {
    let edges = dossier.lineage.edges.iter();
    edges
        .filter(|edge| {
            matches!(
                edge.relation,
                Relation::FinetunedFrom
                    | Relation::AdapterOf
                    | Relation::MergedFrom
                    | Relation::QuantizedFrom
                    | Relation::DistilledFrom
                    | Relation::PoweredBy
            )
        })
        .map(|edge| &edge.parent)
        .collect()
}

fn known_of(node: &Node) -> Known<'_> {
    Known {
        kind: node.kind,
        name: node.name.as_deref().and_then(clean_some),
        version: node.version,
        content_hash: node.content_hash,
        metadata_uri: node.metadata_uri.as_deref(),
    }
}

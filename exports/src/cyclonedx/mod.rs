//! CycloneDX 1.6 as a bill of materials of machine learning: the asset is the subject, what it was made from are its components.
//!
//! - `bom-ref`s are the assets' URIs; the serial number is made of the asset's id and the snapshot, and the timestamp is the snapshot's,
//!   because that is the time of which the document speaks.
//! - A relation by which a child is the parent changed (fine-tuned, merged, quantised, …) is a pedigree; every relation is a dependency;
//!   datasets that a model was trained or measured on are named in its model card.
//! - An agent or application is an `application`, which has no model card; its models are components.
//! - The commitment to a version's content is a property and no `hash`: how it was computed is not known. Files with a known SHA-256 have one.

mod component;

use std::collections::{BTreeMap, BTreeSet};

use souk_schema::caip::AssetId;

use crate::dossier::Dossier;
use crate::json::{self, Object};
use crate::name;
use crate::view::View;
use component::{property, root_component, shallow, stranger};

/// Writes the document. The asset is a model, an adapter, an agent or an application.
pub(crate) fn document(view: &View<'_>) -> String {
    let dossier = view.dossier;
    let serial = name::uuid_at(&dossier.asset.id, &dossier.snapshot);
    let ancestry = ancestry(view);
    let components = ancestry
        .iter()
        .filter(|id| ***id != view.root)
        .map(|id| stranger(view, id));
    let document = Object::new()
        .set("$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json")
        .set("bomFormat", "CycloneDX")
        .set("specVersion", "1.6")
        .set("serialNumber", format!("urn:uuid:{serial}"))
        .set("version", 1)
        .set("metadata", metadata(view))
        .set_list("components", components)
        .set_list("dependencies", dependencies(view, &ancestry))
        .set_list("compositions", composition(dossier, &ancestry));
    json::pretty(document)
}

fn metadata(view: &View<'_>) -> Object {
    let snapshot = &view.dossier.snapshot;
    let tool = Object::new()
        .set("type", "application")
        .set("name", "souk")
        .set("version", env!("CARGO_PKG_VERSION"));
    Object::new()
        .set_some("timestamp", name::time(snapshot.time_secs))
        .set("tools", Object::new().set_list("components", [tool]))
        .set("component", root_component(view))
        .set_list(
            "properties",
            [
                property("souk:as-of-chain", name::chain(snapshot.chain)),
                property("souk:as-of-block", snapshot.block.number.to_string()),
                property("souk:as-of-block-hash", format!("{:#x}", snapshot.block.hash)),
            ],
        )
}

/// The asset and everything that it came from, however far up. What came from it is no material of it.
fn ancestry<'v>(view: &'v View<'_>) -> BTreeSet<&'v AssetId> {
    let mut parents: BTreeMap<&AssetId, Vec<&AssetId>> = BTreeMap::new();
    for edge in &view.edges {
        parents.entry(&edge.child).or_default().push(&edge.parent);
    }
    let mut ancestry = BTreeSet::from([&view.root]);
    let mut left = vec![&view.root];
    while let Some(id) = left.pop() {
        for parent in parents.get(id).into_iter().flatten() {
            if ancestry.insert(parent) {
                left.push(parent);
            }
        }
    }
    ancestry
}

/// What each asset was made from. An asset that is named without parents depends on nothing that is known.
fn dependencies(view: &View<'_>, ancestry: &BTreeSet<&AssetId>) -> Vec<Object> {
    let mut depends_on: BTreeMap<&AssetId, BTreeSet<String>> = BTreeMap::new();
    for edge in view.edges.iter().filter(|edge| edge.child != edge.parent) {
        depends_on
            .entry(&edge.child)
            .or_default()
            .insert(name::asset(&edge.parent));
    }
    ancestry
        .iter()
        .map(|id| {
            let parents = depends_on.remove(*id).unwrap_or_default();
            Object::new().set("ref", name::asset(id)).set_list("dependsOn", parents)
        })
        .collect()
}

/// Says that there is more where the lineage was cut off.
fn composition(dossier: &Dossier, ancestry: &BTreeSet<&AssetId>) -> Option<Object> {
    dossier.lineage.truncated.then(|| {
        Object::new()
            .set("aggregate", "incomplete")
            .set_list("dependencies", ancestry.iter().map(|id| name::asset(id)))
    })
}

/// The ancestors of a component's pedigree, none of which has a reference: they are the components of the same identity.
fn pedigree(view: &View<'_>, id: &AssetId) -> Object {
    let mut ancestors: BTreeSet<&AssetId> = BTreeSet::new();
    let mut variants: BTreeSet<&AssetId> = BTreeSet::new();
    for edge in view.parents(id) {
        match component::descent(edge.relation) {
            component::Descent::Changed => ancestors.insert(&edge.parent),
            component::Descent::SameElsewhere => variants.insert(&edge.parent),
            component::Descent::Material => false,
        };
    }
    Object::new()
        .set_list("ancestors", ancestors.into_iter().map(|id| shallow(view, id)))
        .set_list("variants", variants.into_iter().map(|id| shallow(view, id)))
}

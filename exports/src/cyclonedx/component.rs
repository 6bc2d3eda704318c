//! Components: an asset with its type, version, licences, model card and where it is.

use std::collections::BTreeSet;

use serde_json::Value;
use souk_schema::caip::AssetId;
use souk_schema::event::{AssetKind, Relation};

use super::pedigree;
use crate::dossier::{EventRef, License};
use crate::json::Object;
use crate::licence::{self, Title, UNKNOWN_TO_CYCLONEDX};
use crate::name;
use crate::text::{clean_some, link, media_type};
use crate::view::{self, View};

/// How a child relates to its parent as material.
pub(super) enum Descent {
    /// The child is the parent, changed.
    Changed,
    /// The child is the parent on another chain.
    SameElsewhere,
    /// The parent went into the child, or is used by it.
    Material,
}

/// How a child relates to its parent as material.
pub(super) fn descent(relation: Relation) -> Descent {
    match relation {
        Relation::FinetunedFrom
        | Relation::AdapterOf
        | Relation::MergedFrom
        | Relation::QuantizedFrom
        | Relation::DistilledFrom
        | Relation::DerivedFrom
        | Relation::AggregatedFrom => Descent::Changed,
        Relation::MirrorOf => Descent::SameElsewhere,
        Relation::TrainedOn
        | Relation::LabelledFrom
        | Relation::EvaluatedOn
        | Relation::PoweredBy
        | Relation::GroundedIn => Descent::Material,
    }
}

/// A name and a value.
pub(super) fn property(name: impl Into<String>, value: impl Into<String>) -> Object {
    Object::new().set("name", name.into()).set("value", value.into())
}

/// The dossier's asset as a component, with all that is known of it.
pub(super) fn root_component(view: &View<'_>) -> Object {
    let asset = &view.dossier.asset;
    let supplier = asset
        .owner
        .map(|owner| Object::new().set("name", name::account(asset.id.chain, owner)));
    let authors = view
        .contributors()
        .into_iter()
        .map(|(chain, address)| Object::new().set("name", name::account(chain, address)));
    let mut properties = properties(view, &view.root);
    properties.push(log_property("souk:registered", &asset.registered));
    properties.push(property(
        "souk:creator",
        name::account(asset.registered.chain, asset.creator),
    ));
    for license in &view.licenses {
        properties.push(property(
            "souk:licence",
            format!("{}: {}", licence::own_name(license), licence::summary(license)),
        ));
    }
    let page = asset.page.as_deref().and_then(link);
    let mut references: Vec<Object> = page.into_iter().map(|url| reference("website", url)).collect();
    for (url, file) in view.newest().map(view::files).unwrap_or_default() {
        let hash = file.sha256.map(|sha256| {
            Object::new()
                .set("alg", "SHA-256")
                .set("content", format!("{sha256:x}"))
        });
        let comment: Vec<String> = clean_some(&file.name)
            .into_iter()
            .chain(file.media_type.as_deref().and_then(media_type))
            .collect();
        references.push(
            reference("distribution", url)
                .set_list("hashes", hash)
                .set_some("comment", clean_some(&comment.join(", "))),
        );
    }
    references.extend(metadata_reference(view, &view.root));
    shallow(view, &view.root)
        .set("bom-ref", name::asset(&view.root))
        .set_some("description", asset.description.as_deref().and_then(clean_some))
        .set_some("supplier", supplier)
        .set_list("authors", authors)
        .set_list("licenses", licenses(view))
        .set_list("externalReferences", references)
        .set_object("pedigree", pedigree(view, &view.root))
        .set_object("modelCard", model_card(view, &view.root))
        .set_list("data", data(view, &view.root))
        .set_list("properties", properties)
}

/// Another asset of the lineage as a component.
pub(super) fn stranger(view: &View<'_>, id: &AssetId) -> Object {
    shallow(view, id)
        .set("bom-ref", name::asset(id))
        .set_list("externalReferences", metadata_reference(view, id))
        .set_object("pedigree", pedigree(view, id))
        .set_object("modelCard", model_card(view, id))
        .set_list("data", data(view, id))
        .set_list("properties", properties(view, id))
}

/// An asset as a component without a reference or anything below it.
pub(super) fn shallow(view: &View<'_>, id: &AssetId) -> Object {
    Object::new()
        .set("type", component_type(view, id))
        .set("name", view.label(id))
        .set_some("version", view.known(id).version.map(|version| version.to_string()))
        .set_list("properties", [property("souk:caip19", caip(id))])
}

/// The CAIP-19 id as far as it can be quoted; for tokens of EVM chains it is exact.
fn caip(id: &AssetId) -> String {
    clean_some(&id.to_string()).unwrap_or_else(|| name::asset(id))
}

/// A component has to have a type. Where the kind is not known, what was done with the asset tells: what is trained on is data, what is
/// fine-tuned is a model. `data` is the widest of the types and is left for the rest.
fn component_type(view: &View<'_>, id: &AssetId) -> &'static str {
    let used_as_model = view.used_as_models.contains(id);
    let kind = view.known(id).kind.or(used_as_model.then_some(AssetKind::Model));
    match kind {
        Some(AssetKind::Model | AssetKind::Adapter) => "machine-learning-model",
        Some(AssetKind::Agent | AssetKind::Application) => "application",
        Some(AssetKind::Compute) => "platform",
        Some(AssetKind::Dataset | AssetKind::KnowledgeBase) | None => "data",
    }
}

fn properties(view: &View<'_>, id: &AssetId) -> Vec<Object> {
    let known = view.known(id);
    let mut properties = vec![property("souk:caip19", caip(id))];
    if let Some(kind) = known.kind {
        properties.push(property("souk:kind", kind.as_str()));
    }
    if let Some(hash) = known.content_hash {
        properties.push(property("souk:content-hash", format!("{hash:#x}")));
    }
    if let Some(uri) = known.metadata_uri
        && link(uri).is_none()
        && let Some(text) = clean_some(uri)
    {
        properties.push(property("souk:metadata-uri", text));
    }
    for edge in view.parents(id) {
        let prefix = format!("souk:{}", edge.relation.as_str());
        properties.push(property(prefix.clone(), name::asset(&edge.parent)));
        properties.push(property(format!("{prefix}:status"), edge.status.as_str()));
        properties.push(log_property(&prefix, &edge.declared));
    }
    properties
}

/// The log behind a fact, as one property: chain, block, transaction and index.
fn log_property(prefix: &str, event: &EventRef) -> Object {
    let log = format!(
        "{} block {} {:#x} transaction {:#x} log {}",
        name::chain(event.chain),
        event.block.number,
        event.block.hash,
        event.transaction,
        event.log_index
    );
    property(format!("{prefix}:log"), log)
}

/// Several licences are a list of identifiers and names; an expression may only stand alone.
fn licenses(view: &View<'_>) -> Vec<Object> {
    let mut seen = BTreeSet::new();
    let stated = view.stated_licence().map(|title| (None, title));
    let attached = view.licenses.iter();
    let titled: Vec<(Option<&License>, Title)> = attached
        .map(|license| (Some(*license), licence::title(license)))
        .chain(stated)
        .filter(|(_, title)| seen.insert(format!("{title:?}")))
        .collect();
    if let [(_, Title::Expression(expression))] = titled.as_slice() {
        return vec![
            Object::new()
                .set("expression", expression.as_str())
                .set("acknowledgement", "declared"),
        ];
    }
    titled
        .into_iter()
        .map(|(license, title)| {
            let named = match title {
                Title::Spdx(id) if !UNKNOWN_TO_CYCLONEDX.contains(&id) => Object::new().set("id", id),
                Title::Spdx(id) => Object::new().set("name", id),
                Title::Expression(name) | Title::Named(name) => Object::new().set("name", name),
            };
            let license = named
                .set("acknowledgement", "declared")
                .set_some("url", license.and_then(licence::text_link));
            Object::new().set("license", license)
        })
        .collect()
}

fn reference(type_name: &str, url: String) -> Object {
    Object::new().set("type", type_name).set("url", url)
}

fn metadata_reference(view: &View<'_>, id: &AssetId) -> Option<Object> {
    let url = link(view.known(id).metadata_uri?)?;
    Some(reference("other", url).set("comment", "the asset's metadata document"))
}

/// The datasets that a model was trained or measured on. Only models have a card.
fn model_card(view: &View<'_>, id: &AssetId) -> Object {
    if component_type(view, id) != "machine-learning-model" {
        return Object::new();
    }
    let datasets: BTreeSet<String> = view
        .parents(id)
        .filter(|edge| {
            matches!(
                edge.relation,
                Relation::TrainedOn | Relation::EvaluatedOn | Relation::LabelledFrom
            )
        })
        .filter(|edge| component_type(view, &edge.parent) == "data")
        .map(|edge| name::asset(&edge.parent))
        .collect();
    let parameters = Object::new().set_list(
        "datasets",
        datasets.into_iter().map(|dataset| Object::new().set("ref", dataset)),
    );
    Object::new().set_object("modelParameters", parameters)
}

/// What a component of type `data` holds.
fn data(view: &View<'_>, id: &AssetId) -> Option<Value> {
    if component_type(view, id) != "data" {
        return None;
    }
    let type_name = match view.known(id).kind {
        Some(AssetKind::Dataset) => "dataset",
        _ => "other",
    };
    Some(Object::new().set("type", type_name).set("name", view.label(id)).into())
}

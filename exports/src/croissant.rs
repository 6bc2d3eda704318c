//! Croissant 1.1 (MLCommons) of a dataset: JSON-LD on schema.org's `Dataset`.
//!
//! What the format demands and the chain does not have:
//!
//! - `description`: where the metadata document has none, one sentence of what the registry says.
//! - `url`, `license`: left out where the index has no page of the asset, or where no terms are attached.
//! - `creator` must be a person or an organisation. An account may be one, the other or a program; it is given as an organisation, the word
//!   that does not claim one human being, with its CAIP-10 id as name and identifier.
//! - The owner of the token is whom the dataset is attributed to (PROV); whether that is its publisher or holds its copyright is not known.
//! - `distribution`: a file is part of it only if its SHA-256 is known (a reader has to be able to check what it downloads); other files
//!   are `associatedMedia`. A file of unknown type is `application/octet-stream`, which says that it is bytes.

use serde_json::Value;
use souk_schema::caip::AssetId;
use souk_schema::event::{AssetKind, Relation};

use crate::dossier::{ContentFile, License, Version};
use crate::json::{self, Object};
use crate::licence::{self, Title};
use crate::name;
use crate::text::{clean_some, link, media_type};
use crate::view::{self, View};

/// The terms that the context maps to others of the `cr:` namespace with the same name: appendix 1 of the specification, and those that
/// the reference implementation (mlcroissant) has beside it.
const CROISSANT_TERMS: [&str; 37] = [
    "annotation",
    "arrayShape",
    "citeAs",
    "column",
    "containedIn",
    "equivalentProperty",
    "excludes",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isArray",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "readLines",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "sdVersion",
    "separator",
    "source",
    "subField",
    "transform",
    "unArchive",
    "value",
    "data",
    "examples",
];

/// Writes the document. The asset is a dataset.
pub(crate) fn document(view: &View<'_>) -> String {
    let asset = &view.dossier.asset;
    let newest = view.newest();
    let dataset = Object::new()
        .set("@context", context())
        .set("@type", "sc:Dataset")
        .set("@id", name::asset(&view.root))
        .set("conformsTo", "http://mlcommons.org/croissant/1.1")
        .set("name", view.label(&view.root))
        .set("description", description(view))
        .set("identifier", name::asset(&view.root))
        .set_some("url", asset.page.as_deref().and_then(link))
        .set_some("version", newest.map(|version| version.number.to_string()))
        .set_some("datePublished", name::time(asset.registered.time_secs))
        .set_some(
            "dateModified",
            newest.and_then(|version| name::time(version.declared.time_secs)),
        )
        .set_some("sdDatePublished", name::time(view.dossier.snapshot.time_secs))
        .set_list(
            "creator",
            [party(&name::account(asset.registered.chain, asset.creator))],
        )
        .set_list(
            "contributor",
            view.contributors()
                .into_iter()
                .map(|(chain, address)| party(&name::account(chain, address))),
        )
        .set_list(
            "prov:wasAttributedTo",
            asset
                .owner
                .map(|owner| Object::new().set("@id", name::account(asset.id.chain, owner))),
        )
        .set_list("license", licenses(view))
        .set_list("usageInfo", view.licenses.iter().map(|license| usage(license)))
        .set_list("isBasedOn", parents(view).map(|parent| work(view, parent)))
        .set_list(
            "prov:wasDerivedFrom",
            parents(view).map(|parent| Object::new().set("@id", name::asset(parent))),
        )
        .set_list("sameAs", mirrored(view))
        .set_list("subjectOf", newest.and_then(metadata_document))
        .set_list("distribution", newest.map(distribution).unwrap_or_default())
        .set_list("associatedMedia", newest.map(other_files).unwrap_or_default());
    json::pretty(dataset)
}

fn context() -> Object {
    let mut context = Object::new()
        .set("@language", "en")
        .set("@vocab", "https://schema.org/")
        .set("sc", "https://schema.org/")
        .set("cr", "http://mlcommons.org/croissant/")
        .set("rai", "http://mlcommons.org/croissant/RAI/")
        .set("dct", "http://purl.org/dc/terms/")
        .set("prov", "http://www.w3.org/ns/prov#")
        .set("conformsTo", "dct:conformsTo")
        .set("name", Object::new().set("@container", "@language"))
        .set("description", Object::new().set("@container", "@language"))
        .set(
            "dataType",
            Object::new().set("@id", "cr:dataType").set("@type", "@vocab"),
        );
    for term in CROISSANT_TERMS {
        let mapped = format!("cr:{term}");
        context = match term {
            "data" | "examples" => context.set(term, Object::new().set("@id", mapped).set("@type", "@json")),
            _ => context.set(term, mapped),
        };
    }
    context
}

fn description(view: &View<'_>) -> String {
    let asset = &view.dossier.asset;
    asset.description.as_deref().and_then(clean_some).unwrap_or_else(|| {
        format!(
            "Dataset {} as registered on {} and known at block {}.",
            asset.id,
            name::chain(asset.id.chain),
            view.dossier.snapshot.block.number
        )
    })
}

fn party(account: &str) -> Object {
    Object::new()
        .set("@type", "sc:Organization")
        .set("@id", account)
        .set("name", account)
        .set("identifier", account)
}

/// The terms attached on chain; where there are none, what the metadata document states.
fn licenses(view: &View<'_>) -> Vec<Value> {
    let stated = view.stated_licence().map(|title| license_of(title, None));
    let attached = view.licenses.iter();
    let attached = attached.map(|license| license_of(licence::title(license), licence::text_link(license)));
    attached.chain(stated).collect()
}

/// The page of a licence that SPDX lists, else a work with a name and, if it is known, an address.
fn license_of(title: Title, url: Option<String>) -> Value {
    match title {
        Title::Spdx(id) => licence::spdx_page(id).into(),
        Title::Expression(name) | Title::Named(name) => Object::new()
            .set("@type", "sc:CreativeWork")
            .set("name", name)
            .set_some("url", url)
            .into(),
    }
}

/// What the terms on chain say, beside the licence's text.
fn usage(license: &License) -> Object {
    Object::new()
        .set("@type", "sc:CreativeWork")
        .set("name", licence::own_name(license))
        .set("description", licence::summary(license))
        .set_some("url", licence::text_link(license))
}

/// What the dataset was made from, each once however many relations there are.
fn parents<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v AssetId> {
    let mut parents: Vec<&AssetId> = view
        .parents(&view.root)
        .filter(|edge| view::made_from(edge.relation) && edge.relation != Relation::MirrorOf)
        .map(|edge| &edge.parent)
        .collect();
    parents.dedup();
    parents.into_iter()
}

/// The same dataset on other chains.
fn mirrored(view: &View<'_>) -> Vec<String> {
    let mut originals: Vec<String> = view
        .parents(&view.root)
        .filter(|edge| edge.relation == Relation::MirrorOf)
        .map(|edge| name::asset(&edge.parent))
        .collect();
    originals.dedup();
    originals
}

/// A work that the dataset was made from. It is never typed as a dataset, because readers take a document's dataset to be what it describes;
/// that it is one is said by `additionalType`.
fn work(view: &View<'_>, id: &AssetId) -> Object {
    let known = view.known(id);
    let additional = (known.kind == Some(AssetKind::Dataset)).then_some("https://schema.org/Dataset");
    Object::new()
        .set("@type", "sc:CreativeWork")
        .set_some("additionalType", additional)
        .set("@id", name::asset(id))
        .set("identifier", name::asset(id))
        .set_some("name", known.name)
        .set_some("version", known.version.map(|version| version.to_string()))
}

/// The metadata document is about the dataset; it is no file of it.
fn metadata_document(version: &Version) -> Option<Object> {
    let url = link(&version.metadata_uri)?;
    Some(Object::new().set("@type", "sc:DigitalDocument").set("url", url))
}

fn distribution(version: &Version) -> Vec<Object> {
    view::files(version)
        .into_iter()
        .filter_map(|(url, file)| Some((url, file, file.sha256?)))
        .enumerate()
        .map(|(at, (url, file, sha256))| {
            media(file, "cr:FileObject", &url)
                .set("@id", format!("file-{}", at + 1))
                .set("sha256", format!("{sha256:x}"))
        })
        .collect()
}

fn other_files(version: &Version) -> Vec<Object> {
    view::files(version)
        .into_iter()
        .filter(|(_, file)| file.sha256.is_none())
        .map(|(url, file)| media(file, "sc:MediaObject", &url))
        .collect()
}

fn media(file: &ContentFile, type_name: &str, url: &str) -> Object {
    let media_type = file.media_type.as_deref().and_then(media_type);
    Object::new()
        .set("@type", type_name)
        .set_some("name", clean_some(&file.name))
        .set("contentUrl", url)
        .set(
            "encodingFormat",
            media_type.unwrap_or_else(|| "application/octet-stream".to_string()),
        )
        .set_some("contentSize", file.size_bytes.map(|size| format!("{size} B")))
}

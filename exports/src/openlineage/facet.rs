//! The facets that Souk fills, all of them OpenLineage's own, each with the version of its schema.

use serde_json::Value;
use souk_schema::caip::AssetId;

use crate::dossier::EventRef;
use crate::json::Object;
use crate::licence::{self, Title};
use crate::name;
use crate::text::{clean_some, link};
use crate::view::{View, sorted};

/// Names and values that have no facet of their own.
pub(super) struct Tags(Vec<(&'static str, String)>);

impl Tags {
    pub(super) fn new() -> Tags {
        Tags(Vec::new())
    }

    /// Adds a tag.
    pub(super) fn add(&mut self, key: &'static str, value: impl Into<String>) {
        self.0.push((key, value.into()));
    }

    /// The log behind a fact.
    pub(super) fn add_event(&mut self, event: &EventRef) {
        self.add("chain", name::chain(event.chain));
        self.add("block", event.block.number.to_string());
        self.add("block-hash", format!("{:#x}", event.block.hash));
        self.add("transaction", format!("{:#x}", event.transaction));
        self.add("log-index", event.log_index.to_string());
    }
}

/// A facet of the given schema, with what every facet has to say.
pub(super) fn begin(version: &str, schema: &str) -> Object {
    Object::new().set("_producer", name::PRODUCER).set(
        "_schemaURL",
        format!("https://openlineage.io/spec/facets/{version}/{schema}.json#/$defs/{schema}"),
    )
}

/// What kind of job it is.
pub(super) fn job_type(processing: &str, job_type: &str) -> Object {
    begin("2-0-4", "JobTypeJobFacet")
        .set("processingType", processing)
        .set("integration", "SOUK")
        .set("jobType", job_type)
}

/// The tags of a run.
pub(super) fn run_tags(tags: Tags) -> Object {
    tags_facet("TagsRunFacet", tags)
}

/// The tags of a job.
pub(super) fn job_tags(tags: Tags) -> Object {
    tags_facet("TagsJobFacet", tags)
}

fn tags_facet(schema: &str, tags: Tags) -> Object {
    if tags.0.is_empty() {
        return Object::new();
    }
    let tags: Vec<Value> = tags
        .0
        .into_iter()
        .map(|(key, value)| {
            Object::new()
                .set("key", key)
                .set("value", value)
                .set("source", "SOUK")
                .into()
        })
        .collect();
    begin("1-0-0", schema).set("tags", tags)
}

/// The facets of any asset: type, version, name and the commitment to its content.
pub(super) fn of_asset(view: &View<'_>, id: &AssetId) -> Object {
    let known = view.known(id);
    let mut tags = Tags::new();
    if let Some(hash) = known.content_hash {
        tags.add("content-hash", format!("{hash:#x}"));
    }
    if let AssetId::Other(text) = id
        && let Some(text) = clean_some(text)
    {
        tags.add("caip19", text);
    }
    let datasource = known.metadata_uri.and_then(link).map(|uri| {
        begin("1-0-1", "DatasourceDatasetFacet")
            .set("name", "metadata")
            .set("uri", uri)
    });
    Object::new()
        .set_some(
            "datasetType",
            known.kind.map(|kind| {
                begin("1-0-1", "DatasetTypeDatasetFacet").set("datasetType", kind.as_str().to_ascii_uppercase())
            }),
        )
        .set_some(
            "version",
            known
                .version
                .map(|version| begin("1-0-1", "DatasetVersionDatasetFacet").set("datasetVersion", version.to_string())),
        )
        .set_some(
            "documentation",
            known
                .name
                .map(|name| begin("1-1-0", "DocumentationDatasetFacet").set("description", name)),
        )
        .set_some("dataSource", datasource)
        .set_object("tags", tags_facet("TagsDatasetFacet", tags))
}

/// The facets of the dossier's asset: beside the above its owners, licences, registration and the snapshot.
pub(super) fn of_root(view: &View<'_>) -> Object {
    let dossier = view.dossier;
    let asset = &dossier.asset;
    let mut tags = Tags::new();
    if let Some(version) = view.newest() {
        tags.add("content-hash", format!("{:#x}", version.content_hash));
    }
    for license in &view.licenses {
        let title = match licence::title(license) {
            Title::Spdx(id) => id.to_string(),
            Title::Expression(name) | Title::Named(name) => name,
        };
        tags.add("licence", title);
        tags.add("licence-terms", licence::summary(license));
    }
    tags.add("as-of-chain", name::chain(dossier.snapshot.chain));
    tags.add("as-of-block", dossier.snapshot.block.number.to_string());
    tags.add("as-of-block-hash", format!("{:#x}", dossier.snapshot.block.hash));
    tags.add_event(&asset.registered);
    let description = asset.description.as_deref().and_then(clean_some).map(|description| {
        let text = format!("{}: {description}", view.label(&view.root));
        begin("1-1-0", "DocumentationDatasetFacet").set("description", text)
    });
    of_asset(view, &view.root)
        .set_some("documentation", description)
        .set("ownership", ownership(view))
        .set("tags", tags_facet("TagsDatasetFacet", tags))
}

fn ownership(view: &View<'_>) -> Object {
    let dossier = view.dossier;
    let asset = &dossier.asset;
    let owner = |account: String, role: &str| Object::new().set("name", account).set("type", role);
    let mut owners = vec![owner(name::account(asset.registered.chain, asset.creator), "CREATOR")];
    if let Some(address) = asset.owner {
        owners.push(owner(name::account(asset.id.chain, address), "OWNER"));
    }
    if let Some(shares) = &dossier.shares {
        for holding in sorted(&shares.holders) {
            owners.push(owner(
                name::account(shares.issued.chain, holding.account),
                "SHAREHOLDER",
            ));
        }
    }
    for (chain, contributor) in view.contributors() {
        owners.push(owner(name::account(chain, contributor), "CONTRIBUTOR"));
    }
    begin("1-0-1", "OwnershipDatasetFacet").set_list("owners", owners)
}

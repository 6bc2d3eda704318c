//! OpenLineage events, spec 2-0-2, one JSON object a line.
//!
//! First the asset itself as a dataset event, then the runs, then the design.
//!
//! - An execution is a run: a `START` event when it was asked for, and a `COMPLETE` or `ABORT` event when it ended (the format asks for one of
//!   each); a challenge that was decided is an `OTHER` event of the same run. Its id is a UUID over the execution's name.
//! - A derivation that no execution of the dossier backs is a job event, which is lineage known by design and not by a run.
//! - An asset is a dataset whatever its kind: the namespace is its chain, the name the rest of its CAIP-19 id. Jobs are named by what is run
//!   and how.
//! - Facets are the format's own. What has no facet there (hashes, block, transaction, log, status) is a tag with source `SOUK`.

mod facet;

use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::event::PrivacyMode;

use crate::dossier::{Challenge, Derivation, EventRef, Execution, Outcome};
use crate::json::{self, Object};
use crate::name;
use crate::view::{View, sorted};
use crate::{ExportError, Format};
use facet::Tags;

/// Writes the events.
///
/// # Errors
/// [`ExportError::TimeOutOfRange`]: an event has to have a time.
pub(crate) fn document(view: &View<'_>) -> Result<String, ExportError> {
    let mut lines = json::line(asset_event(view)?);
    for execution in view.executions.values() {
        for event in run_events(view, execution)? {
            lines.push_str(&json::line(event));
        }
    }
    for edge in &view.edges {
        let backed = edge
            .execution
            .is_some_and(|execution| view.executions.contains_key(&(edge.declared.chain, execution)));
        if !backed {
            lines.push_str(&json::line(job_event(view, edge)?));
        }
    }
    Ok(lines)
}

fn event(schema: &str, time_secs: u64) -> Result<Object, ExportError> {
    let time = name::time(time_secs).ok_or(ExportError::TimeOutOfRange {
        format: Format::OpenLineage,
        secs: time_secs,
    })?;
    Ok(Object::new()
        .set("eventTime", time)
        .set("producer", name::PRODUCER)
        .set(
            "schemaURL",
            format!("https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/{schema}"),
        ))
}

/// The asset as it is at the snapshot.
fn asset_event(view: &View<'_>) -> Result<Object, ExportError> {
    let event = event("DatasetEvent", view.dossier.snapshot.time_secs)?;
    let facets = facet::of_root(view);
    Ok(event.set("dataset", named(&view.root).set("facets", facets)))
}

fn run_events(view: &View<'_>, execution: &Execution) -> Result<Vec<Object>, ExportError> {
    let mut tags = Tags::new();
    tags.add(
        "execution",
        name::item("execution", execution.requested.chain, &execution.id),
    );
    tags.add("input-hash", format!("{:#x}", execution.input_hash));
    tags.add(
        "requester",
        name::account(execution.requested.chain, execution.requester),
    );
    tags.add("provider", name::account(execution.requested.chain, execution.provider));
    if let Some(caller) = execution.caller {
        tags.add("caller", caller.to_string());
    }
    if execution.privacy != PrivacyMode::None {
        tags.add("privacy", execution.privacy.as_str());
    }
    if execution.epsilon_micros != 0 {
        tags.add("epsilon-micros", execution.epsilon_micros.to_string());
    }
    let mut events = vec![run_event(view, execution, "START", &execution.requested, tags, None)?];
    match &execution.outcome {
        Outcome::Pending => {}
        Outcome::Completed {
            output,
            output_hash,
            metered_units,
            completed,
        } => {
            let mut tags = Tags::new();
            tags.add("output-hash", format!("{output_hash:#x}"));
            tags.add("metered-units", metered_units.to_string());
            events.push(run_event(
                view,
                execution,
                "COMPLETE",
                completed,
                tags,
                output.as_ref(),
            )?);
        }
        Outcome::Cancelled { cancelled } => {
            events.push(run_event(view, execution, "ABORT", cancelled, Tags::new(), None)?);
        }
    }
    for challenge in sorted(&execution.challenges) {
        events.extend(challenge_event(view, execution, challenge)?);
    }
    Ok(events)
}

fn run_event(
    view: &View<'_>,
    execution: &Execution,
    event_type: &str,
    at: &EventRef,
    mut tags: Tags,
    output: Option<&EvmAssetId>,
) -> Result<Object, ExportError> {
    tags.add_event(at);
    let mut inputs = vec![AssetId::Evm(execution.asset)];
    inputs.extend(sorted(&execution.datasets).into_iter().map(|id| AssetId::Evm(*id)));
    let facets = Object::new()
        .set_object("tags", facet::run_tags(tags))
        .set_some("parent", parent_facet(view, execution));
    let run = Object::new().set("runId", run_id(execution)).set("facets", facets);
    let outputs = output.map(|id| described(view, &AssetId::Evm(*id)));
    Ok(event("RunEvent", at.time_secs)?
        .set("eventType", event_type)
        .set("run", run)
        .set("job", execution_job(execution))
        .set_list("inputs", inputs.iter().map(|id| described(view, id)))
        .set_list("outputs", outputs))
}

/// A challenge that was decided. One that is open changes nothing yet.
fn challenge_event(
    view: &View<'_>,
    execution: &Execution,
    challenge: &Challenge,
) -> Result<Option<Object>, ExportError> {
    let Some(resolution) = &challenge.resolved else {
        return Ok(None);
    };
    let mut tags = Tags::new();
    tags.add(
        "challenge",
        name::item("challenge", challenge.raised.chain, &challenge.id),
    );
    tags.add(
        "challenge-outcome",
        if resolution.upheld { "upheld" } else { "dismissed" },
    );
    tags.add(
        "challenger",
        name::account(challenge.raised.chain, challenge.challenger),
    );
    run_event(view, execution, "OTHER", &resolution.event, tags, None).map(Some)
}

fn run_id(execution: &Execution) -> String {
    name::uuid(&name::item("execution", execution.requested.chain, &execution.id)).to_string()
}

/// The run that this one is part of, if the dossier describes it: a parent has to name its job.
fn parent_facet(view: &View<'_>, execution: &Execution) -> Option<Object> {
    let key = (execution.requested.chain, execution.parent?);
    let parent = view.executions.get(&key).filter(|parent| parent.id != execution.id)?;
    let (namespace, name) = job_name(parent);
    Some(
        facet::begin("1-2-0", "ParentRunFacet")
            .set("run", Object::new().set("runId", run_id(parent)))
            .set("job", Object::new().set("namespace", namespace).set("name", name)),
    )
}

fn job_name(execution: &Execution) -> (String, String) {
    let (namespace, name) = split(&AssetId::Evm(execution.asset));
    (namespace, format!("{} {name}", execution.kind.as_str()))
}

fn execution_job(execution: &Execution) -> Object {
    let (namespace, name) = job_name(execution);
    let job_type = facet::job_type("BATCH", &execution.kind.as_str().to_ascii_uppercase());
    Object::new()
        .set("namespace", namespace)
        .set("name", name)
        .set("facets", Object::new().set("jobType", job_type))
}

/// A derivation of which only the declaration is known.
fn job_event(view: &View<'_>, edge: &Derivation) -> Result<Object, ExportError> {
    let mut tags = Tags::new();
    tags.add("relation", edge.relation.as_str());
    tags.add("status", edge.status.as_str());
    tags.add_event(&edge.declared);
    let (namespace, child) = split(&edge.child);
    let job = Object::new()
        .set("namespace", namespace)
        .set(
            "name",
            format!("{} {child} {}", edge.relation.as_str(), name::asset(&edge.parent)),
        )
        .set(
            "facets",
            Object::new()
                .set("jobType", facet::job_type("BATCH", "DERIVATION"))
                .set_object("tags", facet::job_tags(tags)),
        );
    Ok(event("JobEvent", edge.declared.time_secs)?
        .set("job", job)
        .set_list("inputs", [described(view, &edge.parent)])
        .set_list("outputs", [described(view, &edge.child)]))
}

/// An asset's name as a dataset: namespace and name.
fn split(id: &AssetId) -> (String, String) {
    match id {
        AssetId::Evm(id) => {
            let text = id.to_string();
            let (chain, token) = text.split_once('/').unwrap_or((&text, ""));
            (chain.to_string(), token.to_string())
        }
        AssetId::Other(_) => (name::URN.to_string(), name::asset(id)),
    }
}

fn named(id: &AssetId) -> Object {
    let (namespace, name) = split(id);
    Object::new().set("namespace", namespace).set("name", name)
}

fn described(view: &View<'_>, id: &AssetId) -> Object {
    named(id).set_object("facets", facet::of_asset(view, id))
}

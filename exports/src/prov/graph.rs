//! Derivations and executions: what was made of what, by running what, on whose behalf.

use souk_schema::caip::AssetId;
use souk_schema::event::{PrivacyMode, Relation};

use super::acting_asset;
use super::record::{Attributes, Document};
use crate::dossier::{Challenge, Derivation, Execution, Outcome};
use crate::name;
use crate::view::{self, View, sorted};

/// Writes the edges of the lineage.
pub(super) fn derivations(document: &mut Document, view: &View<'_>) {
    for edge in &view.edges {
        let (child, parent) = (name::asset(&edge.child), name::asset(&edge.parent));
        let mut attributes = Attributes::new();
        attributes.kind(&format!("Relation/{}", edge.relation.as_str()));
        attributes.text("souk:status", edge.status.as_str());
        attributes.event(&edge.declared);
        if !view::made_from(edge.relation) {
            document.influence(&child, &parent, attributes);
            continue;
        }
        match evidence(view, edge) {
            Some(execution) => document.relate(
                "wasDerivedFrom",
                [
                    ("prov:generatedEntity", child.as_str()),
                    ("prov:usedEntity", parent.as_str()),
                    ("prov:activity", execution.as_str()),
                ],
                attributes,
            ),
            None => document.relate(
                "wasDerivedFrom",
                [
                    ("prov:generatedEntity", child.as_str()),
                    ("prov:usedEntity", parent.as_str()),
                ],
                attributes,
            ),
        }
        if edge.relation == Relation::MirrorOf {
            document.relate(
                "alternateOf",
                [
                    ("prov:alternate1", child.as_str()),
                    ("prov:alternate2", parent.as_str()),
                ],
                Attributes::new(),
            );
        }
    }
}

/// The execution behind an edge, if the dossier describes it.
fn evidence(view: &View<'_>, edge: &Derivation) -> Option<String> {
    let key = (edge.declared.chain, edge.execution?);
    view.executions
        .contains_key(&key)
        .then(|| name::item("execution", key.0, &key.1))
}

/// Writes the executions.
pub(super) fn executions(document: &mut Document, view: &View<'_>) {
    for execution in view.executions.values() {
        let uri = name::item("execution", execution.requested.chain, &execution.id);
        document.activity(&uri, describe(execution));
        use_of_assets(document, &uri, execution);
        agents_of(document, view, &uri, execution);
        if let Some(parent) = execution.parent {
            let key = (execution.requested.chain, parent);
            if view.executions.contains_key(&key) && parent != execution.id {
                let parent = name::item("execution", key.0, &key.1);
                document.relate(
                    "wasInformedBy",
                    [("prov:informed", uri.as_str()), ("prov:informant", parent.as_str())],
                    Attributes::new(),
                );
            }
        }
        for challenge in sorted(&execution.challenges) {
            doubt(document, &uri, challenge);
        }
    }
}

fn describe(execution: &Execution) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.kind(&format!("Execution/{}", execution.kind.as_str()));
    attributes.text("souk:inputHash", &format!("{:#x}", execution.input_hash));
    if execution.privacy != PrivacyMode::None {
        attributes.text("souk:privacy", execution.privacy.as_str());
    }
    if execution.epsilon_micros != 0 {
        attributes.number("souk:epsilonMicros", execution.epsilon_micros);
    }
    let ended = match &execution.outcome {
        Outcome::Pending => None,
        Outcome::Completed {
            output_hash,
            metered_units,
            completed,
            ..
        } => {
            attributes.text("souk:outputHash", &format!("{output_hash:#x}"));
            attributes.number("souk:meteredUnits", *metered_units);
            attributes.text("souk:outcome", "completed");
            Some(completed)
        }
        Outcome::Cancelled { cancelled } => {
            attributes.text("souk:outcome", "cancelled");
            Some(cancelled)
        }
    };
    attributes.span(Some(&execution.requested), ended);
    attributes.event(&execution.requested);
    attributes
}

fn use_of_assets(document: &mut Document, uri: &str, execution: &Execution) {
    let mut used = |asset: String, role: &str| {
        let mut attributes = Attributes::new();
        attributes.role(role);
        document.relate(
            "used",
            [("prov:activity", uri), ("prov:entity", asset.as_str())],
            attributes,
        );
    };
    used(name::asset(&AssetId::Evm(execution.asset)), "run");
    for dataset in sorted(&execution.datasets) {
        used(name::asset(&AssetId::Evm(*dataset)), "data");
    }
    if let Outcome::Completed {
        output: Some(output),
        output_hash,
        completed,
        ..
    } = &execution.outcome
    {
        let made = name::item("output", execution.requested.chain, &execution.id);
        let mut attributes = Attributes::new();
        attributes.kind("Output");
        attributes.text("souk:contentHash", &format!("{output_hash:#x}"));
        document.entity(&made, attributes);
        let output = name::asset(&AssetId::Evm(*output));
        document.relate(
            "specializationOf",
            [
                ("prov:specificEntity", made.as_str()),
                ("prov:generalEntity", output.as_str()),
            ],
            Attributes::new(),
        );
        let mut generation = Attributes::new();
        generation.some_formal_time("prov:time", completed.time_secs);
        generation.event(completed);
        document.relate(
            "wasGeneratedBy",
            [("prov:entity", made.as_str()), ("prov:activity", uri)],
            generation,
        );
    }
}

fn agents_of(document: &mut Document, view: &View<'_>, uri: &str, execution: &Execution) {
    let chain = execution.requested.chain;
    let provider = document.account(chain, execution.provider);
    document.associate(uri, &provider, "provider");
    let requester = document.account(chain, execution.requester);
    document.associate(uri, &requester, "requester");
    let callee = acting_asset(document, view, &AssetId::Evm(execution.asset));
    let caller = execution
        .caller
        .and_then(|caller| acting_asset(document, view, &AssetId::Evm(caller)));
    if let Some(callee) = &callee {
        document.associate(uri, callee, "callee");
    }
    if let Some(caller) = &caller {
        document.associate(uri, caller, "caller");
    }
    if let (Some(callee), Some(caller)) = (callee, caller)
        && callee != caller
    {
        document.relate(
            "actedOnBehalfOf",
            [
                ("prov:delegate", callee.as_str()),
                ("prov:responsible", caller.as_str()),
                ("prov:activity", uri),
            ],
            Attributes::new(),
        );
    }
}

/// A challenge is an activity about another: it used nothing and made nothing.
fn doubt(document: &mut Document, execution: &str, challenge: &Challenge) {
    let uri = name::item("challenge", challenge.raised.chain, &challenge.id);
    let mut attributes = Attributes::new();
    attributes.kind("Challenge");
    attributes.text(
        "souk:outcome",
        match challenge.resolved {
            None => "open",
            Some(resolution) if resolution.upheld => "upheld",
            Some(_) => "dismissed",
        },
    );
    attributes.span(
        Some(&challenge.raised),
        challenge.resolved.as_ref().map(|resolution| &resolution.event),
    );
    attributes.event(&challenge.raised);
    document.activity(&uri, attributes);
    let challenger = document.account(challenge.raised.chain, challenge.challenger);
    document.associate(&uri, &challenger, "challenger");
    document.influence(&uri, execution, Attributes::new());
}

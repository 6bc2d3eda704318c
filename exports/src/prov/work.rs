//! Terms, contributions, tasks and payments.

use super::record::{Attributes, Document};
use crate::licence::{self, Title};
use crate::name;
use crate::text::link;
use crate::view::{View, sorted};

/// Writes the terms that the asset is licensed under.
pub(super) fn licenses(document: &mut Document, view: &View<'_>) {
    let root = name::asset(&view.root);
    for license in &view.licenses {
        let uri = format!(
            "{}terms:eip155:{}:{:#x}:{}",
            name::URN,
            license.attached.chain,
            license.registry,
            license.terms_id
        );
        let mut attributes = Attributes::new();
        attributes.kind("LicenseTerms");
        match licence::title(license) {
            Title::Spdx(id) => attributes.text("souk:spdxLicense", id),
            Title::Expression(expression) => attributes.text("souk:spdxLicense", &expression),
            Title::Named(name) => attributes.text("prov:label", &name),
        }
        attributes.location(&license.terms.uri);
        for (condition, value) in licence::conditions(license) {
            attributes.text(&format!("souk:{condition}"), &value);
        }
        document.entity(&uri, attributes);
        let mut influence = Attributes::new();
        influence.kind("Licensing");
        influence.event(&license.attached);
        document.influence(&root, &uri, influence);
    }
}

/// Writes what was contributed to the asset.
pub(super) fn contributions(document: &mut Document, view: &View<'_>) {
    let root = name::asset(&view.root);
    for contribution in &view.contributions {
        let event = &contribution.recorded;
        let uri = name::item("contribution", event.chain, &contribution.id);
        let mut attributes = Attributes::new();
        attributes.kind(&format!("Contribution/{}", contribution.role.as_str()));
        attributes.big_number("souk:weight", contribution.weight);
        attributes.text("souk:evidenceHash", &format!("{:#x}", contribution.evidence_hash));
        attributes.event(event);
        document.activity(&uri, attributes);
        let contributor = document.account(event.chain, contribution.contributor);
        document.associate(&uri, &contributor, contribution.role.as_str());
        document.influence(&root, &uri, Attributes::new());
    }
    for (chain, contributor) in view.contributors() {
        let contributor = name::account(chain, contributor);
        let mut attribution = Attributes::new();
        attribution.kind("Contributorship");
        document.attribute(&root, &contributor, attribution);
    }
}

/// Writes the tasks for the asset and what was handed in.
pub(super) fn tasks(document: &mut Document, view: &View<'_>) {
    let root = name::asset(&view.root);
    for task in &view.tasks {
        let chain = task.posted.chain;
        let uri = name::item("task", chain, &task.id);
        let mut attributes = Attributes::new();
        attributes.kind(&format!("Task/{}", task.role.as_str()));
        attributes.text("souk:specificationHash", &format!("{:#x}", task.spec_hash));
        attributes.some_link("souk:specification", link(&task.spec_uri));
        attributes.span(Some(&task.posted), task.closed.as_ref());
        attributes.event(&task.posted);
        document.activity(&uri, attributes);
        let poster = document.account(chain, task.poster);
        document.associate(&uri, &poster, "poster");
        for submission in sorted(&task.submissions) {
            let work = name::item("submission", submission.submitted.chain, &submission.id);
            let mut attributes = Attributes::new();
            attributes.kind("Submission");
            attributes.text("souk:contentHash", &format!("{:#x}", submission.content_hash));
            attributes.location(&submission.content_uri);
            attributes.text(
                "souk:review",
                match submission.accepted {
                    None => "open",
                    Some(true) => "accepted",
                    Some(false) => "rejected",
                },
            );
            document.entity(&work, attributes);
            let mut generation = Attributes::new();
            generation.some_formal_time("prov:time", submission.submitted.time_secs);
            generation.event(&submission.submitted);
            document.relate(
                "wasGeneratedBy",
                [("prov:entity", work.as_str()), ("prov:activity", uri.as_str())],
                generation,
            );
            let worker = document.account(submission.submitted.chain, submission.worker);
            document.attribute(&work, &worker, Attributes::new());
            if submission.accepted == Some(true) {
                document.influence(&root, &work, Attributes::new());
            }
        }
    }
}

/// Writes the payments that arrived for the asset.
pub(super) fn revenues(document: &mut Document, view: &View<'_>) {
    let root = name::asset(&view.root);
    for revenue in &view.revenues {
        let event = &revenue.received;
        let uri = name::item("revenue", event.chain, &revenue.id);
        let mut attributes = Attributes::new();
        attributes.kind(&format!("Payment/{}", revenue.reason.as_str()));
        attributes.big_number("souk:amount", revenue.amount);
        attributes.text(
            "souk:currency",
            &format!("eip155:{}/erc20:{:#x}", event.chain, revenue.token),
        );
        attributes.span(Some(event), Some(event));
        attributes.event(event);
        document.activity(&uri, attributes);
        let payer = document.account(event.chain, revenue.payer);
        document.associate(&uri, &payer, "payer");
        document.influence(&uri, &root, Attributes::new());
    }
}

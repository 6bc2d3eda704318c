//! What is exported is accepted by the formats' own libraries, and they find in it what went in.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use souk_exports::{Dossier, Format, export};
use souk_schema::event::AssetKind;

use crate::dossiers::{bare, full, hostile, huge, license};
use crate::random::Maker;
use crate::validators::{Verdict, validate};

/// Exports dossiers in every format that describes them and has all documents checked. Answers by the documents' names.
fn accepted(dossiers: &[(String, Dossier)]) -> BTreeMap<String, (Verdict, String)> {
    let mut documents = Vec::new();
    for (name, dossier) in dossiers {
        for format in Format::ALL
            .into_iter()
            .filter(|format| format.describes(dossier.asset.kind))
        {
            let document = export(dossier, format).expect("described kinds are exported");
            documents.push((format!("{name} {format}"), format, document));
        }
    }
    let verdicts = validate(&documents);
    let wrong: Vec<(&String, &[String])> = verdicts
        .iter()
        .filter(|verdict| !verdict.errors.is_empty())
        .map(|verdict| (&verdict.name, &verdict.errors[..verdict.errors.len().min(3)]))
        .collect();
    let (refused, all) = (wrong.len(), documents.len());
    assert!(wrong.is_empty(), "{refused} of {all} documents are refused: {wrong:#?}");
    verdicts
        .into_iter()
        .zip(documents)
        .map(|(verdict, (name, _, document))| (name, (verdict, document)))
        .collect()
}

/// PROV-JSON's sections and the records that the library makes of them.
const RECORDS: [(&str, &str); 14] = [
    ("entity", "Entity"),
    ("activity", "Activity"),
    ("agent", "Agent"),
    ("wasDerivedFrom", "Derivation"),
    ("wasGeneratedBy", "Generation"),
    ("used", "Usage"),
    ("wasAttributedTo", "Attribution"),
    ("wasAssociatedWith", "Association"),
    ("actedOnBehalfOf", "Delegation"),
    ("wasInformedBy", "Communication"),
    ("wasInfluencedBy", "Influence"),
    ("specializationOf", "Specialization"),
    ("alternateOf", "Alternate"),
    ("hadMember", "Membership"),
];

/// The library finds every record of a PROV-JSON document, and none that is not there.
fn same_records(verdict: &Verdict, document: &str) {
    let document: Value = serde_json::from_str(document).expect("JSON");
    let sections = document.as_object().expect("an object");
    for (section, record) in RECORDS {
        let written = sections
            .get(section)
            .map_or(0, |records| records.as_object().expect("records").len());
        assert_eq!(verdict.count(record), written as u64, "{} {section}", verdict.name);
    }
    assert_eq!(
        verdict.counts.len(),
        sections.len() - 1,
        "every section but `prefix`: {verdict:?}"
    );
}

#[test]
fn every_kind_of_asset_is_accepted() {
    let mut dossiers = Vec::new();
    for kind in AssetKind::ALL {
        for (name, dossier) in [
            ("bare", bare(*kind)),
            ("full", full(*kind)),
            ("hostile", hostile(*kind)),
        ] {
            dossiers.push((format!("{name} {}", kind.as_str()), dossier));
        }
    }
    let verdicts = accepted(&dossiers);
    // 7 kinds as PROV and OpenLineage, 1 as Croissant, 4 as CycloneDX, each thrice.
    assert_eq!(verdicts.len(), 3 * (7 + 7 + 1 + 4));
    for (name, (verdict, document)) in &verdicts {
        if name.ends_with("prov-json") {
            same_records(verdict, document);
        }
    }
}

#[test]
fn what_went_in_is_found() {
    let dossiers = [
        ("dataset".to_string(), full(AssetKind::Dataset)),
        ("model".to_string(), full(AssetKind::Model)),
        ("agent".to_string(), full(AssetKind::Agent)),
    ];
    let verdicts = accepted(&dossiers);
    let count = |document: &str, kind: &str| verdicts[document].0.count(kind);

    // 6 derivations and the second version's revision; 2 of the 8 edges are influences.
    assert_eq!(count("dataset prov-json", "Derivation"), 6 + 1);
    assert_eq!(count("dataset prov-json", "Alternate"), 1);
    // The registration, the fine-tuning's output, three submissions.
    assert_eq!(count("dataset prov-json", "Generation"), 1 + 1 + 3);
    // The asset and 6 others, 2 versions, 2 terms, 3 submissions, 1 output.
    assert_eq!(count("dataset prov-json", "Entity"), 7 + 2 + 2 + 3 + 1);
    // Only where both are agents did one act for the other: the model that an agent called did not, nor did the dataset that called one.
    assert_eq!(count("dataset prov-json", "Delegation"), 0);
    assert_eq!(count("agent prov-json", "Delegation"), 2);
    assert_eq!(count("dataset prov-json", "Communication"), 1);

    assert_eq!(count("dataset croissant", "distribution"), 2);
    assert_eq!(count("dataset croissant", "creator"), 1);
    assert_eq!(count("dataset croissant", "license"), 2);
    // Two datasets and a model; the mirror is the same dataset elsewhere.
    assert_eq!(count("dataset croissant", "isBasedOn"), 3);
    assert_eq!(count("dataset croissant", "sameAs"), 1);

    // The agent that runs on the model is no material of it.
    assert_eq!(count("model cyclonedx", "components"), 5);
    assert_eq!(count("model cyclonedx", "dependencies"), 4 + 2);
    assert_eq!(count("model cyclonedx", "ancestors"), 1);
    assert_eq!(count("model cyclonedx", "licenses"), 2);

    assert_eq!(count("model openlineage", "DatasetEvent"), 1);
    assert_eq!(count("model openlineage", "runs"), 4);
    // 4 begin, 3 end, 1 was challenged and the challenge decided.
    assert_eq!(count("model openlineage", "RunEvent"), 4 + 3 + 1);
    // 8 edges, of which an execution backs one.
    assert_eq!(count("model openlineage", "JobEvent"), 7);
}

#[test]
fn a_large_lineage_is_accepted() {
    let dossiers = [
        ("dataset".to_string(), huge(AssetKind::Dataset, 100)),
        ("model".to_string(), huge(AssetKind::Model, 100)),
    ];
    let verdicts = accepted(&dossiers);
    assert_eq!(verdicts["model openlineage"].0.count("runs"), 104);
    assert_eq!(verdicts["model cyclonedx"].0.count("components"), 5 + 101);
    let (verdict, document) = &verdicts["model prov-json"];
    same_records(verdict, document);
}

#[test]
fn random_dossiers_are_accepted() {
    let mut dossiers = Vec::new();
    for seed in 0..40 {
        let kind = AssetKind::ALL[(seed % 7) as usize];
        dossiers.push((format!("seed {seed} {}", kind.as_str()), Maker::new(seed).dossier(kind)));
    }
    for (name, (verdict, document)) in &accepted(&dossiers) {
        if name.ends_with("prov-json") {
            same_records(verdict, document);
        }
    }
}

/// Which of SPDX's identifiers CycloneDX 1.6 takes is a list of ours, because its schema is older than SPDX's list.
#[test]
fn spdx_identifiers_are_given_where_the_schema_knows_them() {
    let mut dossier = bare(AssetKind::Model);
    dossier.licenses = spdx::identifiers::LICENSES
        .iter()
        .zip(1..)
        .map(|(listed, number)| license(number, listed.name, ""))
        .collect();
    let verdicts = accepted(&[("all".to_string(), dossier)]);
    let document: Value = serde_json::from_str(&verdicts["all cyclonedx"].1).expect("JSON");
    let licenses = document["metadata"]["component"]["licenses"]
        .as_array()
        .expect("licences");
    let (known, unknown): (Vec<&Value>, Vec<&Value>) = licenses
        .iter()
        .partition(|license| license["license"].get("id").is_some());
    assert!(known.len() > 700, "{} identifiers are known", known.len());
    let claimed: Vec<(String, Format, String)> = unknown
        .into_iter()
        .map(|license| {
            let name = license["license"]["name"].as_str().expect("a name");
            let mut document = document.clone();
            document["metadata"]["component"]["licenses"] = json!([{ "license": { "id": name } }]);
            (name.to_string(), Format::CycloneDx, document.to_string())
        })
        .collect();
    let needless: Vec<Verdict> = validate(&claimed)
        .into_iter()
        .filter(|verdict| verdict.errors.is_empty())
        .collect();
    assert_eq!(needless, [], "known to the schema and yet given as names");
}

/// One expression stands alone; beside another licence it is a name.
#[test]
fn spdx_expressions_stand_alone() {
    let mut dossier = bare(AssetKind::Model);
    dossier.licenses = vec![license(1, "MIT OR Apache-2.0", "")];
    let mut several = dossier.clone();
    several.licenses.push(license(2, "mit", ""));
    let verdicts = accepted(&[("one".to_string(), dossier), ("several".to_string(), several)]);
    let licenses = |name: &str| -> Value {
        let document: Value = serde_json::from_str(&verdicts[name].1).expect("JSON");
        document["metadata"]["component"]["licenses"].clone()
    };
    assert_eq!(
        licenses("one cyclonedx"),
        json!([{ "acknowledgement": "declared", "expression": "MIT OR Apache-2.0" }])
    );
    assert_eq!(
        licenses("several cyclonedx"),
        json!([
            { "license": { "acknowledgement": "declared", "name": "MIT OR Apache-2.0" } },
            { "license": { "acknowledgement": "declared", "name": "mit" } },
        ])
    );
}

/// What a metadata document states is said where no terms are attached, and never beside terms, which are what holds.
#[test]
fn a_stated_licence_gives_way_to_terms() {
    let stated = |kind: AssetKind, text: &str| {
        let mut dossier = bare(kind);
        dossier.asset.stated_licence = Some(text.into());
        dossier
    };
    let mut attached = stated(AssetKind::Dataset, "MIT");
    attached.licenses = vec![license(1, "Apache-2.0", "")];
    let verdicts = accepted(&[
        ("data".to_string(), stated(AssetKind::Dataset, "CC-BY-4.0")),
        (
            "model".to_string(),
            stated(AssetKind::Model, "Llama 2 Community License"),
        ),
        ("attached".to_string(), attached),
    ]);
    let document = |name: &str| -> Value { serde_json::from_str(&verdicts[name].1).expect("JSON") };
    let page = |id: &str| json!([format!("https://spdx.org/licenses/{id}")]);
    assert_eq!(document("data croissant")["license"], page("CC-BY-4.0"));
    assert_eq!(document("attached croissant")["license"], page("Apache-2.0"));
    assert_eq!(
        document("model cyclonedx")["metadata"]["component"]["licenses"],
        json!([{ "license": { "acknowledgement": "declared", "name": "Llama 2 Community License" } }])
    );
}

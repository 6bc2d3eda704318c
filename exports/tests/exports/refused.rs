//! The libraries do refuse: a document with one thing wrong is not accepted. Without this the tests of acceptance would show nothing.

use serde_json::{Value, json};
use souk_exports::{Format, export};
use souk_schema::event::AssetKind;

use crate::dossiers::full;
use crate::validators::validate;

/// The document of a full dossier, changed at a place of the JSON. For OpenLineage it is the line of that number.
fn broken(format: Format, line: usize, change: impl Fn(&mut Value)) -> String {
    let kind = match format {
        Format::CycloneDx => AssetKind::Model,
        _ => AssetKind::Dataset,
    };
    let document = export(&full(kind), format).expect("exported");
    if format != Format::OpenLineage {
        let mut value: Value = serde_json::from_str(&document).expect("JSON");
        change(&mut value);
        return value.to_string();
    }
    let mut lines: Vec<String> = document.lines().map(str::to_string).collect();
    let mut value: Value = serde_json::from_str(&lines[line]).expect("JSON");
    change(&mut value);
    lines[line] = value.to_string();
    lines.join("\n")
}

fn set(pointer: &'static str, value: Value) -> impl Fn(&mut Value) {
    move |document| *document.pointer_mut(pointer).expect(pointer) = value.clone()
}

/// A document, with what is wrong with it as its name.
type Broken = (String, Format, String);

fn wrong(format: Format, line: usize, name: &str, change: impl Fn(&mut Value)) -> Broken {
    (name.to_string(), format, broken(format, line, change))
}

fn prov_json() -> Vec<Broken> {
    let wrong = |name, pointer, value| wrong(Format::ProvJson, 0, name, set(pointer, value));
    let used = "/wasDerivedFrom/_:wasDerivedFrom1/prov:usedEntity";
    let block = "/wasDerivedFrom/_:wasDerivedFrom1/souk:block";
    vec![
        wrong("an undeclared prefix", "/prefix", json!({ "eip155": "eip155:" })),
        wrong("a derivation from nothing", used, json!("souk:nothing")),
        wrong("a number where a name belongs", used, json!(7)),
        wrong(
            "a time that is none",
            "/wasGeneratedBy/_:wasGeneratedBy1/prov:time",
            json!("yesterday"),
        ),
        wrong("a typed value without a value", block, json!({ "type": "xsd:integer" })),
    ]
}

fn croissant() -> Vec<Broken> {
    let wrong = |name, pointer, value| wrong(Format::Croissant, 0, name, set(pointer, value));
    vec![
        wrong(
            "another version",
            "/conformsTo",
            json!("http://mlcommons.org/croissant/7"),
        ),
        wrong("another context", "/@context/recordSet", json!("sc:recordSet")),
        wrong("another vocabulary", "/@context/@vocab", json!("http://example.org/")),
        wrong("no dataset", "/@type", json!("sc:Book")),
        wrong("a file without a checksum", "/distribution/0/sha256", Value::Null),
        wrong("a file without a place", "/distribution/0/contentUrl", Value::Null),
    ]
}

fn cyclonedx() -> Vec<Broken> {
    let set_to = |name, pointer, value| wrong(Format::CycloneDx, 0, name, set(pointer, value));
    let reference = "/metadata/component/externalReferences/0/url";
    vec![
        wrong(Format::CycloneDx, 0, "an unknown member", |document| {
            document["metadata"]["colour"] = json!("red");
        }),
        wrong(Format::CycloneDx, 0, "a dependency on nothing", |document| {
            document["dependencies"][0]["dependsOn"] = json!(["nothing"]);
        }),
        set_to(
            "an unknown SPDX id",
            "/metadata/component/licenses/0/license/id",
            json!("NOPE-1.0"),
        ),
        set_to("a reference that is no IRI", reference, json!("https://a b/<>")),
        set_to("a serial number that is none", "/serialNumber", json!("7")),
        set_to("an unknown type", "/components/0/type", json!("ghost")),
    ]
}

fn openlineage() -> Vec<Broken> {
    let wrong = |line, name, change: &dyn Fn(&mut Value)| wrong(Format::OpenLineage, line, name, change);
    vec![
        wrong(1, "a run without a UUID", &set("/run/runId", json!("7"))),
        wrong(
            1,
            "an event's time that is none",
            &set("/eventTime", json!("yesterday")),
        ),
        wrong(1, "an unknown event type", &set("/eventType", json!("DONE"))),
        wrong(2, "a run that starts twice", &set("/eventType", json!("START"))),
        wrong(1, "a facet of another family", &|event| {
            event["run"]["facets"]["jobType"] = event["job"]["facets"]["jobType"].clone();
        }),
        wrong(1, "a facet with an unknown member", &|event| {
            event["job"]["facets"]["jobType"]["colour"] = json!("red");
        }),
        wrong(0, "a facet without a producer", &|event| {
            let facet = event["dataset"]["facets"]["ownership"].as_object_mut();
            facet.expect("a facet").remove("_producer");
        }),
        wrong(0, "an unnamed dataset", &|event| {
            event["dataset"].as_object_mut().expect("a dataset").remove("name");
        }),
    ]
}

#[test]
fn one_wrong_thing_is_enough() {
    let documents = [prov_json(), croissant(), cyclonedx(), openlineage()].concat();
    let passed: Vec<String> = validate(&documents)
        .into_iter()
        .filter(|verdict| verdict.errors.is_empty())
        .map(|verdict| verdict.name)
        .collect();
    assert!(passed.is_empty(), "accepted although broken: {passed:?}");
}

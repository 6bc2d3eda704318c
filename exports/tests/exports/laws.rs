//! What holds of all exports: the same facts give the same bytes, strangers' text stays text, what is not described is refused.

use serde_json::Value;
use souk_exports::{ExportError, Format, UnknownFormat, export};
use souk_schema::event::AssetKind;

use crate::dossiers::{bare, full, hostile};
use crate::random::Maker;

#[test]
fn the_order_of_lists_does_not_matter() {
    for seed in 0..60 {
        let mut maker = Maker::new(seed);
        let kind = AssetKind::ALL[(seed % 7) as usize];
        let dossier = maker.dossier(kind);
        let mut shuffled = dossier.clone();
        maker.shuffle(&mut shuffled);
        for format in Format::ALL {
            assert_eq!(
                export(&dossier, format),
                export(&shuffled, format),
                "seed {seed}, {format}"
            );
        }
    }
}

#[test]
fn another_block_is_another_document() {
    let dossier = full(AssetKind::Model);
    let mut later = dossier.clone();
    later.snapshot.block.hash = later.asset.registered.block.hash;
    for format in [Format::ProvJson, Format::CycloneDx, Format::OpenLineage] {
        assert_ne!(export(&dossier, format), export(&later, format), "{format}");
    }
}

/// Goes through every string of a document.
fn strings(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, visit)),
        Value::Object(members) => {
            for (name, value) in members {
                visit(name);
                strings(value, visit);
            }
        }
        _ => {}
    }
}

#[test]
fn no_string_carries_what_deceives() {
    for kind in AssetKind::ALL {
        for format in Format::ALL.into_iter().filter(|format| format.describes(*kind)) {
            let document = export(&hostile(*kind), format).expect("exported");
            for value in serde_json::Deserializer::from_str(&document).into_iter::<Value>() {
                strings(&value.expect("JSON"), &mut |text| {
                    let bad = |character: char| {
                        character.is_control() || "\u{202e}\u{feff}\u{ffff}\u{2028}".contains(character)
                    };
                    assert!(!text.contains(bad), "{format}: {text:?}");
                });
            }
        }
    }
}

/// The members of a document that a reader follows as links.
#[test]
fn no_link_runs_anything() {
    let links = ["url", "contentUrl", "uri", "@id"];
    for kind in [AssetKind::Dataset, AssetKind::Model] {
        for format in Format::ALL.into_iter().filter(|format| format.describes(kind)) {
            let document = export(&hostile(kind), format).expect("exported");
            for line in document.lines() {
                let is_link = links.iter().any(|name| line.contains(&format!("\"{name}\":")));
                assert!(!(is_link && line.contains(": \"javascript:")), "{format}: {line}");
                assert!(!line.contains("{\"$\": \"javascript:"), "{format}: {line}");
            }
        }
    }
}

#[test]
fn what_is_not_described_is_refused() {
    for kind in AssetKind::ALL.iter().copied() {
        for format in Format::ALL {
            let outcome = export(&bare(kind), format);
            match format.describes(kind) {
                true => assert!(outcome.is_ok_and(|document| document.ends_with('\n'))),
                false => assert_eq!(outcome, Err(ExportError::WrongKind { format, kind })),
            }
        }
    }
    let error = export(&bare(AssetKind::Agent), Format::Croissant).expect_err("an agent is no dataset");
    assert_eq!(
        error.to_string(),
        "croissant describes datasets only, and this asset is an agent"
    );
}

#[test]
fn a_time_beyond_the_calendar_is_left_out_or_refused() {
    let mut dossier = full(AssetKind::Model);
    dossier.executions[0].requested.time_secs = u64::MAX;
    let error = ExportError::TimeOutOfRange {
        format: Format::OpenLineage,
        secs: u64::MAX,
    };
    assert_eq!(export(&dossier, Format::OpenLineage), Err(error));
    assert!(export(&dossier, Format::ProvJson).is_ok());
    dossier.snapshot.time_secs = u64::MAX;
    let document = export(&dossier, Format::CycloneDx).expect("exported");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(document["metadata"].get("timestamp"), None);
}

#[test]
fn formats_have_names() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert_eq!("pdf".parse::<Format>(), Err(UnknownFormat("pdf".to_string())));
}

/// Byte for byte, so that a change of the output is seen: tools compare these documents.
#[test]
fn the_least_document_is_this() {
    let document = export(&bare(AssetKind::Compute), Format::OpenLineage).expect("exported");
    let expected = concat!(
        r#"{"dataset":{"facets":{"datasetType":{"_producer":"urn:souk:exports:0.1.0","_schemaURL":"https://openlineage.io/spec/facets/"#,
        r#"1-0-1/DatasetTypeDatasetFacet.json#/$defs/DatasetTypeDatasetFacet","datasetType":"COMPUTE"},"documentation":{"_producer":"#,
        r#""urn:souk:exports:0.1.0","_schemaURL":"https://openlineage.io/spec/facets/1-1-0/DocumentationDatasetFacet.json#/$defs/"#,
        r#"DocumentationDatasetFacet","description":"Bare"},"ownership":{"_producer":"urn:souk:exports:0.1.0","_schemaURL":"#,
        r#""https://openlineage.io/spec/facets/1-0-1/OwnershipDatasetFacet.json#/$defs/OwnershipDatasetFacet","owners":[{"name":"#,
        r#""eip155:31337:0x0000000000000000000000000000000000000001","type":"CREATOR"}]},"tags":{"_producer":"urn:souk:exports:0.1.0","#,
        r#""_schemaURL":"https://openlineage.io/spec/facets/1-0-0/TagsDatasetFacet.json#/$defs/TagsDatasetFacet","tags":["#,
        r#"{"key":"as-of-chain","source":"SOUK","value":"eip155:31337"},{"key":"as-of-block","source":"SOUK","value":"9999"},"#,
        r#"{"key":"as-of-block-hash","source":"SOUK","value":"0x6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db628e"},"#,
        r#"{"key":"chain","source":"SOUK","value":"eip155:31337"},{"key":"block","source":"SOUK","value":"1"},"#,
        r#"{"key":"block-hash","source":"SOUK","value":"0x2492492492492492492492492492492492492492492492492492492492492492"},"#,
        r#"{"key":"transaction","source":"SOUK","value":"0x4924924924924924924924924924924924924924924924924924924924924924"},"#,
        r#"{"key":"log-index","source":"SOUK","value":"1"}]}},"name":"erc721:0x00000000000000000000000000000000000000a1/1","#,
        r#""namespace":"eip155:31337"},"eventTime":"2025-02-01T08:53:20Z","producer":"urn:souk:exports:0.1.0","schemaURL":"#,
        r#""https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent"}"#,
        "\n",
    );
    assert_eq!(document, expected);
}

//! The schema: as committed, described throughout.

use serde_json::Value;

use crate::fixture::*;

#[test]
fn the_committed_schema_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let served = souk_api::graphql::sdl();
    if committed != served {
        std::fs::write(path, &served).unwrap();
        panic!("the schema changed: api/schema.graphql is written anew, look at the difference and commit it");
    }
}

#[tokio::test]
async fn every_type_field_argument_and_value_is_described() {
    let souk = Souk::start().await;
    let query = "{ __schema { types { name description fields { name description args { name description } } inputFields { name description } enumValues { name description } } } }";
    let data = souk.ask(query).await;
    let mut missing = Vec::new();
    let mut look = |path: &str, item: &Value| {
        let text = item["description"].as_str().unwrap_or_default();
        if text.len() < 5 || !text.ends_with(['.', '`', ')']) {
            missing.push(format!("{path}: {text:?}"));
        }
    };
    for kind in data["__schema"]["types"].as_array().unwrap() {
        let name = kind["name"].as_str().unwrap();
        if name.starts_with("__") || name == "ID" {
            continue;
        }
        look(name, kind);
        for list in ["fields", "inputFields", "enumValues"] {
            for item in kind[list].as_array().into_iter().flatten() {
                let path = format!("{name}.{}", item["name"].as_str().unwrap());
                look(&path, item);
                for argument in item["args"].as_array().into_iter().flatten() {
                    look(&format!("{path}({})", argument["name"].as_str().unwrap()), argument);
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} without a description:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

#[tokio::test]
async fn every_error_code_is_documented_in_the_schema() {
    let souk = Souk::start().await;
    let data = souk.ask("{ meta { errorCodes { code meaning } } }").await;
    let codes = data["meta"]["errorCodes"].as_array().unwrap();
    assert_eq!(codes.len(), souk_api::error::ErrorCode::ALL.len());
    for (listed, code) in codes.iter().zip(souk_api::error::ErrorCode::ALL) {
        assert_eq!(listed["code"], code.as_str(), "the enum spells it as errors do");
    }
}

#[test]
fn every_error_code_is_documented_in_the_readme() {
    let readme = include_str!("../../README.md");
    for code in souk_api::error::ErrorCode::ALL {
        assert!(
            readme.contains(&format!("`{}`", code.as_str())),
            "{} is not in api/README.md",
            code.as_str()
        );
    }
}

//! Every format of a running instance's documents, over HTTP and by `souk export`: the same bytes, and what the formats' own libraries accept.

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::Value;
use souk_exports::Format;

use crate::program::{Souk, ask, run};

#[path = "../../../exports/tests/exports/validators.rs"]
mod validators;

/// Assets of each kind that are looked at.
const OF_A_KIND: usize = 3;

/// Fetches documents of the demo's datasets, models and agents as of one block.
pub async fn every_format(souk: &Souk) -> Result<()> {
    let known = ask(
        &souk.url,
        "{ chains { head { number } } assets(first: 100) { nodes { assetId kind } } }",
    )
    .await?;
    let block = match &known["chains"][0]["head"]["number"] {
        Value::String(number) => number.clone(),
        number => number.to_string(),
    };
    let mut documents = Vec::new();
    for kind in ["DATASET", "MODEL", "AGENT"] {
        let nodes = known["assets"]["nodes"].as_array().context("no assets")?;
        let of_kind = nodes.iter().filter(|node| node["kind"] == kind).take(OF_A_KIND);
        let of_kind: Vec<&str> = of_kind.filter_map(|node| node["assetId"].as_str()).collect();
        ensure!(!of_kind.is_empty(), "the demo has no {kind}");
        for asset in of_kind {
            for format in Format::ALL {
                let is_of_kind = match format {
                    Format::Croissant => kind == "DATASET",
                    Format::CycloneDx => kind != "DATASET",
                    Format::ProvJson | Format::OpenLineage => true,
                };
                if let Some(document) = document(souk, asset, format, &block).await? {
                    documents.push((format!("{asset} {format}"), format, document));
                    ensure!(is_of_kind, "{format} of a {kind}");
                } else {
                    ensure!(!is_of_kind, "no {format} of a {kind}");
                }
            }
        }
    }
    let verdicts = tokio::task::spawn_blocking(move || validators::validate(&documents)).await?;
    for verdict in &verdicts {
        ensure!(verdict.errors.is_empty(), "{verdict:?}");
    }
    let entities: u64 = verdicts.iter().map(|verdict| verdict.count("Entity")).sum();
    ensure!(entities > 10, "{entities} entities in all documents");
    Ok(())
}

/// A document, the same both ways; `None` where both refuse it.
async fn document(souk: &Souk, asset: &str, format: Format, block: &str) -> Result<Option<String>> {
    let address = format!("{}/export/{format}?asset={asset}&block={block}", souk.url);
    let answer = reqwest::get(&address).await?;
    let (status, media) = (answer.status(), answer.headers().get("content-type").cloned());
    let text = answer.text().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("document").display().to_string();
    let (name, at) = (format.as_str(), ["--block", block, "--url", &souk.url]);
    let printed = run(&[&["export", asset, "--format", name][..], &at].concat()).await?;
    let written = run(&[&["export", asset, "--format", name, "-o", &file][..], &at].concat()).await?;
    if status == StatusCode::BAD_REQUEST {
        ensure!(printed.code != 0 && written.code != 0, "{address}: {text}, {printed:?}");
        return Ok(None);
    }
    ensure!(status == StatusCode::OK, "{address}: {status} {text}");
    ensure!(media.is_some_and(|media| media == format.media_type()), "{address}");
    ensure!(printed.code == 0 && written.code == 0, "{printed:?} {written:?}");
    ensure!(
        std::fs::read_to_string(&file)? == text,
        "{address}: the file is another"
    );
    ensure!(
        printed.out.trim_end() == text.trim_end(),
        "{address}: what is printed is another"
    );
    Ok(Some(text))
}

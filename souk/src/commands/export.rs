//! `souk export`: what is known of an asset, as a document that other tools read. A running instance makes it.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::say;
use crate::cli::ExportArgs;
use crate::instance::DataDir;

/// Fetches the document and writes it.
///
/// # Errors
/// One line for an asset or format that the instance does not have.
pub async fn run(args: &ExportArgs, dir: &DataDir) -> Result<()> {
    let url = match &args.url {
        Some(url) => url.to_string(),
        None => dir.running()?.url,
    };
    let mut query = vec![("asset", args.asset.clone())];
    query.extend(args.block.map(|block| ("block", block.to_string())));
    let address = format!("{}/export/{}", url.trim_end_matches('/'), args.format);
    let address = reqwest::Url::parse_with_params(&address, query).with_context(|| format!("--url {url}"))?;
    let answer = reqwest::get(address)
        .await
        .with_context(|| format!("{url} does not answer"))?;
    let is_document = answer.status().is_success();
    let text = answer
        .text()
        .await
        .with_context(|| format!("{url} does not answer to the end"))?;
    if !is_document {
        let error: Value = serde_json::from_str(&text).unwrap_or_default();
        bail!(
            "{}",
            error["error"]["message"]
                .as_str()
                .unwrap_or("the instance makes no such document")
        );
    }
    match &args.output {
        Some(file) => std::fs::write(file, text).with_context(|| format!("--output {}", file.display()))?,
        None => say(text.trim_end()),
    }
    Ok(())
}

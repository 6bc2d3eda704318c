//! Keys that work for our contracts: from a file, else from an environment variable. Never from the command line, never logged.

use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use souk_contracts::dev;
use souk_settlement::{AdminSigner, CosignerKey, KeyError, OperatorSigner, ProposerSigner};

/// The operator's key, if one is given.
///
/// # Errors
/// One line for a file or variable that holds no key.
pub fn operator(file: Option<&Path>) -> Result<Option<OperatorSigner>> {
    key(
        "SOUK_OPERATOR_KEY",
        file,
        OperatorSigner::from_file,
        OperatorSigner::from_text,
    )
}

/// The co-signer's key, if one is given.
///
/// # Errors
/// One line for a file or variable that holds no key.
pub fn cosigner(file: Option<&Path>) -> Result<Option<CosignerKey>> {
    key(
        "SOUK_COSIGNER_KEY",
        file,
        CosignerKey::from_file,
        CosignerKey::from_text,
    )
}

/// The vault's owner's key, if one is given.
///
/// # Errors
/// One line for a file or variable that holds no key.
pub fn admin(file: Option<&Path>) -> Result<Option<AdminSigner>> {
    key("SOUK_ADMIN_KEY", file, AdminSigner::from_file, AdminSigner::from_text)
}

/// The payout distributor's proposer's key, if one is given.
///
/// # Errors
/// One line for a file or variable that holds no key.
pub fn proposer(file: Option<&Path>) -> Result<Option<ProposerSigner>> {
    key(
        "SOUK_PROPOSER_KEY",
        file,
        ProposerSigner::from_file,
        ProposerSigner::from_text,
    )
}

/// The co-signer of every dev chain.
///
/// # Errors
/// Never for that key.
pub fn dev_cosigner() -> Result<CosignerKey> {
    let key = PrivateKeySigner::from_bytes(&dev::COSIGNER_KEY).context("the dev chain's well-known key")?;
    Ok(key.into())
}

/// The proposer of every dev chain.
///
/// # Errors
/// Never for that key.
pub fn dev_proposer() -> Result<ProposerSigner> {
    let key = PrivateKeySigner::from_bytes(&dev::PROPOSER_KEY).context("the dev chain's well-known key")?;
    Ok(key.into())
}

/// The owner of every dev chain's vault.
///
/// # Errors
/// Never for that key.
pub fn dev_admin() -> Result<AdminSigner> {
    let key = PrivateKeySigner::from_bytes(&dev::ADMIN_KEY).context("the dev chain's well-known key")?;
    Ok(key.into())
}

fn key<K>(
    variable: &str,
    file: Option<&Path>,
    from_file: impl FnOnce(&Path) -> Result<K, KeyError>,
    from_text: impl FnOnce(&str, &str) -> Result<K, KeyError>,
) -> Result<Option<K>> {
    if let Some(file) = file {
        return Ok(Some(from_file(file)?));
    }
    match std::env::var(variable) {
        Ok(text) => Ok(Some(from_text(variable, &text)?)),
        Err(_) => Ok(None),
    }
}

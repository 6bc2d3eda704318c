//! What is known of one asset, as documents that other tools read: PROV-JSON, Croissant, a CycloneDX ML-BOM, OpenLineage events.
//!
//! Pure: a [`Dossier`] goes in, text comes out, and the same dossier gives the same bytes whatever the order of its lists. Nothing is
//! invented: what the dossier does not know is left out of the document, and where a format demands what cannot be known, the page of
//! that format says what stands in for it. Text of strangers (names, URIs, reasons) is cleaned before it is written; the identifiers in
//! a document are made of numbers, addresses and hashes only. Nothing here reads a clock, a table or a network. Start with [`export`].

#![deny(clippy::disallowed_methods)]

pub mod dossier;

mod croissant;
mod cyclonedx;
mod json;
mod licence;
mod name;
mod openlineage;
mod prov;
mod text;
mod view;

use std::fmt;
use std::str::FromStr;

use souk_schema::event::AssetKind;

pub use dossier::Dossier;

/// A document that an asset can be exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// W3C PROV in its JSON serialisation: who made what of what, and by which events. For every asset.
    ProvJson,
    /// MLCommons Croissant 1.1, JSON-LD. For datasets.
    Croissant,
    /// CycloneDX 1.6 as a bill of materials of machine learning. For models, adapters, agents and applications.
    CycloneDx,
    /// OpenLineage 2-0-2 events, one JSON object a line. For every asset.
    OpenLineage,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 4] = [
        Format::ProvJson,
        Format::Croissant,
        Format::CycloneDx,
        Format::OpenLineage,
    ];

    /// The format's name in commands and URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::ProvJson => "prov-json",
            Format::Croissant => "croissant",
            Format::CycloneDx => "cyclonedx",
            Format::OpenLineage => "openlineage",
        }
    }

    /// The media type of the document.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::ProvJson => "application/json",
            Format::Croissant => "application/ld+json; profile=\"http://mlcommons.org/croissant/1.1\"",
            Format::CycloneDx => "application/vnd.cyclonedx+json; version=1.6",
            Format::OpenLineage => "application/x-ndjson",
        }
    }

    /// How the name of a file with such a document ends, without a leading dot.
    pub fn file_suffix(self) -> &'static str {
        match self {
            Format::ProvJson => "prov.json",
            Format::Croissant => "croissant.json",
            Format::CycloneDx => "cdx.json",
            Format::OpenLineage => "openlineage.ndjson",
        }
    }

    /// Whether assets of this kind can be exported so.
    pub fn describes(self, kind: AssetKind) -> bool {
        match self {
            Format::ProvJson | Format::OpenLineage => true,
            Format::Croissant => kind == AssetKind::Dataset,
            Format::CycloneDx => matches!(
                kind,
                AssetKind::Model | AssetKind::Adapter | AssetKind::Agent | AssetKind::Application
            ),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Format, UnknownFormat> {
        Format::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| UnknownFormat(text.chars().take(40).collect()))
    }
}

/// A text that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no export format: the formats are prov-json, croissant, cyclonedx and openlineage")]
pub struct UnknownFormat(pub String);

/// Why there is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The format does not describe assets of this kind. Ask for another format.
    #[error("{format} describes {}, and this asset is {}", described(*format), noun(*kind))]
    WrongKind {
        /// What was asked for.
        format: Format,
        /// What the asset is.
        kind: AssetKind,
    },
    /// The chain gave a block a time that no calendar has, and the format demands a date there.
    #[error("the block time {secs} (seconds since 1970) lies after the year 9999, which {format} cannot express")]
    TimeOutOfRange {
        /// What was asked for.
        format: Format,
        /// The time, in seconds since 1970.
        secs: u64,
    },
}

fn described(format: Format) -> &'static str {
    match format {
        Format::ProvJson | Format::OpenLineage => "every asset",
        Format::Croissant => "datasets only",
        Format::CycloneDx => "models, adapters, agents and applications only",
    }
}

fn noun(kind: AssetKind) -> &'static str {
    match kind {
        AssetKind::Dataset => "a dataset",
        AssetKind::Model => "a model",
        AssetKind::Adapter => "an adapter",
        AssetKind::Agent => "an agent",
        AssetKind::KnowledgeBase => "a knowledge base",
        AssetKind::Compute => "computing capacity",
        AssetKind::Application => "an application",
    }
}

/// Writes what is known of an asset as a document of the given format.
///
/// # Errors
/// [`ExportError::WrongKind`] where the format does not describe such assets, [`ExportError::TimeOutOfRange`] where it demands a date
/// and the chain's is none.
pub fn export(dossier: &Dossier, format: Format) -> Result<String, ExportError> {
    let kind = dossier.asset.kind;
    if !format.describes(kind) {
        return Err(ExportError::WrongKind { format, kind });
    }
    let view = view::View::of(dossier);
    match format {
        Format::ProvJson => Ok(prov::document(&view)),
        Format::Croissant => Ok(croissant::document(&view)),
        Format::CycloneDx => Ok(cyclonedx::document(&view)),
        Format::OpenLineage => openlineage::document(&view),
    }
}

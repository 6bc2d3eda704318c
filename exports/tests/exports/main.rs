//! Exports are read by the libraries that others read them with: W3C PROV's, MLCommons', CycloneDX's and OpenLineage's.

mod accepted;
mod dossiers;
mod laws;
mod random;
mod refused;
mod validators;

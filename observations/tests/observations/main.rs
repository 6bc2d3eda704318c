//! Documents of strangers: fetched from servers that misbehave, and kept up with chains that reorganise. Attestations: asked of nodes that
//! do not know, do not answer, or lie.

mod attesting;
mod chain;
mod fetching;
mod following;
mod server;
mod support;

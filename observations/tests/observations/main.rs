//! Documents of strangers: fetched from servers that misbehave, and kept up with chains that reorganise.

mod chain;
mod fetching;
mod following;
mod server;
mod support;

//! What one request, one connection and one client may ask for. Pure: times come in, decisions go out.

pub mod budget;
pub mod document;

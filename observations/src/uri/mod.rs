//! What a URI on a chain asks for. Pure.
//!
//! Three kinds are fetched: `https:` and `http:` by their servers, `ipfs:` by a gateway, and `data:` from itself. Whether this installation
//! is allowed to is [`crate::fetch::Policy`]'s to say.

mod data;

use souk_schema::observation::FailureKind;
use url::Url;

use crate::cid::Cid;

/// The longest URI that is asked for, in bytes; a `data:` URI may be as long as its document makes it.
pub const MAX_URI_BYTES: usize = 4_096;

/// What a URI asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A web server.
    Web(Url),
    /// Content of IPFS, by any gateway.
    Ipfs(IpfsPath),
    /// The URI is the document.
    Data(Vec<u8>),
}

/// Something in IPFS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpfsPath {
    /// Its content id, or that of the folder that it is in.
    pub cid: Cid,
    /// Where it is in that folder: percent-encoded, beginning with a slash; empty for the content itself.
    pub path: String,
}

/// A URI that nothing can be fetched by, whoever tries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct InvalidUri {
    /// In a word.
    pub kind: FailureKind,
    /// For a person.
    pub detail: String,
}

impl InvalidUri {
    fn new(kind: FailureKind, detail: impl Into<String>) -> InvalidUri {
        InvalidUri {
            kind,
            detail: detail.into(),
        }
    }

    fn malformed(detail: impl Into<String>) -> InvalidUri {
        InvalidUri::new(FailureKind::Malformed, detail)
    }
}

impl Source {
    /// Reads a URI. A document within it may have `max_bytes`.
    ///
    /// # Errors
    /// [`InvalidUri`], with [`FailureKind::Unsupported`] for what is no URI of a kind that is fetched, [`FailureKind::Malformed`] for what its
    /// scheme does not allow, and [`FailureKind::TooLarge`].
    pub fn parse(uri: &str, max_bytes: usize) -> Result<Source, InvalidUri> {
        let uri = uri.trim();
        let unsupported = |scheme: &str| {
            let detail = format!("`{scheme}` is fetched by nobody here: https, http, ipfs and data are");
            InvalidUri::new(FailureKind::Unsupported, detail)
        };
        let (scheme, rest) = uri
            .split_once(':')
            .filter(|(scheme, _)| is_scheme(scheme))
            .ok_or_else(|| InvalidUri::new(FailureKind::Unsupported, "it is no URI: it names no scheme"))?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme == "data" {
            return data::read(rest, max_bytes).map(Source::Data);
        }
        if uri.len() > MAX_URI_BYTES {
            let detail = format!("the URI has {} bytes, more than {MAX_URI_BYTES}", uri.len());
            return Err(InvalidUri::new(FailureKind::TooLarge, detail));
        }
        match scheme.as_str() {
            "https" | "http" => web(uri).map(Source::Web),
            "ipfs" => ipfs(rest).map(Source::Ipfs),
            other => Err(unsupported(other)),
        }
    }
}

/// Whom a URI is asked of: a host, `ipfs:` for a gateway, `None` for nobody. No more than so much is asked of one at once.
pub fn host(uri: &str) -> Option<String> {
    let is_data = uri
        .trim_start()
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    if is_data {
        return None;
    }
    match Source::parse(uri, 0).ok()? {
        Source::Web(url) => url.host_str().map(str::to_string),
        Source::Ipfs(_) => Some("ipfs:".into()),
        Source::Data(_) => None,
    }
}

/// Whether a text is a scheme by RFC 3986.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A web address. One with a user name or a password is refused: whoever reads the chain has it too, and it deceives who reads the URI.
pub fn web(uri: &str) -> Result<Url, InvalidUri> {
    let mut url = Url::parse(uri).map_err(|error| InvalidUri::malformed(error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidUri::malformed("it carries a user name or a password"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// `//<cid>/<path>`; also `//ipfs/<cid>/<path>`, as many write it.
fn ipfs(rest: &str) -> Result<IpfsPath, InvalidUri> {
    let rest = rest.trim_start_matches('/');
    let rest = rest.strip_prefix("ipfs/").unwrap_or(rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (cid, path) = rest.split_once('/').unwrap_or((rest, ""));
    let cid = Cid::parse(cid).map_err(|error| InvalidUri::malformed(error.to_string()))?;
    let mut encoded = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let decoded = data::percent_decoded(segment.as_bytes());
        if decoded == b"." || decoded == b".." {
            return Err(InvalidUri::malformed("its path climbs out of its folder"));
        }
        encoded.push('/');
        for byte in decoded {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
                _ => encoded.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    Ok(IpfsPath { cid, path: encoded })
}

#[cfg(test)]
mod tests;

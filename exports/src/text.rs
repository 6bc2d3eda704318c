//! Text of strangers, made fit for documents.
//!
//! Names, descriptions and URIs come from whoever registered the asset. [`clean`] takes out what no document should carry, [`link`] makes
//! an absolute URI of what looks like one and refuses the rest, which is then quoted as text and never as a link.

/// The schemes that [`link`] lets through: where content is found or named. What runs when it is opened (`javascript:`) is not among them.
const LINK_SCHEMES: [&str; 18] = [
    "ar", "bzz", "data", "did", "ftp", "ftps", "gs", "hf", "http", "https", "ipfs", "ipns", "magnet", "oci", "s3",
    "sftp", "tag", "urn",
];

/// The text without control characters, invisible direction marks and noncharacters; line breaks and tabs become spaces, and spaces at
/// the ends go.
///
/// Direction marks are removed because they let a name be displayed as another than it is.
pub(crate) fn clean(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter_map(|character| match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            _ if character.is_control() => None,
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
            '\u{feff}' | '\u{fdd0}'..='\u{fdef}' => None,
            _ if u32::from(character) & 0xfffe == 0xfffe => None,
            _ => Some(character),
        })
        .collect();
    kept.trim().to_string()
}

/// The cleaned text, or none where nothing of it is left.
pub(crate) fn clean_some(text: &str) -> Option<String> {
    Some(clean(text)).filter(|text| !text.is_empty())
}

/// The text as an absolute URI by RFC 3986, or none where it is not one: a scheme that is known, an authority that is well formed, and
/// everything else percent-encoded where it has to be.
///
/// `https://example.org/a b|c` becomes `https://example.org/a%20b%7Cc`.
pub(crate) fn link(text: &str) -> Option<String> {
    let text = clean(text);
    let (scheme, rest) = text.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    if !LINK_SCHEMES.contains(&scheme.as_str()) || rest.is_empty() {
        return None;
    }
    let (authority, rest) = match rest.strip_prefix("//") {
        None => (None, rest),
        Some(rest) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            (Some(authority(&rest[..end])?), &rest[end..])
        }
    };
    let located = matches!(scheme.as_str(), "http" | "https" | "ftp" | "ftps" | "sftp");
    if located && authority.is_none_or(str::is_empty) {
        return None;
    }
    let (rest, fragment) = match rest.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (rest, None),
    };
    let mut uri = format!("{scheme}:");
    if let Some(authority) = authority {
        uri.push_str("//");
        uri.push_str(authority);
    }
    encode(&mut uri, rest, b"/?:@!$&'()*+,;=%");
    if let Some(fragment) = fragment {
        uri.push('#');
        encode(&mut uri, fragment, b"/?:@!$&'()*+,;=%");
    }
    Some(uri)
}

/// The host and port, if it is a registered name or an IPv4 address with an optional port. User names and passwords are not repeated,
/// and addresses of IPv6 are rare enough to be quoted as text.
fn authority(text: &str) -> Option<&str> {
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    let is_host = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let is_port = port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_host && is_port).then_some(text)
}

/// Appends `text` with every byte percent-encoded that is neither unreserved nor in `kept`. A `%` is kept only before two hex digits.
pub(crate) fn encode(to: &mut String, text: &str, kept: &[u8]) {
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let legal = match byte {
            b'%' => {
                kept.contains(&b'%')
                    && bytes
                        .get(at + 1..at + 3)
                        .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte),
        };
        if legal {
            to.push(char::from(byte));
        } else {
            to.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// A media type like `text/csv`, in lower case and without parameters, or none where it is no such thing.
pub(crate) fn media_type(text: &str) -> Option<String> {
    let essence = text.split(';').next()?.trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/')?;
    let is_token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte))
    };
    (is_token(kind) && is_token(subtype)).then_some(essence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_lose_what_deceives_and_keep_what_they_say() {
        assert_eq!(
            clean("  Ünïcode \u{1F600}\0\u{7}\u{1b}[31m\n x \u{202e}evil\u{fffe} "),
            "Ünïcode \u{1F600}[31m  x evil"
        );
        assert_eq!(clean_some("\0\u{200f}\r\n"), None);
    }

    #[test]
    fn what_is_no_link_is_refused() {
        for text in [
            "",
            "data:",
            "no scheme",
            "javascript:alert(1)",
            "JAVAscript:alert(1)",
            "https://",
            "https:/path",
            "https://[::1]/",
            "https://user:secret@example.org/",
            "https://a b/",
            "https://example.org:port/",
            "../relative",
        ] {
            assert_eq!(link(text), None, "{text}");
        }
    }

    #[test]
    fn links_are_encoded_where_they_must_be() {
        assert_eq!(
            link(" HTTPS://example.org:8080/a b|c/%41%zz?q=[1]#x#y\u{0}").as_deref(),
            Some("https://example.org:8080/a%20b%7Cc/%41%25zz?q=%5B1%5D#x%23y")
        );
        assert_eq!(link("ipfs://bafy/data.csv").as_deref(), Some("ipfs://bafy/data.csv"));
        assert_eq!(
            link("data:application/json,{\"a\":\"ü\"}").as_deref(),
            Some("data:application/json,%7B%22a%22:%22%C3%BC%22%7D")
        );
    }

    #[test]
    fn media_types_are_words() {
        assert_eq!(media_type("Text/CSV; charset=utf-8").as_deref(), Some("text/csv"));
        assert_eq!(media_type("text"), None);
        assert_eq!(media_type("text/c s v"), None);
    }

    proptest! {
        #[test]
        fn a_link_is_a_link_already(text in "(https|ipfs|urn|data)://?\\PC{0,40}") {
            if let Some(uri) = link(&text) {
                let illegal = [' ', '<', '>', '"', '\\', '^', '`', '{', '|', '}'];
                prop_assert!(uri.is_ascii());
                prop_assert!(!uri.contains(illegal));
                prop_assert_eq!(link(&uri), Some(uri));
            }
        }

        #[test]
        fn cleaning_twice_is_cleaning_once(text in any::<String>()) {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once);
        }
    }
}

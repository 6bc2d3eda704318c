//! Whether bytes are a metadata document, and what its few fields are that Souk understands. Pure.
//!
//! A document is a JSON object in UTF-8, of any shape. Its text is a stranger's: what is taken out of it is cleaned and cut.

use serde_json::Value;
use souk_schema::observation::FailureKind;

/// How deeply objects and lists may be nested.
pub const MAX_DEPTH: usize = 64;

/// The longest name that is shown, in characters.
pub const MAX_NAME_CHARS: usize = 200;

/// The longest description that is shown, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 4_000;

/// Bytes that are no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct NoDocument {
    /// In a word.
    pub kind: FailureKind,
    /// For a person.
    pub detail: String,
}

/// What a document says of its asset, as far as Souk understands it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// `name`, or `title`.
    pub name: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `license` or `licence`.
    pub licence: Option<String>,
}

/// Reads a document.
///
/// # Errors
/// [`NoDocument`] for what is not UTF-8, not a JSON object or nested too deeply.
pub fn read(content: &[u8]) -> Result<serde_json::Map<String, Value>, NoDocument> {
    let refuse = |kind, detail: String| Err(NoDocument { kind, detail });
    let text = match std::str::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let detail = format!("it is not UTF-8 at byte {}", error.valid_up_to());
            return refuse(FailureKind::NotUtf8, detail);
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let depth = depth(text);
    if depth > MAX_DEPTH {
        let detail = format!("it is nested {depth} deep, more than {MAX_DEPTH}");
        return refuse(FailureKind::TooDeep, detail);
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => refuse(FailureKind::NotJson, "it is JSON, but not an object".into()),
        Err(error) => refuse(FailureKind::NotJson, format!("it is not JSON: {error}")),
    }
}

/// How deeply brackets outside of strings are nested, at most. What closes more than was opened is no JSON anyway.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest): (usize, usize) = (0, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

impl Fields {
    /// Those of a document.
    pub fn of(document: &serde_json::Map<String, Value>) -> Fields {
        let text = |names: &[&str], most| {
            let found = names.iter().find_map(|name| document.get(*name)?.as_str());
            found.and_then(|text| shown(text, most))
        };
        Fields {
            name: text(&["name", "title"], MAX_NAME_CHARS),
            description: text(&["description"], MAX_DESCRIPTION_CHARS),
            licence: text(&["license", "licence"], MAX_NAME_CHARS),
        }
    }
}

/// A stranger's text as it may be shown: on one line, without what controls a terminal or turns the direction of writing, and cut.
/// `None` where nothing of it is left.
pub fn shown(text: &str, most_chars: usize) -> Option<String> {
    let kept = text.chars().filter_map(|character| match character {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        _ if character.is_control() => None,
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => None,
        _ => Some(character),
    });
    let kept: String = kept.take(most_chars).collect();
    Some(kept.trim().to_string()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(content: &[u8]) -> FailureKind {
        read(content).expect_err("it is no document").kind
    }

    #[test]
    fn fields_are_found_under_the_names_that_people_use() {
        let document = read(
            "\u{feff}{\"title\":\"T\",\"description\":\" a\\nb\\u0000\\u202e \",\"license\":\"MIT\",\"x\":[1e3]}"
                .as_bytes(),
        );
        let fields = Fields::of(&document.expect("it is a document"));
        assert_eq!(fields.name.as_deref(), Some("T"));
        assert_eq!(fields.description.as_deref(), Some("a b"));
        assert_eq!(fields.licence.as_deref(), Some("MIT"));
        let other = read(br#"{"name":7,"title":"","licence":["MIT"]}"#).expect("it is a document");
        assert_eq!(Fields::of(&other), Fields::default());
    }

    #[test]
    fn what_is_no_document_is_named() {
        assert_eq!(refused(b""), FailureKind::NotJson);
        assert_eq!(refused(b"<html>"), FailureKind::NotJson);
        assert_eq!(refused(b"[1]"), FailureKind::NotJson);
        assert_eq!(refused(b"{\"a\":1"), FailureKind::NotJson);
        assert_eq!(refused(b"{\"a\":1e999}"), FailureKind::NotJson);
        assert_eq!(refused(b"{\"a\":\"\xff\"}"), FailureKind::NotUtf8);
    }

    #[test]
    fn depth_is_counted_outside_of_strings_alone() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
        assert_eq!(refused(nested(MAX_DEPTH).as_bytes()), FailureKind::TooDeep);
        assert_eq!(refused(nested(100_000).as_bytes()), FailureKind::TooDeep);
        let quoted = format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(1_000));
        assert!(read(quoted.as_bytes()).is_ok());
    }

    #[test]
    fn a_name_is_cut_and_cannot_turn_the_text_around_it() {
        assert_eq!(
            shown(&"n".repeat(1_000), MAX_NAME_CHARS).expect("some").len(),
            MAX_NAME_CHARS
        );
        assert_eq!(shown("\u{202e}evil\u{1b}[31m", 50).as_deref(), Some("evil[31m"));
        assert_eq!(shown("\u{202e} \u{0}", 50), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), text in "[\\[\\]{}\",:a\\\\ ]{0,60}") {
            let _ = read(&bytes);
            let _ = read(text.as_bytes());
        }
    }
}

//! How large a GraphQL document may be: nesting, fields with fragments written out, aliases.
//!
//! These are checked before validation, whose work can be exponential in a document of nested fragments, and even before parsing,
//! whose recursion a deeply bracketed text would exhaust. Start at [`check_text`], then [`check`].

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use crate::error::{ApiError, ErrorCode};

/// What a document may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentLimits {
    /// Fields within fields.
    pub depth: usize,
    /// Fields in all, every fragment written out wherever it is spread.
    pub fields: usize,
    /// Fields under another name, every fragment written out.
    pub aliases: usize,
}

/// The deepest brackets that are handed to the parser.
const DEEPEST_BRACKETS: usize = 150;

/// Refuses a text that is too deep to parse.
///
/// # Errors
/// `DEPTH_LIMIT`.
pub fn check_text(text: &str) -> Result<(), ApiError> {
    let (mut depth, mut bytes) = (0usize, text.bytes().peekable());
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            // Brackets in comments count for nothing. Those in strings do, which only makes the limit a little stricter.
            b'#' => while bytes.next_if(|byte| !matches!(byte, b'\n' | b'\r')).is_some() {},
            _ => {}
        }
        if depth > DEEPEST_BRACKETS {
            return Err(ApiError::new(
                ErrorCode::DepthLimit,
                format!("the document is nested deeper than {DEEPEST_BRACKETS} brackets"),
            ));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Size {
    depth: usize,
    fields: usize,
    aliases: usize,
}

/// Refuses a document that is larger than the limits. Fragments that spread themselves are left to validation, which refuses them.
///
/// # Errors
/// `DEPTH_LIMIT`, `COST_LIMIT` or `ALIAS_LIMIT`.
pub fn check(document: &ExecutableDocument, limits: &DocumentLimits) -> Result<(), ApiError> {
    let mut sizes = HashMap::new();
    let mut all = Size::default();
    for (_, operation) in document.operations.iter() {
        let size = measure(document, &operation.node.selection_set.node, &mut sizes);
        all = Size {
            depth: all.depth.max(size.depth),
            fields: all.fields.saturating_add(size.fields),
            aliases: all.aliases.saturating_add(size.aliases),
        };
    }
    for name in document.fragments.keys() {
        // Unused fragments are validated too, so their size counts.
        let size = fragment(document, name, &mut sizes);
        all.fields = all.fields.max(size.fields);
        all.depth = all.depth.max(size.depth);
    }
    let Size { depth, fields, aliases } = all;
    if depth > limits.depth {
        return Err(ApiError::new(
            ErrorCode::DepthLimit,
            format!("the query is nested {depth} fields deep; {} are allowed", limits.depth),
        ));
    }
    if fields > limits.fields {
        return Err(ApiError::new(
            ErrorCode::CostLimit,
            format!("the query selects {fields} fields; {} are allowed", limits.fields),
        ));
    }
    if aliases > limits.aliases {
        return Err(ApiError::new(
            ErrorCode::AliasLimit,
            format!("the query has {aliases} aliases; {} are allowed", limits.aliases),
        ));
    }
    Ok(())
}

/// Sizes of fragments by name; `None` while one is being measured, so that a circle ends.
type Sizes = HashMap<String, Option<Size>>;

fn fragment(document: &ExecutableDocument, name: &str, sizes: &mut Sizes) -> Size {
    if let Some(known) = sizes.get(name) {
        return known.unwrap_or_default();
    }
    sizes.insert(name.into(), None);
    let definition = document.fragments.get(name);
    let size = definition
        .map(|definition| measure(document, &definition.node.selection_set.node, sizes))
        .unwrap_or_default();
    sizes.insert(name.into(), Some(size));
    size
}

fn measure(document: &ExecutableDocument, selections: &SelectionSet, sizes: &mut Sizes) -> Size {
    let mut all = Size::default();
    for selection in &selections.items {
        let size = match &selection.node {
            Selection::Field(field) => {
                let inner = measure(document, &field.node.selection_set.node, sizes);
                Size {
                    depth: inner.depth.saturating_add(1),
                    fields: inner.fields.saturating_add(1),
                    aliases: inner.aliases.saturating_add(usize::from(field.node.alias.is_some())),
                }
            }
            Selection::InlineFragment(inline) => measure(document, &inline.node.selection_set.node, sizes),
            Selection::FragmentSpread(spread) => fragment(document, &spread.node.fragment_name.node, sizes),
        };
        all = Size {
            depth: all.depth.max(size.depth),
            fields: all.fields.saturating_add(size.fields),
            aliases: all.aliases.saturating_add(size.aliases),
        };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    const LIMITS: DocumentLimits = DocumentLimits {
        depth: 4,
        fields: 1000,
        aliases: 3,
    };

    fn refused(query: &str) -> Option<ErrorCode> {
        check_text(query)
            .and_then(|()| check(&parse_query(query).unwrap(), &LIMITS))
            .err()
            .map(|error| error.code)
    }

    #[test]
    fn depth_fields_and_aliases_are_limited_through_fragments() {
        assert_eq!(refused("{ a { b { c { d } } } }"), None);
        assert_eq!(refused("{ a { b { c { d { e } } } } }"), Some(ErrorCode::DepthLimit));
        assert_eq!(
            refused("{ a { ...F } } fragment F on T { b { c { d { e } } } }"),
            Some(ErrorCode::DepthLimit)
        );
        assert_eq!(refused("{ a: x b: x c: x }"), None);
        assert_eq!(
            refused("{ a: x b: x ...F } fragment F on T { c: x d: x }"),
            Some(ErrorCode::AliasLimit)
        );
    }

    #[test]
    fn a_fragment_bomb_is_measured_without_writing_it_out() {
        let mut query = String::from("{ ...F0 }");
        for level in 0..60 {
            query += &format!(" fragment F{level} on T {{ ...F{0} ...F{0} }}", level + 1);
        }
        query += " fragment F60 on T { x }";
        assert_eq!(refused(&query), Some(ErrorCode::CostLimit));
        assert_eq!(
            refused("{ ...F } fragment F on T { ...F }"),
            None,
            "a circle ends, and validation refuses it"
        );
    }

    #[test]
    fn a_text_too_deep_for_the_parser_never_reaches_it() {
        for bracket in ["{a", "[", "("] {
            assert_eq!(
                check_text(&bracket.repeat(100_000)).unwrap_err().code,
                ErrorCode::DepthLimit
            );
        }
        assert_eq!(check_text(&format!("{{ a }} # {}", "{".repeat(1000))), Ok(()));
    }
}

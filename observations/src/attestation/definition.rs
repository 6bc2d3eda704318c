//! Reads a schema's definition, such as `bool safe,(address who,string why)[] reports`. Pure.
//!
//! A definition is a stranger's text and was checked by nobody. What is not a list of Solidity types with names is not read, and neither is
//! what could make a little data stand for much: lists within lists, and fixed lists of more than [`MOST_WORDS`] words.

use alloy_dyn_abi::DynSolType;

/// The longest definition that is read, in bytes.
const MAX_BYTES: usize = 4_096;

/// How deeply tuples may be nested.
const MAX_DEPTH: usize = 8;

/// Most words that the fixed part of an attestation's data may have.
const MOST_WORDS: usize = 4_096;

/// A field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameter {
    pub(super) kind: DynSolType,
    /// Empty where the definition gives none.
    pub(super) name: String,
}

/// The fields of a definition; none for what cannot be read. An empty one has no fields.
pub(super) fn read(definition: &str) -> Option<Vec<Parameter>> {
    if definition.len() > MAX_BYTES {
        return None;
    }
    let parameters: Vec<Parameter> = split(definition)?
        .into_iter()
        .map(|text| {
            let (kind, name) = parameter(text, 0)?;
            let kind = DynSolType::parse(&kind).ok()?;
            Some(Parameter {
                kind,
                name: name.to_string(),
            })
        })
        .collect::<Option<_>>()?;
    let words = parameters.iter().try_fold(0_usize, |sum, parameter| {
        sum.checked_add(words(&parameter.kind, false)?)
    })?;
    (words <= MOST_WORDS).then_some(parameters)
}

/// The parts between the commas that are in no bracket.
fn split(text: &str) -> Option<Vec<&str>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let (mut parts, mut begun, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                parts.push(&text[begun..at]);
                begun = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begun..]);
    (depth == 0).then_some(parts)
}

/// The type and the name of a field; names within tuples are left out of the type.
fn parameter(text: &str, depth: usize) -> Option<(String, &str)> {
    let text = text.trim();
    if depth > MAX_DEPTH {
        return None;
    }
    let Some(rest) = text.strip_prefix('(') else {
        let (kind, name) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        // The name that people give to a CID's hash.
        let kind = if kind == "ipfsHash" { "bytes32" } else { kind };
        return Some((kind.to_string(), name.trim()));
    };
    let end = rest.rfind(')')?;
    let (inner, after) = (&rest[..end], &rest[end + 1..]);
    let kinds: Option<Vec<String>> = split(inner)?
        .into_iter()
        .map(|part| Some(parameter(part, depth + 1)?.0))
        .collect();
    let (lists, name) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
    Some((format!("({}){lists}", kinds?.join(",")), name.trim()))
}

/// How many words a type has at least; none for too many, for lists in lists, and for what has no size.
fn words(kind: &DynSolType, in_list: bool) -> Option<usize> {
    let counted = match kind {
        DynSolType::Array(_) | DynSolType::FixedArray(..) if in_list => return None,
        DynSolType::Array(inner) => {
            words(inner, true)?;
            1
        }
        DynSolType::FixedArray(inner, length) => words(inner, true)?.checked_mul(*length)?,
        DynSolType::Tuple(parts) => parts
            .iter()
            .try_fold(0_usize, |sum, part| sum.checked_add(words(part, in_list)?))?,
        _ => 1,
    };
    (1..=MOST_WORDS).contains(&counted).then_some(counted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(definition: &str) -> Option<Vec<String>> {
        let read = read(definition)?;
        Some(
            read.into_iter()
                .map(|parameter| format!("{} {}", parameter.kind, parameter.name))
                .collect(),
        )
    }

    #[test]
    fn definitions_are_read_as_people_write_them() {
        let read = |definition| kinds(definition).expect("it is one");
        assert_eq!(read("bool safe,string report"), ["bool safe", "string report"]);
        assert_eq!(read(" uint256  eventId ,uint8 vote"), ["uint256 eventId", "uint8 vote"]);
        assert_eq!(read("bytes32"), ["bytes32 "]);
        assert_eq!(read("ipfsHash document"), ["bytes32 document"]);
        assert_eq!(
            read("(address who, (uint8 a, bytes b) why)[] reports,uint64[3] times"),
            ["(address,(uint8,bytes))[] reports", "uint64[3] times"]
        );
        assert_eq!(read(""), [""; 0]);
    }

    #[test]
    fn what_is_none_or_could_stand_for_much_is_not_read() {
        for definition in [
            "word name",
            "uint257 a",
            "(bool a",
            "bool a)",
            "bool a,,bool b",
            "uint8[][] a",
            "(uint8[] a)[] b",
            "uint8[5000] a",
            "uint8[99999999999999] a",
            "uint8[0] a",
            "() a",
            "()[] a",
            "(uint8[3000] a,uint8[3000] b) c",
        ] {
            assert_eq!(kinds(definition), None, "{definition}");
        }
        assert_eq!(read(&"bool a,".repeat(1_000)), None);
        assert_eq!(read(&format!("{}bool{} a", "(".repeat(50), ")".repeat(50))), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), built in "[(),\\[\\]a-z0-9 ü]{0,60}") {
            let _ = read(&text);
            let _ = read(&built);
        }
    }
}

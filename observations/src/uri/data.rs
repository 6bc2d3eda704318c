//! `data:` URIs (RFC 2397), read as browsers read them, so that what people see is what is checked. What contracts write is often not
//! percent-encoded as it should be: a `%` that begins no escape stands for itself, and `#` is part of the data.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use souk_schema::observation::FailureKind;

use super::InvalidUri;

/// With padding or without, and whatever the last character's unused bits are: as contracts write it.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The document in `[<media type>][;base64],<data>`.
pub(super) fn read(rest: &str, max_bytes: usize) -> Result<Vec<u8>, InvalidUri> {
    let too_large = || {
        InvalidUri::new(
            FailureKind::TooLarge,
            format!("the document has more than {max_bytes} bytes"),
        )
    };
    let (head, body) = rest
        .split_once(',')
        .ok_or_else(|| InvalidUri::malformed("a data URI has a comma before its data, and this has none"))?;
    // Three characters for a byte at most, so that a longer one is not even decoded.
    if body.len() > max_bytes.saturating_mul(3).saturating_add(16) {
        return Err(too_large());
    }
    let decoded = percent_decoded(body.as_bytes());
    let is_base64 = head
        .rsplit_once(';')
        .is_some_and(|(_, last)| last.trim().eq_ignore_ascii_case("base64"));
    let document = match is_base64 {
        true => base64_decoded(decoded)?,
        false => decoded,
    };
    match document.len() <= max_bytes {
        true => Ok(document),
        false => Err(too_large()),
    }
}

fn base64_decoded(mut text: Vec<u8>) -> Result<Vec<u8>, InvalidUri> {
    text.retain(|byte| !byte.is_ascii_whitespace());
    let is_url_safe = text.iter().any(|byte| b"-_".contains(byte));
    let engine = if is_url_safe { &URL_SAFE } else { &STANDARD };
    engine
        .decode(text)
        .map_err(|error| InvalidUri::malformed(format!("its data is not base64: {error}")))
}

/// The bytes that a percent-encoded text stands for.
pub(super) fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let escaped = match byte {
            b'%' => digit(at + 1).zip(digit(at + 2)),
            _ => None,
        };
        let (byte, length) = match escaped {
            // Two digits of four bits.
            Some((high, low)) => ((high << 4 | low) as u8, 3),
            None => (byte, 1),
        };
        bytes.push(byte);
        at += length;
    }
    bytes
}

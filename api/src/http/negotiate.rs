//! Which media type an answer has, and whether a body may be read: GraphQL over HTTP, to the letter. Pure.

use crate::error::{ApiError, ErrorCode};

/// What an answer is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/graphql-response+json`: the status tells whether the request was executed.
    GraphqlResponse,
    /// `application/json`: every well-formed request has status 200.
    Json,
    /// `text/html`: a person's browser.
    Html,
}

impl Media {
    /// The header.
    pub fn content_type(self) -> &'static str {
        match self {
            Media::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Media::Json => "application/json; charset=utf-8",
            Media::Html => "text/html; charset=utf-8",
        }
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Media::GraphqlResponse => ("application", "graphql-response+json"),
            Media::Json => ("application", "json"),
            Media::Html => ("text", "html"),
        }
    }
}

/// One entry of `Accept`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    quality: u32,
}

/// Chooses what to answer with; `html` says whether a page is to be had. Without the header, and where anything goes, it is JSON.
///
/// # Errors
/// `NOT_ACCEPTABLE` when the client takes none of them.
pub fn choose(accept: Option<&str>, html: bool) -> Result<Media, ApiError> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return Ok(Media::Json);
    };
    let ranges: Vec<Range<'_>> = accept.split(',').filter_map(read_range).collect();
    // Of equal quality, what was named first by its full name wins; JSON is what a wildcard means.
    let offered: &[Media] = if html {
        &[Media::Json, Media::GraphqlResponse, Media::Html]
    } else {
        &[Media::Json, Media::GraphqlResponse]
    };
    let best = offered
        .iter()
        .filter_map(|media| {
            let (kind, subtype) = media.names();
            let exact = ranges
                .iter()
                .position(|range| range.kind == kind && range.subtype == subtype);
            let wild = || {
                ranges
                    .iter()
                    .position(|range| range.kind == kind && range.subtype == "*")
            };
            let any = || {
                ranges
                    .iter()
                    .position(|range| range.kind == "*" && range.subtype == "*")
            };
            let at = exact.or_else(wild).or_else(any)?;
            Some((*media, ranges[at].quality, exact.is_some(), std::cmp::Reverse(at)))
        })
        .filter(|(_, quality, _, _)| *quality > 0)
        .reduce(|best, next| {
            if (next.1, next.2, next.3) > (best.1, best.2, best.3) {
                next
            } else {
                best
            }
        });
    best.map(|(media, ..)| media).ok_or_else(|| {
        let message = "nothing that this client accepts can be answered with: accept `application/graphql-response+json` or `application/json`";
        ApiError::new(ErrorCode::NotAcceptable, message)
    })
}

fn read_range(text: &str) -> Option<Range<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    let mut quality = 1000;
    for parameter in parts {
        let (name, value) = parameter.split_once('=')?;
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => quality = read_quality(value.trim())?,
            // The answer is UTF-8; who wants another charset does not want it.
            "charset" if !is_utf8(value) => return None,
            _ => {}
        }
    }
    Some(Range { kind, subtype, quality })
}

fn read_quality(text: &str) -> Option<u32> {
    let quality: f32 = text.parse().ok()?;
    (0.0..=1.0).contains(&quality).then_some((quality * 1000.0) as u32)
}

fn is_utf8(value: &str) -> bool {
    matches!(
        value.trim().trim_matches('"').to_ascii_lowercase().as_str(),
        "utf-8" | "utf8"
    )
}

/// Refuses a body that is not JSON in UTF-8.
///
/// # Errors
/// `UNSUPPORTED_MEDIA_TYPE`, saying what is expected.
pub fn check_content_type(header: Option<&str>) -> Result<(), ApiError> {
    let refuse = |message: String| Err(ApiError::new(ErrorCode::UnsupportedMediaType, message));
    let Some(header) = header else {
        return refuse("the header Content-Type is missing: send `application/json`".into());
    };
    let mut parts = header.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    if !media.eq_ignore_ascii_case("application/json") {
        let shown: String = media.chars().take(80).collect();
        return refuse(format!("the body is `{shown}`: send `application/json`"));
    }
    let charset = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    match charset {
        Some((_, charset)) if !is_utf8(charset) => refuse("the body's charset is not UTF-8".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_media_type_that_the_client_prefers() {
        let choose = |accept: &str, html| choose(Some(accept), html).map_err(|error| error.code);
        assert_eq!(super::choose(None, true), Ok(Media::Json));
        for (accept, html, expected) in [
            ("*/*", true, Media::Json),
            ("application/*", false, Media::Json),
            ("application/json", true, Media::Json),
            ("application/graphql-response+json", false, Media::GraphqlResponse),
            (
                "application/graphql-response+json, application/json;q=0.9",
                false,
                Media::GraphqlResponse,
            ),
            (
                "application/graphql-response+json, application/json",
                false,
                Media::GraphqlResponse,
            ),
            (
                "application/json, application/graphql-response+json",
                false,
                Media::Json,
            ),
            ("application/graphql-response+json, */*", true, Media::GraphqlResponse),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
                Media::Html,
            ),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                false,
                Media::Json,
            ),
            ("application/json;q=0, */*", false, Media::GraphqlResponse),
            ("application/json; charset=utf-8", false, Media::Json),
        ] {
            assert_eq!(choose(accept, html), Ok(expected), "{accept}");
        }
        for nothing in [
            "text/plain",
            "application/json;q=0",
            "application/json;charset=latin1",
            "nonsense",
            "application/json;q=7",
        ] {
            assert_eq!(choose(nothing, true), Err(ErrorCode::NotAcceptable), "{nothing}");
        }
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        for good in [
            "application/json",
            "Application/JSON; Charset=\"UTF-8\"",
            "application/json;charset=utf8;x=y",
        ] {
            assert_eq!(check_content_type(Some(good)), Ok(()), "{good}");
        }
        for bad in [
            None,
            Some("text/plain"),
            Some("application/json; charset=utf-16"),
            Some("application/x-www-form-urlencoded"),
            Some(""),
        ] {
            assert!(check_content_type(bad).is_err(), "{bad:?}");
        }
    }
}

//! The parameters of a request from a JSON body or a query string, each checked, with words that say what is wrong. Pure.

use serde_json::{Map, Value};

use crate::engine::GraphqlRequest;
use crate::error::{ApiError, ErrorCode};

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message)
}

/// Reads a POST body.
///
/// # Errors
/// `BAD_REQUEST`, naming the parameter.
pub fn from_body(body: &[u8]) -> Result<GraphqlRequest, ApiError> {
    if body.is_empty() {
        return Err(bad("the body is empty: send a JSON object with `query`"));
    }
    let text = std::str::from_utf8(body).map_err(|_| bad("the body is not UTF-8"))?;
    let value: Value = serde_json::from_str(text).map_err(|error| {
        bad(format!(
            "the body is not JSON: line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    match value {
        Value::Object(object) => from_object(object),
        Value::Array(_) => Err(bad("batches are not taken: send one request at a time")),
        _ => Err(bad("the body is no JSON object: send one with `query`")),
    }
}

/// Reads the parameters of a query string.
///
/// # Errors
/// `BAD_REQUEST`, naming the parameter.
pub fn from_query_string(query: &str) -> Result<GraphqlRequest, ApiError> {
    let mut object = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = match name.as_ref() {
            "query" | "operationName" => Value::from(value.as_ref()),
            "variables" | "extensions" if value.is_empty() => Value::Null,
            "variables" | "extensions" => {
                serde_json::from_str(&value).map_err(|_| bad(format!("the parameter `{name}` is not JSON")))?
            }
            _ => continue,
        };
        if object.insert(name.to_string(), value).is_some() {
            return Err(bad(format!("the parameter `{name}` is given twice")));
        }
    }
    from_object(object)
}

/// Reads the parameters that a JSON object holds.
///
/// # Errors
/// `BAD_REQUEST`, naming the parameter.
pub fn from_object(mut object: Map<String, Value>) -> Result<GraphqlRequest, ApiError> {
    let mut text = |name: &str| match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(bad(format!("the parameter `{name}` is {}, not a string", kind(&other)))),
    };
    let (query, operation_name) = (text("query")?, text("operationName")?);
    let mut map = |name: &str| match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(other) => Err(bad(format!(
            "the parameter `{name}` is {}, not an object",
            kind(&other)
        ))),
    };
    let (variables, extensions) = (map("variables")?, map("extensions")?);
    let persisted = match extensions.and_then(|mut extensions| extensions.remove("persistedQuery")) {
        None | Some(Value::Null) => None,
        Some(persisted) => {
            let read = serde_json::from_value(persisted);
            Some(read.map_err(|_| {
                bad("`extensions.persistedQuery` is no object with the number `version` and the string `sha256Hash`")
            })?)
        }
    };
    if query.is_none() && persisted.is_none() {
        return Err(bad("the parameter `query` is missing"));
    }
    // An operation without a name is asked for by no name.
    let operation_name = operation_name.filter(|name| !name.is_empty());
    // Clients that name a stored query may send an empty text along.
    let query = query.filter(|query| !(query.is_empty() && persisted.is_some()));
    Ok(GraphqlRequest {
        query,
        operation_name,
        variables,
        persisted,
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_body_is_refused_in_words() {
        for (body, problem) in [
            ("", "empty"),
            ("{", "not JSON: line 1"),
            ("\u{feff}{}", "not JSON"),
            ("[{\"query\":\"{a}\"}]", "batches"),
            ("7", "no JSON object"),
            ("{}", "`query` is missing"),
            ("{\"query\":7}", "`query` is a number"),
            ("{\"query\":\"{a}\",\"operationName\":[]}", "`operationName` is a list"),
            ("{\"query\":\"{a}\",\"variables\":\"x\"}", "`variables` is a string"),
            ("{\"query\":\"{a}\",\"extensions\":false}", "`extensions` is a boolean"),
            ("{\"extensions\":{\"persistedQuery\":1}}", "persistedQuery"),
        ] {
            let message = from_body(body.as_bytes()).unwrap_err().message;
            assert!(message.contains(problem), "{body}: {message}");
        }
        assert!(from_body(b"\xff").unwrap_err().message.contains("UTF-8"));
        assert!(
            from_body("[".repeat(100_000).as_bytes()).is_err(),
            "deep JSON is refused, not overflown by"
        );
    }

    #[test]
    fn a_query_string_is_read_as_a_body_is() {
        let request = from_query_string("query=%7Ba%7D&variables=%7B%22x%22%3A1%7D&operationName=&ignored=1").unwrap();
        assert_eq!((request.query.as_deref(), request.operation_name), (Some("{a}"), None));
        assert_eq!(request.variables.unwrap()["x"], 1);
        for bad in ["", "query=a&query=b", "query=a&variables=x", "query=a&extensions=7"] {
            assert!(from_query_string(bad).is_err(), "{bad}");
        }
    }
}

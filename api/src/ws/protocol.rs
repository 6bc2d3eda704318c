//! The messages of graphql-transport-ws, and the codes that a connection is closed with. Pure.
//!
//! The protocol: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.

use serde_json::{Map, Value, json};

use crate::engine::{Answer, GraphqlRequest};
use crate::error::ApiError;
use crate::http::params;

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Why a connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code of the close frame.
    pub code: u16,
    /// The reason; at most 123 bytes.
    pub reason: String,
}

impl Close {
    fn new(code: u16, reason: impl Into<String>) -> Close {
        let mut reason = reason.into();
        while reason.len() > 123 {
            reason.pop();
        }
        Close { code, reason }
    }

    /// The server stops.
    pub fn going_away() -> Close {
        Close::new(1001, "The server is going away")
    }

    /// A message was larger than the limit.
    pub fn too_big() -> Close {
        Close::new(1009, "Message too big")
    }

    /// The client reads slower than it asks.
    pub fn too_slow() -> Close {
        Close::new(
            1013,
            "Too slow: messages were not read in time; resume from the last cursor",
        )
    }

    /// A message that is none of the protocol's.
    pub fn invalid(problem: impl Into<String>) -> Close {
        Close::new(4400, problem)
    }

    /// An operation before the handshake.
    pub fn unauthorized() -> Close {
        Close::new(4401, "Unauthorized")
    }

    /// The token sent with the handshake is no session's.
    pub fn forbidden() -> Close {
        Close::new(4403, "Forbidden: the session has ended, or never was; sign in again")
    }

    /// The client does not speak the subprotocol.
    pub fn not_acceptable() -> Close {
        Close::new(4406, "Subprotocol not acceptable")
    }

    /// The handshake did not begin in time.
    pub fn initialisation_timeout() -> Close {
        Close::new(4408, "Connection initialisation timeout")
    }

    /// The id is in use.
    pub fn duplicate(id: &str) -> Close {
        Close::new(4409, format!("Subscriber for {id} already exists"))
    }

    /// A second handshake.
    pub fn too_many_initialisations() -> Close {
        Close::new(4429, "Too many initialisation requests")
    }
}

/// What a client says.
#[derive(Debug)]
pub enum ClientMessage {
    /// Begins the handshake.
    ConnectionInit {
        /// As the header of that name: a bearer token.
        authorization: Option<String>,
    },
    /// Asks whether we are there.
    Ping,
    /// Says that it is there.
    Pong,
    /// Asks for an operation; boxed requests may still be refused one by one.
    Subscribe {
        /// Names the operation on this connection.
        id: String,
        /// The operation.
        request: Box<GraphqlRequest>,
    },
    /// Wants no more of an operation.
    Complete {
        /// Which one.
        id: String,
    },
}

/// Reads a message.
///
/// # Errors
/// The close frame for one that the protocol does not know.
pub fn read(text: &str) -> Result<ClientMessage, Close> {
    let Ok(Value::Object(mut message)) = serde_json::from_str(text) else {
        return Err(Close::invalid("Invalid message: not a JSON object"));
    };
    let kind = match message.remove("type") {
        Some(Value::String(kind)) => kind,
        _ => return Err(Close::invalid("Invalid message: `type` is missing or no string")),
    };
    match kind.as_str() {
        "connection_init" => {
            let authorization = payload(&mut message)?.and_then(|mut payload| match payload.remove("authorization") {
                Some(Value::String(authorization)) => Some(authorization),
                _ => None,
            });
            Ok(ClientMessage::ConnectionInit { authorization })
        }
        "ping" => payload(&mut message).map(|_| ClientMessage::Ping),
        "pong" => payload(&mut message).map(|_| ClientMessage::Pong),
        "complete" => Ok(ClientMessage::Complete { id: id(&mut message)? }),
        "subscribe" => {
            let id = id(&mut message)?;
            let payload =
                payload(&mut message)?.ok_or_else(|| Close::invalid("Invalid message: `payload` is missing"))?;
            let request = params::from_object(payload)
                .map_err(|error| Close::invalid(format!("Invalid message: {}", error.message)))?;
            Ok(ClientMessage::Subscribe {
                id,
                request: Box::new(request),
            })
        }
        "connection_ack" | "next" | "error" => Err(Close::invalid(format!(
            "Invalid message: `{kind}` is for the server to send"
        ))),
        _ => Err(Close::invalid("Invalid message: its `type` is not known")),
    }
}

fn id(message: &mut Map<String, Value>) -> Result<String, Close> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() => Ok(id),
        _ => Err(Close::invalid("Invalid message: `id` is missing, empty or no string")),
    }
}

fn payload(message: &mut Map<String, Value>) -> Result<Option<Map<String, Value>>, Close> {
    match message.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(Close::invalid("Invalid message: `payload` is no object")),
    }
}

/// The handshake is done.
pub fn connection_ack() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

/// We are there.
pub fn pong() -> String {
    json!({ "type": "pong" }).to_string()
}

/// An answer: a result where execution began, else the errors that end the operation.
pub fn answer(id: &str, answer: &Answer) -> String {
    // Written by hand, because the keys of the data have an order.
    let id = Value::from(id);
    if answer.executed {
        return format!(r#"{{"type":"next","id":{id},"payload":{}}}"#, answer.body());
    }
    json!({ "type": "error", "id": id, "payload": answer.response.errors }).to_string()
}

/// A refused operation.
pub fn refused(id: &str, error: &ApiError) -> String {
    answer(id, &Answer::refused(error))
}

/// There is no more of an operation.
pub fn complete(id: &str) -> String {
    json!({ "type": "complete", "id": id }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_the_protocol_does_not_know_close_with_4400() {
        for text in [
            "",
            "x",
            "[]",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"start"}"#,
            r#"{"type":"connection_init","payload":1}"#,
            r#"{"type":"ping","payload":[]}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"complete","id":""}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"next","id":"1","payload":{}}"#,
            r#"{"type":"connection_ack"}"#,
        ] {
            let close = read(text).unwrap_err();
            assert_eq!(close.code, 4400, "{text}");
            assert!(close.reason.len() <= 123, "{text}");
        }
    }

    #[test]
    fn a_reason_always_fits_a_close_frame() {
        let close = Close::duplicate(&"ü".repeat(500));
        assert!(close.reason.len() <= 123 && close.code == 4409);
    }
}

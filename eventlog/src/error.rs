//! Why the log could not do what was asked, and what the caller can do.

/// Why the log could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another writer took the stream over.
    #[error("stream {stream}: another writer has taken over; stop one of the two")]
    Fenced {
        /// The stream.
        stream: String,
    },
    /// The backend does not answer; try again.
    #[error("the log is unavailable: {reason}")]
    Unavailable {
        /// What the backend said.
        reason: String,
    },
    /// The backend's disk is full; make room and try again.
    #[error("the log's disk is full: {reason}")]
    Full {
        /// What the backend said.
        reason: String,
    },
    /// A record larger than the log takes.
    #[error("stream {stream}: a record of {bytes} bytes is larger than the log takes")]
    TooLarge {
        /// The stream.
        stream: String,
        /// Its size.
        bytes: usize,
    },
    /// The stream holds what no writer writes.
    #[error("stream {stream}: {problem}")]
    Corrupt {
        /// The stream.
        stream: String,
        /// What is wrong.
        problem: String,
    },
    /// A name that no stream can have.
    #[error("`{name}` is no stream name: use 1 to 200 of a-z 0-9 . _ -")]
    InvalidName {
        /// The name.
        name: String,
    },
}

impl LogError {
    /// Whether the same call can succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, LogError::Unavailable { .. } | LogError::Full { .. })
    }
}

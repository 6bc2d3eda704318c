//! Why the log could not do what was asked, and what the caller can do.

/// Why the log could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Another writer took the stream over. What this one had acknowledged stands; stop it.
    #[error("stream {stream}: another writer has taken over; stop one of the two")]
    Fenced {
        /// The stream.
        stream: String,
    },
    /// This writer no longer knows the tail for certain. Nothing acknowledged is lost; open the writer anew and go on from its tail.
    #[error("stream {stream}: this writer has lost track of the tail ({reason}); open it again")]
    WriterLost {
        /// The stream.
        stream: String,
        /// What happened.
        reason: String,
    },
    /// The backend does not answer. Call again with the same arguments.
    #[error("the log is unavailable: {reason}")]
    Unavailable {
        /// What the backend said.
        reason: String,
    },
    /// The backend's disk is full. Make room and call again with the same arguments.
    #[error("the log's disk is full, make room: {reason}")]
    Full {
        /// What the backend said.
        reason: String,
    },
    /// A record larger than the log takes.
    #[error("stream {stream}: a record of {bytes} bytes is larger than the {limit} bytes that the log takes")]
    TooLarge {
        /// The stream.
        stream: String,
        /// Its size.
        bytes: usize,
        /// The most that can be.
        limit: usize,
    },
    /// A header that no record can have.
    #[error("stream {stream}: header `{header}` {problem}")]
    InvalidHeader {
        /// The stream.
        stream: String,
        /// Its name.
        header: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A stream has one fenced writer or many unfenced ones, for life.
    #[error("stream {stream}: {problem}")]
    WrongWriter {
        /// The stream.
        stream: String,
        /// Which of the two it has.
        problem: &'static str,
    },
    /// The stream holds what no writer writes, or the backend is set up so that it would lose records.
    #[error("stream {stream}: {problem}")]
    Corrupt {
        /// The stream.
        stream: String,
        /// What is wrong.
        problem: String,
    },
    /// The backend refuses this client or its settings.
    #[error("the log's settings do not work: {reason}")]
    Misconfigured {
        /// What the backend said.
        reason: String,
    },
    /// A name that no stream can have.
    #[error("`{name}` is no stream name: use 1 to 200 of a-z 0-9 . _ -, beginning with a letter or a digit")]
    InvalidName {
        /// The name.
        name: String,
    },
}

impl LogError {
    /// Whether the same call can succeed later, with nothing else done than waiting or making room.
    pub fn retryable(&self) -> bool {
        matches!(self, LogError::Unavailable { .. } | LogError::Full { .. })
    }

    /// Names what the backend said as the reason why it is unavailable.
    pub(crate) fn unavailable(reason: impl std::fmt::Display) -> LogError {
        LogError::Unavailable {
            reason: reason.to_string(),
        }
    }
}

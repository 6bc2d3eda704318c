//! Names of streams.

use crate::LogError;

/// The name of a stream: 1 to 200 of `a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(String);

impl StreamName {
    /// A checked name.
    ///
    /// # Errors
    /// [`LogError::InvalidName`].
    pub fn new(name: impl Into<String>) -> Result<StreamName, LogError> {
        let name = name.into();
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if (1..=200).contains(&name.len()) && name.bytes().all(allowed) { Ok(StreamName(name)) } else { Err(LogError::InvalidName { name }) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for StreamName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

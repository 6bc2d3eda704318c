//! Names of streams.

use crate::LogError;

/// The name of a stream: 1 to 200 of `a-z 0-9 . _ -`, beginning with a letter or a digit. Every backend can use it as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(String);

const MAX_BYTES: usize = 200;

impl StreamName {
    /// A checked name.
    ///
    /// # Errors
    /// [`LogError::InvalidName`].
    pub fn new(name: impl Into<String>) -> Result<StreamName, LogError> {
        let name = name.into();
        let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let allowed = |byte: u8| alphanumeric(byte) || b"._-".contains(&byte);
        let valid =
            name.len() <= MAX_BYTES && name.bytes().next().is_some_and(alphanumeric) && name.bytes().all(allowed);
        if valid {
            Ok(StreamName(name))
        } else {
            Err(LogError::InvalidName { name })
        }
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

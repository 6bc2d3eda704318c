//! The keys that work for our contracts. Never logged, never shown: `Debug` gives the address alone.
//!
//! Start at [`OperatorSigner`] and [`CosignerKey`]; they are distinct types so that one cannot be used in the other's place.

use std::path::Path;

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;

/// A key that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the key file {path}: {source}")]
    File {
        /// Its path.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a key. What was found is not told.
    #[error("{place} does not hold a private key: 64 hexadecimal digits are wanted")]
    Malformed {
        /// Where it was looked for.
        place: String,
    },
}

fn parse(place: &str, text: &str) -> Result<PrivateKeySigner, KeyError> {
    let malformed = || KeyError::Malformed { place: place.into() };
    let key: B256 = text.trim().parse().map_err(|_| malformed())?;
    PrivateKeySigner::from_bytes(&key).map_err(|_| malformed())
}

fn read(path: &Path) -> Result<PrivateKeySigner, KeyError> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| KeyError::File {
        path: place.clone(),
        source,
    })?;
    parse(&place, &text)
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(PrivateKeySigner);

        impl $name {
            /// The key in a file: 64 hexadecimal digits, with or without `0x`.
            ///
            /// # Errors
            /// [`KeyError`].
            pub fn from_file(path: &Path) -> Result<$name, KeyError> {
                read(path).map($name)
            }

            /// The key in a text that came from `place`, such as the name of an environment variable.
            ///
            /// # Errors
            /// [`KeyError`].
            pub fn from_text(place: &str, text: &str) -> Result<$name, KeyError> {
                parse(place, text).map($name)
            }

            /// The key's address.
            pub fn address(&self) -> Address {
                self.0.address()
            }

            pub(crate) fn key(&self) -> &PrivateKeySigner {
                &self.0
            }
        }

        impl From<PrivateKeySigner> for $name {
            fn from(key: PrivateKeySigner) -> $name {
                $name(key)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.address()).finish()
            }
        }
    };
}

key! {
    /// The vault's operator: settles and sends heartbeats.
    OperatorSigner
}
key! {
    /// The vault's co-signer: co-signs withdrawals, and nothing else.
    CosignerKey
}
key! {
    /// The vault's owner: lists markets.
    AdminSigner
}
key! {
    /// The payout distributor's proposer: proposes roots.
    ProposerSigner
}

impl From<ProposerSigner> for PrivateKeySigner {
    fn from(key: ProposerSigner) -> PrivateKeySigner {
        key.key().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";

    #[test]
    fn a_key_is_never_shown() {
        let signer = OperatorSigner::from_text("SOUK_OPERATOR_KEY", &format!("0x{KEY}\n")).unwrap();
        assert!(!format!("{signer:?}").contains(&KEY[..8]));
        let broken = OperatorSigner::from_text("SOUK_OPERATOR_KEY", &KEY[1..]).unwrap_err();
        assert!(!format!("{broken} {broken:?}").contains(&KEY[1..9]));
        assert!(
            CosignerKey::from_file(Path::new("/nowhere"))
                .unwrap_err()
                .to_string()
                .contains("/nowhere")
        );
    }
}

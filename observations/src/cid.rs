//! Content ids of IPFS, and what they prove of bytes. Pure.
//!
//! A CID is a hash of a *block*. Of a raw block the bytes are the content; the block of a small file that `ipfs add` made is the content
//! within a fixed frame of UnixFS, which can be made again. Both are checked. A file of several blocks, a folder, or another hash
//! than SHA-256 cannot be checked by the content alone.

use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use sha2::{Digest, Sha256};

const RAW: u64 = 0x55;
const DAG_PB: u64 = 0x70;
const SHA2_256: u64 = 0x12;

/// The longest text of a content id, more than any hash in use needs.
const MAX_CHARS: usize = 200;

/// A content id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cid {
    /// As it was written, which is how a gateway is asked.
    text: String,
    codec: u64,
    hash: u64,
    digest: Vec<u8>,
}

/// A text that is no content id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no content id of IPFS")]
pub struct InvalidCid(String);

/// What a content id says of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// They are what it names.
    Proved,
    /// They are not.
    Refuted,
    /// They alone cannot tell.
    Open,
}

impl Cid {
    /// Reads a content id of version 0 (base58) or 1 (base32, base58 or base16).
    ///
    /// # Errors
    /// [`InvalidCid`].
    pub fn parse(text: &str) -> Result<Cid, InvalidCid> {
        let invalid = || InvalidCid(text.chars().take(MAX_CHARS).collect());
        if text.len() > MAX_CHARS || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(invalid());
        }
        let bytes = match (text.len(), text.split_at_checked(1)) {
            (46, Some(("Q", _))) => {
                let multihash = bs58::decode(text).into_vec().map_err(|_| invalid())?;
                [vec![1, DAG_PB as u8], multihash].concat()
            }
            (_, Some(("b" | "B", rest))) => BASE32_NOPAD
                .decode(rest.to_ascii_uppercase().as_bytes())
                .map_err(|_| invalid())?,
            (_, Some(("z", rest))) => bs58::decode(rest).into_vec().map_err(|_| invalid())?,
            (_, Some(("f" | "F", rest))) => HEXLOWER_PERMISSIVE.decode(rest.as_bytes()).map_err(|_| invalid())?,
            _ => return Err(invalid()),
        };
        let mut rest = bytes.as_slice();
        let mut number = || varint(&mut rest).ok_or_else(invalid);
        let (version, codec, hash, length) = (number()?, number()?, number()?, number()?);
        if version != 1 || rest.len() as u64 != length || (hash == SHA2_256 && length != 32) {
            return Err(invalid());
        }
        Ok(Cid {
            text: text.into(),
            codec,
            hash,
            digest: rest.to_vec(),
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it says of the bytes that it is to name.
    pub fn proof(&self, content: &[u8]) -> Proof {
        let is_digest = |block: &[u8]| self.digest[..] == Sha256::digest(block)[..];
        match (self.codec, self.hash) {
            (RAW, SHA2_256) if is_digest(content) => Proof::Proved,
            (RAW, SHA2_256) => Proof::Refuted,
            (DAG_PB, SHA2_256) if is_digest(&unixfs_file(content)) => Proof::Proved,
            _ => Proof::Open,
        }
    }
}

/// The block of a file that fits into one, as `ipfs add` makes it: `PBNode { Data: UnixFS { Type: File, Data, filesize } }`.
fn unixfs_file(content: &[u8]) -> Vec<u8> {
    let mut file = vec![0x08, 0x02];
    if !content.is_empty() {
        file.push(0x12);
        put_varint(&mut file, content.len());
        file.extend_from_slice(content);
    }
    file.push(0x18);
    put_varint(&mut file, content.len());
    let mut node = vec![0x0a];
    put_varint(&mut node, file.len());
    node.extend_from_slice(&file);
    node
}

fn put_varint(to: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        to.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// An unsigned number of at most 63 bits, seven in a byte, the lowest first.
fn varint(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(content: &[u8]) -> Cid {
        let digest = Sha256::digest(content);
        let bytes = [&[0x01, 0x55, 0x12, 0x20], &digest[..]].concat();
        let text = format!("b{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase());
        Cid::parse(&text).expect("it is a content id")
    }

    /// What `ipfs add` and `ipfs add --cid-version=1` say of `hello world` and a line break.
    #[test]
    fn well_known_ids_are_proved() {
        let hello = b"hello world\n";
        for known in [
            "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o",
            "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4",
        ] {
            let cid = Cid::parse(known).expect(known);
            assert_eq!(cid.proof(hello), Proof::Proved, "{known}");
            assert_eq!(cid.as_str(), known);
        }
    }

    #[test]
    fn a_raw_block_refutes_and_a_file_may_have_been_cut_into_others() {
        assert_eq!(raw(b"a").proof(b"b"), Proof::Refuted);
        let file = Cid::parse("QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o").unwrap();
        assert_eq!(file.proof(b"hello"), Proof::Open);
    }

    #[test]
    fn what_is_no_content_id_is_refused() {
        for text in [
            "",
            "Q",
            "b",
            "f",
            "bafy",
            "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5",
            "f0255122000",
            "b/../x",
            "éé",
        ] {
            assert!(Cid::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}", ascii in "[bBzZfFQm1-9a-z]{0,80}") {
            let _ = Cid::parse(&text);
            let _ = Cid::parse(&ascii);
        }

        #[test]
        fn a_raw_id_proves_its_content_and_no_other(content in any::<Vec<u8>>(), other in any::<Vec<u8>>()) {
            let cid = raw(&content);
            prop_assert_eq!(cid.proof(&content), Proof::Proved);
            prop_assert_eq!(cid.proof(&other) == Proof::Proved, content == other);
        }
    }
}

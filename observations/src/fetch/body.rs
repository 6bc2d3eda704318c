//! Reads a body up to a limit, as it is sent and as it is decoded: a few bytes of a compressed one can stand for any number.

use std::io::{self, Write};

use flate2::write::{MultiGzDecoder, ZlibDecoder};
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;
use souk_schema::observation::FailureKind;

use super::Trouble;

/// The body of a response.
pub(super) async fn read(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, Trouble> {
    let too_large = || Trouble::new(FailureKind::TooLarge, format!("it has more than {max_bytes} bytes"));
    if response
        .content_length()
        .is_some_and(|length| length > max_bytes as u64)
    {
        return Err(too_large());
    }
    let mut decoder = Decoder::of(&response, max_bytes)?;
    let mut received = 0_usize;
    loop {
        let chunk = response.chunk().await.map_err(|error| match error.is_timeout() {
            true => Trouble::new(FailureKind::TimedOut, "the rest of it did not come"),
            false => Trouble::new(FailureKind::Truncated, "the connection ended before the document did"),
        })?;
        let Some(chunk) = chunk else { break };
        received = received.saturating_add(chunk.len());
        if received > max_bytes {
            return Err(too_large());
        }
        decoder.write(&chunk).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => too_large(),
            _ => Trouble::new(
                FailureKind::Encoding,
                format!("it is not compressed as the server says: {error}"),
            ),
        })?;
    }
    decoder.finish().map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => too_large(),
        _ => Trouble::new(FailureKind::Truncated, "its compressed form ends before its end"),
    })
}

/// Bytes up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if more.len() > self.limit - self.bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What undoes a content encoding.
enum Decoder {
    Identity(Bounded),
    Gzip(MultiGzDecoder<Bounded>),
    Zlib(ZlibDecoder<Bounded>),
}

impl Decoder {
    fn of(response: &Response, limit: usize) -> Result<Decoder, Trouble> {
        let bounded = Bounded {
            bytes: Vec::new(),
            limit,
        };
        let encodings: Vec<&[u8]> = response
            .headers()
            .get_all(CONTENT_ENCODING)
            .iter()
            .map(|value| value.as_bytes())
            .collect();
        let encoding = encodings.join(&b","[..]).to_ascii_lowercase();
        match encoding.as_slice() {
            b"" | b"identity" => Ok(Decoder::Identity(bounded)),
            b"gzip" | b"x-gzip" => Ok(Decoder::Gzip(MultiGzDecoder::new(bounded))),
            b"deflate" => Ok(Decoder::Zlib(ZlibDecoder::new(bounded))),
            other => {
                let name: String = String::from_utf8_lossy(other).chars().take(40).collect();
                Err(Trouble::new(
                    FailureKind::Encoding,
                    format!("it is encoded as `{name}`, which nobody asked for"),
                ))
            }
        }
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Decoder::Identity(to) => to.write_all(chunk),
            Decoder::Gzip(to) => to.write_all(chunk),
            Decoder::Zlib(to) => to.write_all(chunk),
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        let bounded = match self {
            Decoder::Identity(to) => to,
            Decoder::Gzip(to) => to.finish()?,
            Decoder::Zlib(to) => to.finish()?,
        };
        Ok(bounded.bytes)
    }
}

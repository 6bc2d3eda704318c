//! EIP-4361 messages, read to the letter of the grammar. Pure: no clock, no signature.
//!
//! The standard: <https://eips.ethereum.org/EIPS/eip-4361>. Strict on purpose: a text that two readers could take for two messages is
//! refused by both.

use alloy_primitives::Address;
use url::Url;

use super::time::unix_secs;

/// The longest message that is looked at, in bytes.
pub const LONGEST: usize = 4_096;

/// What an account signs to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who asks for the signature: the authority of the page or program (host, and port where it has one).
    pub domain: String,
    /// Who signs.
    pub address: Address,
    /// What the person is told; one line.
    pub statement: Option<String>,
    /// What is signed in to.
    pub uri: String,
    /// The chain that the session is bound to.
    pub chain_id: u64,
    /// Handed out by the server; at least 8 letters and digits.
    pub nonce: String,
    /// Unix seconds.
    pub issued_at: u64,
    /// Unix seconds from which on the message is of no use.
    pub expiration_time: Option<u64>,
    /// Unix seconds before which it is of no use.
    pub not_before: Option<u64>,
    /// Names the request for the one who asked.
    pub request_id: Option<String>,
    /// What the person is to agree to.
    pub resources: Vec<String>,
}

/// Lines of a message, taken one by one.
struct Lines<'a> {
    rest: std::iter::Peekable<std::str::Split<'a, char>>,
}

impl<'a> Lines<'a> {
    fn next(&mut self, what: &str) -> Result<&'a str, String> {
        self.rest.next().ok_or_else(|| format!("it ends before {what}"))
    }

    fn empty(&mut self, after: &str) -> Result<(), String> {
        match self.next("an empty line")? {
            "" => Ok(()),
            _ => Err(format!("an empty line is missing after {after}")),
        }
    }

    fn tagged(&mut self, tag: &str) -> Result<&'a str, String> {
        let line = self.next(&format!("`{tag}`"))?;
        line.strip_prefix(tag)
            .ok_or_else(|| format!("`{tag}` is expected where {line:?} stands"))
    }

    fn optional(&mut self, tag: &str) -> Option<&'a str> {
        let value = self.rest.peek()?.strip_prefix(tag)?;
        self.rest.next();
        Some(value)
    }
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// What does not fit the grammar, for a person.
    pub fn read(text: &str) -> Result<Message, String> {
        if text.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        if let Some(odd) = text.chars().find(|char| char.is_control() && *char != '\n') {
            return Err(format!("it holds the control character U+{:04X}", u32::from(odd)));
        }
        let mut lines = Lines {
            rest: text.split('\n').peekable(),
        };
        let first = lines.next("its first line")?;
        let authority = first
            .strip_suffix(" wants you to sign in with your Ethereum account:")
            .ok_or("its first line is not `<domain> wants you to sign in with your Ethereum account:`")?;
        let domain = domain_of(authority)?;
        let address = lines.next("the address")?;
        let address = Address::parse_checksummed(address, None)
            .map_err(|_| format!("{address:?} is no address with an EIP-55 checksum"))?;
        lines.empty("the address")?;
        let statement = match lines.next("the statement")? {
            "" => None,
            statement => {
                lines.empty("the statement")?;
                Some(statement_of(statement)?)
            }
        };
        let uri = uri_of("URI", lines.tagged("URI: ")?)?;
        if lines.tagged("Version: ")? != "1" {
            return Err("its version is not 1".into());
        }
        let chain_id = lines.tagged("Chain ID: ")?;
        let canonical = chain_id.bytes().all(|digit| digit.is_ascii_digit()) && !chain_id.starts_with('0');
        let chain_id = chain_id
            .parse()
            .ok()
            .filter(|_| canonical)
            .ok_or("its chain id is no number")?;
        let nonce = lines.tagged("Nonce: ")?;
        if nonce.len() < 8 || !nonce.bytes().all(|char| char.is_ascii_alphanumeric()) {
            return Err("its nonce is not at least 8 letters and digits".into());
        }
        let time = |tag: &str, text: &str| unix_secs(text).ok_or_else(|| format!("{tag} {text:?} is no RFC 3339 time"));
        let issued_at = time("`Issued At`", lines.tagged("Issued At: ")?)?;
        let expiration_time = lines.optional("Expiration Time: ");
        let not_before = lines.optional("Not Before: ");
        let request_id = lines.optional("Request ID: ").map(str::to_owned);
        let resources = match lines.optional("Resources:") {
            None => Vec::new(),
            Some("") => std::iter::from_fn(|| lines.optional("- "))
                .map(|resource| uri_of("a resource", resource))
                .collect::<Result<_, _>>()?,
            Some(_) => return Err("`Resources:` has something behind it".into()),
        };
        if let Some(more) = lines.rest.next() {
            return Err(format!(
                "{more:?} stands where the message is over, or in another order than the standard's"
            ));
        }
        Ok(Message {
            domain,
            address,
            statement,
            uri,
            chain_id,
            nonce: nonce.into(),
            issued_at,
            expiration_time: expiration_time
                .map(|text| time("`Expiration Time`", text))
                .transpose()?,
            not_before: not_before.map(|text| time("`Not Before`", text)).transpose()?,
            request_id,
            resources,
        })
    }

    /// Host and port of the URI as it is written, without what a user's name would be; none for a URI without an authority.
    pub fn uri_authority(&self) -> Option<&str> {
        let (_, rest) = self.uri.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        Some(&rest[..end]).filter(|authority| !authority.contains('@'))
    }
}

/// The authority of the first line, without the scheme that may stand before it.
fn domain_of(text: &str) -> Result<String, String> {
    let (scheme, domain) = match text.split_once("://") {
        Some((scheme, domain)) => (scheme, domain),
        None => ("https", text),
    };
    let whole = Url::parse(&format!("{scheme}://{domain}/")).map_err(|_| format!("{text:?} is no domain"))?;
    let plain = whole.username().is_empty() && whole.password().is_none() && whole.path() == "/";
    let host = !domain.is_empty()
        && domain
            .bytes()
            .all(|char| char.is_ascii_graphic() && !b"/?#@\\".contains(&char));
    (plain && host && whole.query().is_none() && whole.fragment().is_none())
        .then(|| domain.to_owned())
        .ok_or_else(|| format!("{text:?} is no domain"))
}

/// Letters, digits, spaces and the marks of RFC 3986: the grammar's `reserved / unreserved / " "`.
fn statement_of(text: &str) -> Result<String, String> {
    let plain = |char: u8| char.is_ascii_alphanumeric() || b" -._~:/?#[]@!$&'()*+,;=".contains(&char);
    text.bytes()
        .all(plain)
        .then(|| text.to_owned())
        .ok_or_else(|| "its statement holds characters that the standard does not allow".into())
}

fn uri_of(what: &str, text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|char| char.is_ascii_graphic());
    match Url::parse(text) {
        Ok(_) if plain => Ok(text.to_owned()),
        _ => Err(format!("{what} {text:?} is no URI")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the standard.
    const EXAMPLE: &str = "example.com wants you to sign in with your Ethereum account:\n\
        0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\n\n\
        I accept the ExampleOrg Terms of Service: https://example.com/tos\n\n\
        URI: https://example.com/login\nVersion: 1\nChain ID: 1\nNonce: 32891756\nIssued At: 2021-09-30T16:25:24Z\n\
        Resources:\n- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/\n- https://example.com/my-web2-claim.json";

    #[test]
    fn the_examples_of_the_standard_are_read() {
        let message = Message::read(EXAMPLE).unwrap();
        assert_eq!(message.domain, "example.com");
        assert_eq!(
            message.statement.as_deref(),
            Some("I accept the ExampleOrg Terms of Service: https://example.com/tos")
        );
        assert_eq!(
            (message.uri.as_str(), message.uri_authority()),
            ("https://example.com/login", Some("example.com"))
        );
        assert_eq!(
            (message.chain_id, message.nonce.as_str(), message.issued_at),
            (1, "32891756", 1_633_019_124)
        );
        assert_eq!(message.resources.len(), 2);
        let with_port = EXAMPLE.replacen("example.com", "example.com:3388", 1);
        assert_eq!(Message::read(&with_port).unwrap().domain, "example.com:3388");
        let with_scheme = EXAMPLE.replacen("example.com", "https://example.com", 1);
        assert_eq!(Message::read(&with_scheme).unwrap().domain, "example.com");
        let silent = EXAMPLE.replacen(
            "I accept the ExampleOrg Terms of Service: https://example.com/tos\n\n",
            "\n",
            1,
        );
        assert_eq!(Message::read(&silent).unwrap().statement, None);
    }

    #[test]
    fn every_optional_line_is_read_in_the_order_of_the_standard() {
        let full = EXAMPLE.replacen(
            "Resources:",
            "Expiration Time: 2021-09-30T17:25:24Z\nNot Before: 2021-09-30T16:00:00Z\nRequest ID: some-id\nResources:",
            1,
        );
        let message = Message::read(&full).unwrap();
        assert_eq!(message.expiration_time, Some(1_633_022_724));
        assert_eq!(message.not_before, Some(1_633_017_600));
        assert_eq!(message.request_id.as_deref(), Some("some-id"));
        let (expiration, before) = (
            "Expiration Time: 2021-09-30T17:25:24Z\n",
            "Not Before: 2021-09-30T16:00:00Z\n",
        );
        let swapped = full.replacen(&format!("{expiration}{before}"), &format!("{before}{expiration}"), 1);
        assert!(Message::read(&swapped).is_err());
    }

    #[test]
    fn what_is_not_to_the_letter_is_refused() {
        for (from, to) in [
            ("example.com wants", "exa mple.com wants"),
            ("example.com wants", "user@example.com wants"),
            ("example.com wants", "example.com/x wants"),
            (" wants you", " wants  you"),
            ("0xC02aaA39", "0xc02aaa39"),
            ("Cc2\n\n", "Cc2\n"),
            ("I accept", "I\u{e4}ccept"),
            ("tos\n\n", "tos\n"),
            ("URI: https", "URI: not a uri https"),
            ("Version: 1", "Version: 2"),
            ("Chain ID: 1", "Chain ID: 01"),
            ("Chain ID: 1", "Chain ID: x"),
            ("Nonce: 32891756", "Nonce: 3289175"),
            ("Nonce: 32891756", "Nonce: 3289175-"),
            ("Issued At: 2021", "Issued At: 21"),
            ("Resources:\n", "Resources: \n"),
            ("claim.json", "claim.json\n"),
            ("claim.json", "claim.json\nRequest ID: late"),
            ("\n", "\r\n"),
        ] {
            let changed = EXAMPLE.replacen(from, to, 1);
            assert_ne!(changed, EXAMPLE, "{from} is not in the example");
            assert!(Message::read(&changed).is_err(), "{from:?} became {to:?}");
        }
        assert!(Message::read("").is_err());
        assert!(Message::read(&"x".repeat(100_000)).is_err());
    }
}

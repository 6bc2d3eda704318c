//! Asks servers, within bounds: of bytes, of time, of redirects, and of where a request may go.
//!
//! Addresses are checked where they are connected to: names are resolved by [`resolve::Checked`], which gives the connection the addresses
//! that it admitted and no others, and an address in a URL is checked before the request. Each redirect is a new request and checked alike.
//! Proxies of the environment are not used, because through one nothing of this would hold.

mod body;
mod resolve;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use souk_schema::observation::FailureKind;
use url::{Host, Url};

use self::resolve::{Checked, Forbidden};
use crate::address::Reach;
use crate::uri::{self, IpfsPath, Source};

/// What this installation fetches, and within which bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether anything but `data:` URIs is fetched.
    pub is_online: bool,
    /// Whether `http:` is asked, which anyone between here and there can read and change.
    pub allows_http: bool,
    /// How far requests may go.
    pub reach: Reach,
    /// Gateways that IPFS is read through, the preferred first; content has `/ipfs/<cid>` added to them. They are ours, so any address will do.
    pub gateways: Vec<Url>,
    /// The largest document, in bytes, as it is and as it is sent.
    pub max_bytes: usize,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long all of it may take, redirects included.
    pub timeout: Duration,
    /// How many redirects are followed.
    pub max_redirects: usize,
    /// How many documents are fetched at the same time.
    pub at_once: usize,
    /// How many of them from one host.
    pub at_once_per_host: usize,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            is_online: true,
            allows_http: false,
            reach: Reach::Public,
            gateways: Vec::new(),
            max_bytes: 256 << 10,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            max_redirects: 3,
            at_once: 32,
            at_once_per_host: 4,
        }
    }
}

impl Policy {
    /// Why this installation does not fetch a source, though others may; `None` where it does.
    pub fn withholds(&self, source: &Source) -> Option<&'static str> {
        match source {
            Source::Data(_) => None,
            _ if !self.is_online => Some("this installation fetches nothing from the network (--metadata data)"),
            Source::Web(url) if url.scheme() == "http" && !self.allows_http => {
                Some("this installation does not fetch http: (--metadata-http)")
            }
            Source::Ipfs(_) if self.gateways.is_empty() => {
                Some("this installation names no gateway to IPFS (--ipfs-gateway)")
            }
            Source::Web(_) | Source::Ipfs(_) => None,
        }
    }
}

/// Why nothing came of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Trouble {
    /// In a word.
    pub kind: FailureKind,
    /// For a person.
    pub detail: String,
    /// How long the server asked us to wait.
    pub retry_after: Option<Duration>,
}

impl Trouble {
    pub(crate) fn new(kind: FailureKind, detail: impl std::fmt::Display) -> Trouble {
        Trouble {
            kind,
            detail: detail.to_string(),
            retry_after: None,
        }
    }
}

/// Asks servers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    /// For what strangers name.
    strangers: Client,
    /// For our own gateways.
    gateways: Client,
    policy: Arc<Policy>,
}

impl Fetcher {
    /// A fetcher by a policy.
    ///
    /// # Errors
    /// When the system gives no TLS.
    pub fn new(policy: Policy) -> Result<Fetcher, reqwest::Error> {
        let client = || {
            let headers = [
                (ACCEPT, "application/json, */*;q=0.5"),
                (ACCEPT_ENCODING, "gzip, deflate"),
            ];
            let headers = headers.map(|(name, value)| (name, reqwest::header::HeaderValue::from_static(value)));
            Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .connect_timeout(policy.connect_timeout)
                .pool_max_idle_per_host(policy.at_once_per_host)
                .pool_idle_timeout(Duration::from_secs(15))
                .user_agent(concat!("souk/", env!("CARGO_PKG_VERSION")))
                .default_headers(HeaderMap::from_iter(headers))
        };
        Ok(Fetcher {
            strangers: client().dns_resolver(Arc::new(Checked::new(policy.reach))).build()?,
            gateways: client().build()?,
            policy: Arc::new(policy),
        })
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The bytes behind a source. Content of IPFS is asked of each gateway in turn until one has it.
    ///
    /// # Errors
    /// [`Trouble`]; the first gateway's, where all fail.
    pub async fn fetch(&self, source: &Source) -> Result<Vec<u8>, Trouble> {
        match source {
            Source::Data(bytes) => Ok(bytes.clone()),
            Source::Web(url) => self.within_time(self.web(url.clone())).await,
            Source::Ipfs(path) => {
                let mut first = None;
                for gateway in &self.policy.gateways {
                    match self.within_time(self.gateway(gateway, path)).await {
                        Ok(content) => return Ok(content),
                        Err(trouble) => _ = first.get_or_insert(trouble),
                    }
                }
                Err(first.unwrap_or_else(|| Trouble::new(FailureKind::Unreachable, "no gateway is named")))
            }
        }
    }

    async fn within_time(&self, fetching: impl Future<Output = Result<Vec<u8>, Trouble>>) -> Result<Vec<u8>, Trouble> {
        let limit = self.policy.timeout;
        let late = || {
            Trouble::new(
                FailureKind::TimedOut,
                format!("it took more than {} s", limit.as_secs_f32()),
            )
        };
        tokio::time::timeout(limit, fetching)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    /// Follows a stranger's URL through its redirects.
    async fn web(&self, mut url: Url) -> Result<Vec<u8>, Trouble> {
        for _ in 0..=self.policy.max_redirects {
            self.admit(&url)?;
            let response = self.strangers.get(url.clone()).send().await.map_err(trouble_of)?;
            match redirect(&response, &url)? {
                Some(next) => url = next,
                None => return self.content(response).await,
            }
        }
        let detail = format!("it is redirected more than {} times", self.policy.max_redirects);
        Err(Trouble::new(FailureKind::Redirected, detail))
    }

    /// Asks a gateway of ours. Public gateways redirect to a host for each CID, which is a host of theirs.
    async fn gateway(&self, gateway: &Url, path: &IpfsPath) -> Result<Vec<u8>, Trouble> {
        let base = gateway.as_str().trim_end_matches('/');
        let mut url = uri::web(&format!("{base}/ipfs/{}{}", path.cid.as_str(), path.path))
            .map_err(|error| Trouble::new(error.kind, error.detail))?;
        let mut response = self.gateways.get(url.clone()).send().await.map_err(trouble_of)?;
        for _ in 0..self.policy.max_redirects {
            let Some(next) = redirect(&response, &url)? else { break };
            let is_ours =
                next.host() == gateway.host() && next.port_or_known_default() == gateway.port_or_known_default();
            url = next;
            let client = match is_ours {
                true => &self.gateways,
                false => {
                    self.admit(&url)?;
                    &self.strangers
                }
            };
            response = client.get(url.clone()).send().await.map_err(trouble_of)?;
        }
        self.content(response).await
    }

    /// Refuses what may not be asked, as far as the URL itself tells; what its name resolves to is [`Checked`]'s.
    fn admit(&self, url: &Url) -> Result<(), Trouble> {
        if url.scheme() == "http" && !self.policy.allows_http {
            return Err(Trouble::new(
                FailureKind::Redirected,
                "it is redirected to http:, which is not fetched",
            ));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(Trouble::new(FailureKind::Malformed, "it names no host")),
        };
        match self.policy.reach.admits(address) {
            true => Ok(()),
            false => Err(Trouble::new(
                FailureKind::ForbiddenAddress,
                Forbidden::of(&address.to_string()),
            )),
        }
    }

    async fn content(&self, response: Response) -> Result<Vec<u8>, Trouble> {
        let status = response.status();
        if status == StatusCode::OK {
            return body::read(response, self.policy.max_bytes).await;
        }
        let kind = match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => FailureKind::Missing,
            _ => FailureKind::Refused,
        };
        Err(Trouble {
            retry_after: retry_after(response.headers(), SystemTime::now()),
            ..Trouble::new(kind, format!("the server answers {status}"))
        })
    }
}

/// Where a response says to look instead.
fn redirect(response: &Response, from: &Url) -> Result<Option<Url>, Trouble> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| is_redirect) else {
        return Ok(None);
    };
    let refused = |what: &str| Trouble::new(FailureKind::Redirected, format!("it is redirected to {what}"));
    let location = location.to_str().map_err(|_| refused("what is no URL"))?;
    let url = from.join(location).map_err(|_| refused("what is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(&format!("`{}:`, which is not fetched", url.scheme())));
    }
    uri::web(url.as_str())
        .map(Some)
        .map_err(|error| refused(&format!("a URL that is refused: {error}")))
}

/// What went wrong before there was an answer.
fn trouble_of(error: reqwest::Error) -> Trouble {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut deepest = String::new();
    while let Some(found) = cause {
        if let Some(forbidden) = found.downcast_ref::<Forbidden>() {
            return Trouble::new(FailureKind::ForbiddenAddress, forbidden);
        }
        deepest = found.to_string();
        cause = found.source();
    }
    let kind = match error.is_timeout() {
        true => FailureKind::TimedOut,
        false => FailureKind::Unreachable,
    };
    Trouble::new(kind, format!("no answer: {deepest}"))
}

/// How long a server asks to be left alone: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(secs) => Some(Duration::from_secs(secs)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let after = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, reqwest::header::HeaderValue::from_static(text))]);
            retry_after(&headers, now)
        };
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), None, "it is over");
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn what_is_withheld_is_a_setting() {
        let parse = |uri| Source::parse(uri, 100).expect("a URI");
        let (http, https) = (parse("http://a.example/x"), parse("https://a.example/x"));
        let ipfs = parse("ipfs://QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o");
        let withheld = |policy: &Policy, source| policy.withholds(source).is_some();
        let plain = Policy::default();
        assert!(withheld(&plain, &http) && !withheld(&plain, &https) && withheld(&plain, &ipfs));
        let open = Policy {
            allows_http: true,
            gateways: vec![Url::parse("https://gateway.example").expect("a URL")],
            ..Policy::default()
        };
        assert!(!withheld(&open, &http) && !withheld(&open, &ipfs));
        let offline = Policy {
            is_online: false,
            ..open
        };
        assert!(withheld(&offline, &https) && !withheld(&offline, &parse("data:,{}")));
    }
}

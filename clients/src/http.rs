//! The one way out: an HTTP/1.1 exchange with time-outs, a bounded body and an error that says whether anything was
//! sent.
//!
//! It relies on reqwest without its HTTP/2 feature (contract kingdee-galaxy §1: real servers answer 502 to HTTP/2) and on
//! rustls with ring. It follows no redirect and never repeats a request by itself.

use std::sync::Once;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, SET_COOKIE};
use url::Url;

use crate::error::Effect;

/// How a system is spoken to.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time to reach the server, TLS included.
    pub connect_timeout: Duration,
    /// Longest silence while an answer is awaited or read.
    pub read_timeout: Duration,
    /// Largest answer that is read; a larger one is an error and is not kept.
    pub max_body_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            max_body_bytes: 32 * 1024 * 1024,
        }
    }
}

/// A connection pool to one system.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    max_body_bytes: usize,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The HTTP status.
    pub status: u16,
    /// The server's clock, from the `Date` header.
    pub date: Option<Timestamp>,
    /// `Retry-After`, in seconds or as a date beside `Date`.
    pub retry_after: Option<Duration>,
    /// `name=value` of each `Set-Cookie`, without its attributes.
    pub cookies: Vec<String>,
    /// The body, as it came.
    pub body: Bytes,
}

impl Exchange {
    /// Whether the status says that the body is an answer (contract kingdee-galaxy §1: 200 and 206).
    pub fn is_answer(&self) -> bool {
        matches!(self.status, 200 | 206)
    }
}

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client; are the system's root certificates installed?")]
pub struct BuildError(#[source] reqwest::Error);

/// An exchange that gave no whole answer. Addresses in it have no query.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The server was not reached: nothing was sent.
    #[error("cannot reach {address}")]
    NotSent {
        /// Scheme, host, port and path.
        address: String,
        /// What failed.
        #[source]
        source: reqwest::Error,
    },
    /// Something may have been sent, and the answer did not come or broke off.
    #[error("{address} was called, and its answer did not come whole")]
    Unknown {
        /// Scheme, host, port and path.
        address: String,
        /// What failed.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is larger than the bound.
    #[error("the answer of {address} is larger than {limit} bytes")]
    TooLarge {
        /// Scheme, host, port and path.
        address: String,
        /// The bound, from the connection's settings.
        limit: usize,
    },
}

impl TransportError {
    /// What is known about the effect of the request.
    pub fn effect(&self) -> Effect {
        match self {
            Self::NotSent { .. } => Effect::None,
            Self::Unknown { .. } | Self::TooLarge { .. } => Effect::Unknown,
        }
    }
}

impl Http {
    /// Sets up a pool. Nothing is connected yet.
    ///
    /// # Errors
    /// When the TLS part cannot be set up, such as without any root certificate.
    pub fn new(options: &Options) -> Result<Self, BuildError> {
        install_crypto();
        let client = reqwest::Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout)
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(BuildError)?;
        Ok(Self { client, max_body_bytes: options.max_body_bytes })
    }

    /// Posts `body` and reads the whole answer.
    ///
    /// # Errors
    /// Says whether anything may have been sent; an answer with a failing status is no error here.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Exchange, TransportError> {
        self.exchange(url, self.client.post(url.clone()).headers(headers).body(body)).await
    }

    /// Asks for `url` and reads the whole answer.
    ///
    /// # Errors
    /// Like [`Http::post`].
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Exchange, TransportError> {
        self.exchange(url, self.client.get(url.clone()).headers(headers)).await
    }

    async fn exchange(
        &self,
        url: &Url,
        request: reqwest::RequestBuilder,
    ) -> Result<Exchange, TransportError> {
        let mut response = request.send().await.map_err(|error| failed(url, error))?;
        let mut exchange = head_of(&response);
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(url, error))? {
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(TransportError::TooLarge {
                    address: address_of(url),
                    limit: self.max_body_bytes,
                });
            }
            body.extend_from_slice(&chunk);
        }
        exchange.body = body.freeze();
        Ok(exchange)
    }
}

/// A header value from text that may be a secret or a person's setting.
///
/// # Errors
/// Names the header, never its value.
pub(crate) fn header(
    headers: &mut HeaderMap,
    name: &'static str,
    value: &str,
    sensitive: bool,
) -> Result<(), String> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| format!("header {name} would hold a control character or a line break"))?;
    value.set_sensitive(sensitive);
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else of the process may have installed one first, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn head_of(response: &reqwest::Response) -> Exchange {
    let headers = response.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let date = text(DATE).and_then(http_date);
    Exchange {
        status: response.status().as_u16(),
        date,
        retry_after: text(RETRY_AFTER).and_then(|value| retry_after(value, date)),
        cookies: headers.get_all(SET_COOKIE).iter().filter_map(cookie_pair).collect(),
        body: Bytes::new(),
    }
}

fn cookie_pair(value: &HeaderValue) -> Option<String> {
    let pair = value.to_str().ok()?.split(';').next()?.trim();
    (!pair.is_empty()).then(|| pair.to_owned())
}

fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(&text.replace("GMT", "+0000")).ok().map(|zoned| zoned.timestamp())
}

fn retry_after(text: &str, date: Option<Timestamp>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(text)?;
    let seconds = until.as_second() - date?.as_second();
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// Before the connection stands, nothing was sent; afterwards nobody knows.
fn failed(url: &Url, error: reqwest::Error) -> TransportError {
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent { address: address_of(url), source: error.without_url() }
    } else {
        broken(url, error)
    }
}

fn broken(url: &Url, error: reqwest::Error) -> TransportError {
    TransportError::Unknown { address: address_of(url), source: error.without_url() }
}

/// The address without query, fragment, user or password: those can hold secrets (invariant 8).
fn address_of(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_an_error_holds_no_query_and_no_login() {
        let url = Url::parse("https://user:pass@host:8443/a/b?sign=secret#x").unwrap();
        assert_eq!(address_of(&url), "https://host:8443/a/b");
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let date = http_date("Mon, 15 Jan 2024 02:00:00 GMT");
        assert_eq!(date.map(|at| at.as_second()), Some(1_705_284_000));
        assert_eq!(retry_after("7", None), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Mon, 15 Jan 2024 02:00:30 GMT", date), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Mon, 15 Jan 2024 01:59:30 GMT", date), None);
        assert_eq!(retry_after("soon", date), None);
    }

    #[tokio::test]
    async fn an_unreachable_server_got_nothing() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let url = Url::parse(&format!("http://{address}/x")).unwrap();
        let http = Http::new(&Options::default()).unwrap();
        let error = http.post(&url, HeaderMap::new(), Bytes::new()).await.unwrap_err();
        assert_eq!(error.effect(), Effect::None);
    }

    async fn answer_once(answer: &'static [u8], options: &Options) -> Result<Exchange, TransportError> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/x?secret=1", listener.local_addr().unwrap())).unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = [0_u8; 4096];
            let _ = stream.read(&mut seen).await.unwrap();
            stream.write_all(answer).await.unwrap();
        };
        let http = Http::new(options).unwrap();
        let ((), outcome) = tokio::join!(server, http.post(&url, HeaderMap::new(), Bytes::from_static(b"x")));
        outcome
    }

    #[tokio::test]
    async fn a_cut_answer_leaves_the_effect_unknown_and_its_text_without_the_query() {
        for answer in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"] {
            let error = answer_once(answer, &Options::default()).await.unwrap_err();
            assert_eq!(error.effect(), Effect::Unknown);
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_beyond_the_bound_is_refused_and_one_within_is_whole() {
        let small = Options { max_body_bytes: 3, ..Options::default() };
        let long = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd";
        assert!(matches!(answer_once(long, &small).await, Err(TransportError::TooLarge { limit: 3, .. })));
        let headed =
            b"HTTP/1.1 503 x\r\nRetry-After: 2\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 3\r\n\r\nabc";
        let exchange = answer_once(headed, &small).await.unwrap();
        assert_eq!((exchange.status, exchange.body.as_ref()), (503, &b"abc"[..]));
        assert_eq!(
            (exchange.retry_after, exchange.cookies),
            (Some(Duration::from_secs(2)), vec!["a=b".to_owned()])
        );
    }
}

//! A schema registry with Confluent's HTTP interface: Confluent's own, Karapace, Apicurio, Redpanda.
//!
//! Two calls, as its API reference tells them: `POST /subjects/{subject}/versions` registers a schema, or finds it there,
//! and `GET /schemas/ids/{id}` tells one. Both change nothing when repeated, so what is transient is repeated here.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use url::Url;
use weir_model::secret::Secret;

use crate::http::{BuildError, Exchange, Http, Options, TransportError, header};

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// The first rest after a transient failure; it doubles each time.
const FIRST_REST: Duration = Duration::from_millis(250);
/// Calls before a transient failure is told: seven seconds and a half of rests.
const MOST_CALLS: u32 = 6;

/// Where the registry is, and as whom it is called.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its base URL; a path in it stays.
    pub base_url: Url,
    /// User and password, or API key and secret; none for a registry without login.
    pub login: Option<(String, Secret)>,
    /// Time-outs and the largest answer.
    pub http: Options,
}

/// Calls a schema registry.
#[derive(Debug, Clone)]
pub struct RegistryClient {
    http: Http,
    base_url: Url,
    headers: HeaderMap,
}

/// The client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The HTTP part.
    #[error(transparent)]
    Http(#[from] BuildError),
    /// The login.
    #[error("the schema registry's login cannot be sent: {0}")]
    Login(String),
}

/// Why the registry told nothing.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It was not reached, or its answer broke off.
    #[error("could not {attempted}; is the schema registry's address right, and is it running?")]
    Transport {
        /// What was being done.
        attempted: String,
        /// What failed.
        #[source]
        source: TransportError,
    },
    /// It refused.
    #[error("could not {attempted}: the schema registry answered {status} {text}; {remedy}")]
    Refused {
        /// What was being done.
        attempted: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own words.
        text: String,
        /// What the user can do about it.
        remedy: &'static str,
    },
    /// Its answer is none of a schema registry.
    #[error("could not {attempted}: what answered at {host} is no schema registry; check its address")]
    Unreadable {
        /// What was being done.
        attempted: String,
        /// The host that answered.
        host: String,
        /// Why it cannot be read.
        #[source]
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct Told {
    schema: String,
}

#[derive(Deserialize)]
struct Complaint {
    message: String,
}

impl RegistryClient {
    /// Sets the client up; nothing is called yet.
    ///
    /// # Errors
    /// When the HTTP part cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let mut headers = HeaderMap::new();
        let mut set = |name, value: &str, sensitive| {
            header(&mut headers, name, value, sensitive).map_err(SetupError::Login)
        };
        set("accept", MEDIA_TYPE, false)?;
        if let Some((user, password)) = &settings.login {
            let login = STANDARD.encode(format!("{user}:{}", password.expose()));
            set("authorization", &format!("Basic {login}"), true)?;
        }
        Ok(Self { http: Http::new(&settings.http)?, base_url: settings.base_url, headers })
    }

    /// Registers an Avro schema (JSON text) under `subject`, or finds it there; tells its id.
    ///
    /// # Errors
    /// When the registry refuses it, or cannot be reached for a while.
    pub async fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let attempted = || format!("register the schema of {subject}");
        let url = self.url(&["subjects", subject, "versions"]);
        let body = Bytes::from(json!({ "schema": schema }).to_string());
        let mut headers = self.headers.clone();
        headers.insert("content-type", reqwest::header::HeaderValue::from_static(MEDIA_TYPE));
        let post = || self.http.post(&url, headers.clone(), body.clone());
        let exchange = repeated(post).await;
        self.read::<Registered>(exchange, attempted).map(|registered| registered.id)
    }

    /// The JSON text of the schema with this id.
    ///
    /// # Errors
    /// When there is none, or the registry cannot be reached for a while.
    pub async fn schema(&self, id: u32) -> Result<String, RegistryError> {
        let attempted = || format!("fetch schema {id}");
        let url = self.url(&["schemas", "ids", &id.to_string()]);
        let exchange = repeated(|| self.http.get(&url, self.headers.clone())).await;
        self.read::<Told>(exchange, attempted).map(|told| told.schema)
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    fn read<T: for<'de> Deserialize<'de>>(
        &self,
        exchange: Result<Exchange, TransportError>,
        attempted: impl Fn() -> String,
    ) -> Result<T, RegistryError> {
        let exchange =
            exchange.map_err(|source| RegistryError::Transport { attempted: attempted(), source })?;
        if !exchange.is_answer() {
            let words =
                serde_json::from_slice::<Complaint>(&exchange.body).map(|complaint| complaint.message);
            return Err(RegistryError::Refused {
                attempted: attempted(),
                status: exchange.status,
                text: words.unwrap_or_default(),
                remedy: remedy(exchange.status),
            });
        }
        serde_json::from_slice(&exchange.body).map_err(|source| RegistryError::Unreadable {
            attempted: attempted(),
            host: self.base_url.host_str().unwrap_or_default().to_owned(),
            source,
        })
    }
}

/// Calls until there is an answer that repeating would not change, or for long enough.
async fn repeated<F>(call: impl Fn() -> F) -> Result<Exchange, TransportError>
where
    F: Future<Output = Result<Exchange, TransportError>>,
{
    let mut rest = FIRST_REST;
    for _ in 1..MOST_CALLS {
        match call().await {
            Ok(exchange) if exchange.status != 429 && exchange.status < 500 => return Ok(exchange),
            Ok(exchange) => {
                tracing::warn!(status = exchange.status, ?rest, "schema registry is busy, asking again");
            }
            Err(error) => tracing::warn!(%error, ?rest, "schema registry is away, asking again"),
        }
        tokio::time::sleep(rest).await;
        rest *= 2;
    }
    call().await
}

fn remedy(status: u16) -> &'static str {
    match status {
        401 | 403 => "check the login of the schema registry and its rights",
        404 => "check the schema registry's address; or another registry gave this id",
        409 => {
            "the subject holds a schema that this one is not compatible with: use a registry or topic prefix of its own"
        }
        422 => "the registry does not take the schema: is it one for Avro?",
        _ => "try again, and ask whoever runs the registry",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;

    async fn served(answers: &[&str]) -> (Scripted, RegistryClient) {
        let server = Scripted::serve(answers).await;
        let settings = Settings {
            base_url: server.base_url.join("/registry/").unwrap(),
            login: Some(("weir".to_owned(), Secret::new("geheim"))),
            http: Options::default(),
        };
        (server, RegistryClient::new(settings).unwrap())
    }

    fn refused(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn a_schema_is_registered_and_told() {
        let (server, client) = served(&[r#"{"id":7}"#, r#"{"schema":"\"string\""}"#]).await;
        assert_eq!(client.register("weir/raw record", r#"{"type":"string"}"#).await.unwrap(), 7);
        assert_eq!(client.schema(7).await.unwrap(), "\"string\"");
        let seen = server.seen();
        assert!(
            seen[0].starts_with("POST /registry/subjects/weir%2Fraw%20record/versions HTTP/1.1"),
            "{seen:?}"
        );
        assert!(seen[0].ends_with(r#"{"schema":"{\"type\":\"string\"}"}"#), "{seen:?}");
        assert!(seen[0].contains("content-type: application/vnd.schemaregistry.v1+json"), "{seen:?}");
        assert!(seen[1].starts_with("GET /registry/schemas/ids/7 HTTP/1.1"), "{seen:?}");
        assert!(seen[1].contains("authorization: Basic d2VpcjpnZWhlaW0="), "{seen:?}");
    }

    #[tokio::test]
    async fn a_busy_registry_is_asked_again_and_a_refusal_is_told_in_its_words() {
        let busy = refused("503 Busy", "");
        let incompatible =
            refused("409 Conflict", r#"{"error_code":409,"message":"field x has no default"}"#);
        let (server, client) = served(&[&busy, &incompatible]).await;
        let error = client.register("s", "{}").await.unwrap_err();
        assert_eq!(server.seen().len(), 2);
        assert!(matches!(error, RegistryError::Refused { status: 409, .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("register the schema of s") && text.contains("field x has no default"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn another_web_server_is_told_from_a_registry() {
        let (_server, client) = served(&["<html>hello</html>"]).await;
        let error = client.schema(1).await.unwrap_err();
        assert!(matches!(error, RegistryError::Unreadable { .. }), "{error:?}");
        assert!(!format!("{client:?}").contains("d2VpcjpnZWhlaW0="), "the login is shown nowhere");
    }
}

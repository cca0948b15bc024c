//! The signed headers, pure (contract kingdee-galaxy §2b). The body is not signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

use super::client::{Application, Credentials};

/// The pad that the official SDK hides in rot13 fragments; the text itself is the pad, not what it would be as hex.
const PAD: &[u8] = b"0054f397c6234378b09ca7d3e5debce7";
/// The path's slashes are written `%2F`, the unreserved characters stay.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');
/// The first `/` is looked for from here, so that those of `https://` are passed over.
const BEHIND_SCHEME: usize = 10;

/// The values of the signed headers. Not shown: they are as good as a password until the server's window closes.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `X-Api-ClientID`.
    pub client_id: String,
    /// `X-Api-Signature`.
    pub api_signature: String,
    /// `X-Kd-Appdata`.
    pub app_data: String,
    /// `X-Kd-Signature`.
    pub app_signature: String,
}

/// The application id is not `<client id>_<32 characters of base64>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the application id is not made of a client id, an underscore and 32 characters of base64")]
pub struct BadAppId;

/// Signs a call to `url`; `timestamp`, in seconds, is also the nonce.
///
/// # Errors
/// When the application id has another form.
pub fn sign(
    credentials: &Credentials,
    application: &Application,
    url: &str,
    timestamp: &str,
) -> Result<SignedHeaders, BadAppId> {
    let (client_id, key) = signing_key(application.app_id.expose())?;
    let text = format!("POST\n{}\n\nx-api-nonce:{timestamp}\nx-api-timestamp:{timestamp}\n", path_text(url));
    let app_data = format!(
        "{},{},{},{}",
        credentials.account_id, credentials.user_name, credentials.language, application.organisation
    );
    let app_text = format!("{}{app_data}", application.app_id.expose());
    Ok(SignedHeaders {
        client_id: client_id.to_owned(),
        api_signature: hex_hmac(key.as_bytes(), &text),
        app_data: BASE64.encode(&app_data),
        app_signature: hex_hmac(application.app_secret.expose().as_bytes(), &app_text),
    })
}

/// The client id, and the key: the second part of the id with the pad taken off.
fn signing_key(app_id: &str) -> Result<(&str, String), BadAppId> {
    let (client_id, masked) =
        app_id.split_once('_').filter(|(_, rest)| !rest.contains('_')).ok_or(BadAppId)?;
    let masked = BASE64.decode(masked).map_err(|_| BadAppId)?;
    if masked.is_empty() || masked.len() > PAD.len() {
        return Err(BadAppId);
    }
    let key: Vec<u8> = masked.iter().zip(PAD).map(|(byte, pad)| byte ^ pad).collect();
    Ok((client_id, BASE64.encode(key)))
}

fn path_text(url: &str) -> String {
    let path = url.get(BEHIND_SCHEME..).and_then(|rest| rest.find('/').and_then(|at| rest.get(at..)));
    utf8_percent_encode(path.unwrap_or_default(), PATH).to_string()
}

/// The hex text of the digest is encoded, not the digest.
fn hex_hmac(key: &[u8], text: &str) -> String {
    // An HMAC takes a key of any length; without one nothing is signed and the server refuses.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(text.as_bytes());
    BASE64.encode(hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use weir_model::secret::Secret;

    use super::super::client::Proof;
    use super::*;

    const URL: &str = "http://127.0.0.1:18080/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.BatchSave.common.kdsvc";

    fn application() -> Application {
        Application {
            app_id: Secret::new("200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz"),
            app_secret: Secret::new("0123456789abcdef0123456789abcdef"),
            organisation: "0".into(),
        }
    }

    fn signed(application: &Application, timestamp: &str) -> Result<SignedHeaders, BadAppId> {
        let credentials = Credentials {
            account_id: "65f0c0ffee0001".into(),
            user_name: "integration".into(),
            language: 2052,
            proof: Proof::Signature(application.clone()),
        };
        sign(&credentials, application, URL, timestamp)
    }

    #[test]
    fn the_worked_example() {
        let (client_id, key) =
            signing_key(application().app_id.expose()).map(|(id, key)| (id.to_owned(), key)).unwrap();
        assert_eq!((client_id.as_str(), key.as_str()), ("200001", "Q1FbUARcQRoCRkIeR1ZSXE8CDQEYQwFA"));
        assert_eq!(
            path_text(URL),
            "%2Fk3cloud%2FKingdee.BOS.WebApi.ServicesStub.DynamicFormService.BatchSave.common.kdsvc"
        );
        let signed = signed(&application(), "1700000000").unwrap();
        assert_eq!(
            signed.api_signature,
            "ZjM0MDU3MGY4ZGYyOTBkY2M5NDQ5ZTUwMTIwNzM0MTExNzQ2YjA4OGYwNmMxZjAyYTYzMjQxOTk0OWIzZWUwNg=="
        );
        assert_eq!(signed.app_data, "NjVmMGMwZmZlZTAwMDEsaW50ZWdyYXRpb24sMjA1Miww");
        assert_eq!(
            signed.app_signature,
            "OGJmNzFhNjM1NDA1NmY3MGFhNjJiZDAwNjk4YThlMzQ1YjU5OTYyOTQ0YmZkN2I3OWQzMmZkODZhMGQyMGQxYg=="
        );
    }

    #[test]
    fn another_form_of_the_application_id_is_refused_without_showing_it() {
        for app_id in ["200001", "a_b_c", "a_???", "a_"] {
            let application = Application { app_id: Secret::new(app_id), ..application() };
            assert_eq!(signed(&application, "1").err(), Some(BadAppId), "{app_id}");
        }
    }
}

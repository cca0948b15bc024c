//! Signed headers and the login signature (contract kingdee-galaxy §2a and §2b).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

/// What the SDKs mix into the client key: the text itself, not its hex value.
const PAD: &[u8] = b"0054f397c6234378b09ca7d3e5debce7";

/// What stays as it is in the signed path. A slash does not: it becomes `%2F`.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

/// An application id, split into the client id and the key its calls are signed with.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientKey {
    pub client_id: String,
    pub key: String,
}

impl ClientKey {
    /// Splits an application id. One that has not exactly two parts gives an empty client id and key.
    pub fn of(app_id: &str) -> Self {
        let parts: Vec<_> = app_id.split('_').collect();
        match parts.as_slice() {
            [client_id, masked] => Self { client_id: (*client_id).to_owned(), key: unmask(masked) },
            _ => Self { client_id: String::new(), key: String::new() },
        }
    }
}

fn unmask(masked: &str) -> String {
    let bytes = BASE64.decode(masked).unwrap_or_default();
    let mixed: Vec<u8> = bytes.iter().zip(PAD).map(|(byte, pad)| byte ^ pad).collect();
    BASE64.encode(mixed)
}

/// The text an API signature is made over. Nonce and timestamp are the received texts.
fn api_text(path: &str, nonce: &str, timestamp: &str) -> String {
    let path = utf8_percent_encode(path, PATH);
    format!("POST\n{path}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{timestamp}\n")
}

/// The header `X-Api-Signature` of a call.
pub fn api_signature(key: &str, path: &str, nonce: &str, timestamp: &str) -> String {
    BASE64.encode(hex_hmac(key, &api_text(path, nonce, timestamp)))
}

/// The header `X-Kd-Signature` of a call; `app_data` is what `X-Kd-Appdata` says, decoded.
pub fn kd_signature(app_secret: &str, app_id: &str, app_data: &str) -> String {
    BASE64.encode(hex_hmac(app_secret, &format!("{app_id}{app_data}")))
}

/// What `X-Kd-Appdata` says: `AcctID,UserName,LCID,OrgNum`.
pub fn app_data(header: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(header).ok()?).ok()
}

/// The signature of `LoginBySign`: the hash of the five texts, sorted and joined.
pub fn login_signature(mut texts: [&str; 5]) -> String {
    texts.sort_unstable();
    hex::encode(Sha256::digest(texts.concat()))
}

fn hex_hmac(key: &str, text: &str) -> String {
    // HMAC takes a key of any length.
    match Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
        Ok(mut mac) => {
            mac.update(text.as_bytes());
            hex::encode(mac.finalize().into_bytes())
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP_ID: &str = "200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz";
    const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";
    const PATH: &str = "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.BatchSave.common.kdsvc";

    #[test]
    fn the_worked_example() {
        let client = ClientKey::of(APP_ID);
        assert_eq!(client.client_id, "200001");
        assert_eq!(client.key, "Q1FbUARcQRoCRkIeR1ZSXE8CDQEYQwFA");
        assert_eq!(
            api_text(PATH, "1700000000", "1700000000"),
            "POST\n%2Fk3cloud%2FKingdee.BOS.WebApi.ServicesStub.DynamicFormService.BatchSave.common.kdsvc\n\nx-api-nonce:1700000000\nx-api-timestamp:1700000000\n"
        );
        assert_eq!(
            api_signature(&client.key, PATH, "1700000000", "1700000000"),
            "ZjM0MDU3MGY4ZGYyOTBkY2M5NDQ5ZTUwMTIwNzM0MTExNzQ2YjA4OGYwNmMxZjAyYTYzMjQxOTk0OWIzZWUwNg=="
        );
        let data = app_data("NjVmMGMwZmZlZTAwMDEsaW50ZWdyYXRpb24sMjA1Miww").unwrap();
        assert_eq!(data, "65f0c0ffee0001,integration,2052,0");
        assert_eq!(
            kd_signature(APP_SECRET, APP_ID, &data),
            "OGJmNzFhNjM1NDA1NmY3MGFhNjJiZDAwNjk4YThlMzQ1YjU5OTYyOTQ0YmZkN2I3OWQzMmZkODZhMGQyMGQxYg=="
        );
        assert_eq!(
            login_signature(["65f0c0ffee0001", "integration", APP_ID, APP_SECRET, "1700000000"]),
            "2c4426cd9f0d4b4b1093b6ce08922fff83d46bb5117fed5ed15dc4cf9093522e"
        );
    }

    #[test]
    fn an_application_id_of_other_parts_has_no_key() {
        for app_id in ["200001", "a_b_c", ""] {
            assert_eq!(ClientKey::of(app_id).client_id, "");
        }
    }
}

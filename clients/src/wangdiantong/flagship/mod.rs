//! 旺店通·旗舰版 (contract wangdiantong-flagship): the vendor's own gateway with salt and shifted clock, and Qimen with two
//! signatures.

pub mod direct;
pub mod endpoints;
pub mod errors;
pub mod qimen;

pub use direct::Direct;
pub use qimen::Qimen;

use md5::{Digest as _, Md5};
use weir_model::secret::Secret;

/// The name in configuration, metrics and descriptions.
pub const SYSTEM: &str = "wangdiantong-flagship";

/// Who calls.
#[derive(Debug, Clone)]
pub struct Account {
    /// The seller.
    pub sid: String,
    /// The interface account; public.
    pub app_key: String,
    /// The part of the issued secret before the colon; never sent.
    pub secret: Secret,
    /// The part after it; sent with every call.
    pub salt: Secret,
}

impl Account {
    /// Takes the issued secret, `secret:salt`, apart; `None` when it has no such form.
    pub fn new(sid: String, app_key: String, issued: &Secret) -> Option<Self> {
        let (secret, salt) = issued.expose().split_once(':')?;
        let whole = !secret.is_empty() && !salt.is_empty();
        whole.then(|| Self { sid, app_key, secret: Secret::new(secret), salt: Secret::new(salt) })
    }

    /// Lower-case hex MD5 of `text` between the secret and the secret.
    fn sign(&self, text: &str) -> String {
        let mut hash = Md5::new();
        hash.update(self.secret.expose());
        hash.update(text);
        hash.update(self.secret.expose());
        hex::encode(hash.finalize())
    }
}

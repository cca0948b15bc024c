//! Seals what must be kept but never read: renewed tokens on their way into a topic (invariant 8).
//!
//! AES-256-GCM with a random nonce, under a key that HKDF-SHA-256 derives from the configured secret. Whom a value
//! belongs to is authenticated with it, so that a value that was moved to another account does not open.

use std::fmt;

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce},
    hkdf::{HKDF_SHA256, Salt},
    rand::{SecureRandom as _, SystemRandom},
};
use weir_model::secret::Secret;

/// First byte of what is sealed; another way of sealing gets another one.
const FORMAT: u8 = 1;
/// Sets the derived key apart from any other use of the same secret.
const PURPOSE: &[u8] = b"weir sealed token, format 1";

/// Why a value could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The system gave no random bytes, or the key could not be derived.
    #[error("cannot seal a token on this machine: its source of random bytes does not answer")]
    Unavailable,
    /// Another key sealed it, it belongs to something else, or it was changed.
    #[error(
        "the stored token does not open: set `seal_key` to the key it was sealed with, or authorise again and configure \
         the new access_token and refresh_token"
    )]
    Foreign,
}

/// The key that seals; made of the configured `seal_key`.
#[derive(Clone)]
pub struct SealingKey(LessSafeKey);

impl fmt::Debug for SealingKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SealingKey(…)")
    }
}

impl SealingKey {
    /// Derives the key. The secret should hold 32 random bytes, as `openssl rand -hex 32` makes them.
    ///
    /// # Errors
    /// [`SealError::Unavailable`] when the library refuses.
    pub fn derive(secret: &Secret) -> Result<Self, SealError> {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(secret.expose().as_bytes());
        let derived = extracted.expand(&[PURPOSE], &AES_256_GCM).map_err(|_| SealError::Unavailable)?;
        Ok(Self(LessSafeKey::new(derived.into())))
    }

    /// Seals `clear` for its `owners`, such as an account and a lineage.
    ///
    /// # Errors
    /// [`SealError::Unavailable`].
    pub fn seal(&self, owners: [&str; 2], clear: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::Unavailable)?;
        let mut body = clear.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), authenticated(owners), &mut body)
            .map_err(|_| SealError::Unavailable)?;
        Ok([&[FORMAT], nonce.as_slice(), &body].concat())
    }

    /// Opens what was sealed for the same `owners`.
    ///
    /// # Errors
    /// [`SealError::Foreign`].
    pub fn open(&self, owners: [&str; 2], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let Some((&FORMAT, rest)) = sealed.split_first() else { return Err(SealError::Foreign) };
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Foreign)?;
        let mut body = body.to_vec();
        let clear = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), authenticated(owners), &mut body)
            .map_err(|_| SealError::Foreign)?;
        Ok(clear.to_vec())
    }
}

/// The owners, each behind its length, so that no two pairs read alike.
fn authenticated(owners: [&str; 2]) -> Aad<Vec<u8>> {
    let parts = owners.into_iter().flat_map(|owner| {
        let length = u64::try_from(owner.len()).unwrap_or(u64::MAX);
        length.to_be_bytes().into_iter().chain(owner.bytes())
    });
    Aad::from(parts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNERS: [&str; 2] = ["shop", "lineage"];

    fn key(secret: &str) -> SealingKey {
        SealingKey::derive(&Secret::new(secret)).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_and_shows_nothing() {
        let sealed = key("one").seal(OWNERS, b"access-token").unwrap();
        assert_eq!(key("one").open(OWNERS, &sealed).unwrap(), b"access-token");
        assert!(!sealed.windows(6).any(|part| part == b"access"));
        assert_ne!(key("one").seal(OWNERS, b"access-token").unwrap(), sealed, "a nonce of its own each time");
        assert_eq!(format!("{:?}", key("one")), "SealingKey(…)");
    }

    #[test]
    fn another_key_or_owner_opens_nothing() {
        let sealed = key("one").seal(OWNERS, b"access-token").unwrap();
        assert_eq!(key("two").open(OWNERS, &sealed), Err(SealError::Foreign));
        for owners in [["other", "lineage"], ["shop", "other"], ["shopl", "ineage"]] {
            assert_eq!(key("one").open(owners, &sealed), Err(SealError::Foreign), "{owners:?}");
        }
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed_and_so_is_a_missing_one() {
        let sealed = key("one").seal(OWNERS, b"access-token").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key("one").open(OWNERS, &changed), Err(SealError::Foreign), "byte {at}");
            assert_eq!(key("one").open(OWNERS, &sealed[..at]), Err(SealError::Foreign), "cut at {at}");
        }
    }
}

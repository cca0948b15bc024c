//! Tokens: one renewal at a time, stored before use (contract decisions "聚水潭": a renewal is taken to kill the old token).
//!
//! The client does not know where tokens are kept. Whoever owns the account hands in a [`TokenStore`], which keeps them
//! [sealed](Token::seal) beside the account's cursors, so that they survive a take-over.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;
use weir_model::secret::Secret;

use crate::seal::{SealError, SealingKey};

/// How long before its end a token is renewed (contract jushuitan §3: 12 to 24 hours).
const AHEAD_SECONDS: i64 = 12 * 60 * 60;
/// How long a renewal ahead of time that failed is not tried again, while the old token still serves.
const POSTPONED: Duration = Duration::from_secs(10 * 60);

/// A merchant's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Sent with every call.
    pub access_token: Secret,
    /// Buys the next one; without it nothing is renewed.
    pub refresh_token: Option<Secret>,
    /// When the access token ends; unknown for one from the configuration.
    pub expires_at: Option<Timestamp>,
    /// Digest of the configured token that this one descends from. When a person configures another one, a stored
    /// descendant of the former is no longer used.
    pub lineage: String,
}

impl Token {
    /// A token from the configuration.
    pub fn configured(access_token: Secret, refresh_token: Option<Secret>) -> Self {
        let mut hash = Sha256::new();
        hash.update(access_token.expose());
        hash.update([0]);
        hash.update(refresh_token.as_ref().map(Secret::expose).unwrap_or_default());
        let lineage = hex::encode(hash.finalize());
        Self { access_token, refresh_token, expires_at: None, lineage }
    }

    /// The token for keeping: opens only with the same key, for the same account and lineage.
    ///
    /// # Errors
    /// When nothing can be sealed on this machine.
    pub fn seal(&self, key: &SealingKey, account: &str) -> Result<Vec<u8>, SealError> {
        let kept = Kept {
            access_token: self.access_token.expose().into(),
            refresh_token: self.refresh_token.as_ref().map(|token| token.expose().into()),
            expires_at: self.expires_at.map(Timestamp::as_second),
        };
        let clear = serde_json::to_vec(&kept).map_err(|_| SealError::Unavailable)?;
        key.seal([account, &self.lineage], &clear)
    }

    /// Opens what [`Token::seal`] made.
    ///
    /// # Errors
    /// When another key sealed it, or it is another account's or lineage's.
    pub fn open(key: &SealingKey, account: &str, lineage: &str, sealed: &[u8]) -> Result<Self, SealError> {
        let clear = key.open([account, lineage], sealed)?;
        let kept: Kept<'_> = serde_json::from_slice(&clear).map_err(|_| SealError::Foreign)?;
        Ok(Self {
            access_token: Secret::new(kept.access_token),
            refresh_token: kept.refresh_token.map(Secret::new),
            expires_at: kept.expires_at.and_then(|second| Timestamp::from_second(second).ok()),
            lineage: lineage.to_owned(),
        })
    }
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    access_token: Cow<'a, str>,
    refresh_token: Option<Cow<'a, str>>,
    /// Seconds since 1970.
    expires_at: Option<i64>,
}

/// A token could not be loaded or stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What was stored cannot be opened, or nothing can be sealed: only a person can mend that.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store is away, or the account belongs to another process.
    #[error("the token store did not take it")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Keeps the newest token of one account, sealed.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The newest token that was stored, if it is of this lineage.
    async fn load(&self, lineage: &str) -> Result<Option<Token>, StoreError>;

    /// Stores a token durably. The token is used only after this returned well.
    async fn store(&self, token: &Token) -> Result<(), StoreError>;
}

/// The token in use. The lock is held over a renewal, so that other calls wait for the new token instead of using one
/// that is about to die.
pub(super) struct Tokens {
    configured: Token,
    store: Option<Arc<dyn TokenStore>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    postponed_until: Option<Instant>,
}

/// Why there is no token to use.
pub(super) enum RenewError<E> {
    Store(StoreError),
    Exchange(E),
}

impl Tokens {
    pub(super) fn new(configured: Token, store: Option<Arc<dyn TokenStore>>) -> Self {
        Self { configured, store, state: Mutex::default() }
    }

    /// The token to call with, renewed when it is about to end. `exchange` buys a new one for a refresh token.
    pub(super) async fn current<E: std::fmt::Display>(
        &self,
        now: Timestamp,
        exchange: impl AsyncFnOnce(&Token, &Secret) -> Result<Token, E>,
    ) -> Result<Token, RenewError<E>> {
        let mut state = self.state.lock().await;
        let token = self.loaded(&mut state).await.map_err(RenewError::Store)?;
        let Some(refresh_token) = due(&token, now) else { return Ok(token) };
        if state.postponed_until.is_some_and(|until| Instant::now() < until) {
            return Ok(token);
        }
        self.confirm(&token).await.map_err(RenewError::Store)?;
        match exchange(&token, &refresh_token).await {
            Ok(renewed) => self.adopt(&mut state, renewed).await.map_err(RenewError::Store),
            Err(error) if token.expires_at.is_some_and(|end| now < end) => {
                tracing::warn!(%error, "token not renewed ahead of time, the old one still serves");
                state.postponed_until = Some(Instant::now() + POSTPONED);
                Ok(token)
            }
            Err(error) => Err(RenewError::Exchange(error)),
        }
    }

    /// Renews after the server refused `refused`; another call may have done so meanwhile. `None` when there is no refresh
    /// token.
    pub(super) async fn renew<E>(
        &self,
        refused: &Token,
        exchange: impl AsyncFnOnce(&Token, &Secret) -> Result<Token, E>,
    ) -> Result<Option<Token>, RenewError<E>> {
        let mut state = self.state.lock().await;
        let token = self.loaded(&mut state).await.map_err(RenewError::Store)?;
        if token.access_token != refused.access_token {
            return Ok(Some(token));
        }
        let Some(refresh_token) = token.refresh_token.clone() else { return Ok(None) };
        self.confirm(&token).await.map_err(RenewError::Store)?;
        let renewed = exchange(&token, &refresh_token).await.map_err(RenewError::Exchange)?;
        self.adopt(&mut state, renewed).await.map(Some).map_err(RenewError::Store)
    }

    /// Reads the store again before the next call.
    pub(super) async fn reload(&self) {
        *self.state.lock().await = State::default();
    }

    async fn loaded(&self, state: &mut State) -> Result<Token, StoreError> {
        if let Some(token) = &state.token {
            return Ok(token.clone());
        }
        let stored = match &self.store {
            Some(store) => store.load(&self.configured.lineage).await?,
            None => None,
        };
        Ok(state.token.insert(stored.unwrap_or_else(|| self.configured.clone())).clone())
    }

    /// Stores the old token once more: who lost the account, or never owned it, learns so before it kills a token that
    /// others use and buys one that it cannot store.
    async fn confirm(&self, token: &Token) -> Result<(), StoreError> {
        match &self.store {
            Some(store) => store.store(token).await,
            None => Ok(()),
        }
    }

    /// Invariant 1 for tokens: the old one may be dead, so the new one is durable before it is used.
    async fn adopt(&self, state: &mut State, renewed: Token) -> Result<Token, StoreError> {
        if let Some(store) = &self.store {
            store.store(&renewed).await?;
        }
        state.token = Some(renewed.clone());
        Ok(renewed)
    }
}

/// The refresh token, when the access token is about to end.
fn due(token: &Token, now: Timestamp) -> Option<Secret> {
    let end = token.expires_at?;
    let near = end.as_second() - now.as_second() <= AHEAD_SECONDS;
    token.refresh_token.clone().filter(|_| near)
}

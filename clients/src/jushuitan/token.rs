//! Tokens: one renewal at a time, stored before use (contract decisions "聚水潭": a renewal is taken to kill the old token).
//!
//! The client does not know where tokens are kept. Whoever owns the account hands in a [`TokenStore`], which seals them
//! (AES-GCM, key from the configuration) beside the account's cursors, so that they survive a take-over.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;
use weir_model::secret::Secret;

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
}

/// A token could not be loaded or stored.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps the newest token of one account, sealed.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The newest token that was stored, if any.
    async fn load(&self) -> Result<Option<Token>, StoreError>;

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
            Some(store) => store.load().await?,
            None => None,
        };
        let stored = stored.filter(|token| token.lineage == self.configured.lineage);
        Ok(state.token.insert(stored.unwrap_or_else(|| self.configured.clone())).clone())
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

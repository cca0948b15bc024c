//! Where an account's renewed tokens are kept: sealed, in `weir.cursor`, by whoever owns the account.
//!
//! Storing is a publication like any other: it is durable when the transaction is committed, and refused to a process
//! that lost the account (invariants 1 and 7). What stands in the topic is sealed (invariant 8).

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use thiserror::Error;
use weir_clients::{
    jushuitan::{StoreError, Token, TokenStore},
    seal::SealingKey,
};
use weir_model::{names::ConnectionName, time::Clock, token::SealedToken};
use weir_runtime::poll::{Publication, Publisher};

/// The tokens of one account of one system.
pub struct AccountTokens {
    account: ConnectionName,
    system: &'static str,
    key: SealingKey,
    clock: Arc<dyn Clock>,
    ownership: Mutex<Ownership>,
}

/// What this process has of the account.
#[derive(Default)]
struct Ownership {
    /// None before the account was taken over, as in a probe.
    publisher: Option<Publisher>,
    newest: Option<SealedToken>,
}

/// The process does not poll the account, so it may not renew its token.
#[derive(Debug, Error)]
#[error(
    "only the process that polls the account renews its token, and this one does not; configure a token that is valid, or \
     ask the running producers"
)]
struct NotOwned;

impl AccountTokens {
    /// Tokens of an account that is not taken over yet.
    pub fn new(
        account: ConnectionName,
        system: &'static str,
        key: SealingKey,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { account, system, key, clock, ownership: Mutex::default() }
    }

    /// The account is ours: its newest token was `newest`, and the next ones go to `publisher`.
    pub fn taken_over(&self, publisher: Publisher, newest: Option<SealedToken>) {
        let newest = newest.filter(|token| token.system == self.system);
        self.with_ownership(|ownership| {
            *ownership = Ownership { publisher: Some(publisher), newest };
        });
    }

    fn with_ownership<T>(&self, work: impl FnOnce(&mut Ownership) -> T) -> T {
        work(&mut self.ownership.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl TokenStore for AccountTokens {
    async fn load(&self, lineage: &str) -> Result<Option<Token>, StoreError> {
        let newest = self.with_ownership(|ownership| ownership.newest.clone());
        let Some(kept) = newest.filter(|token| token.lineage == lineage) else { return Ok(None) };
        Ok(Some(Token::open(&self.key, self.account.as_str(), lineage, &kept.sealed)?))
    }

    async fn store(&self, token: &Token) -> Result<(), StoreError> {
        let publisher = self.with_ownership(|ownership| ownership.publisher.clone());
        let publisher = publisher.ok_or_else(|| StoreError::Unavailable(Box::new(NotOwned)))?;
        let sealed = SealedToken {
            account: self.account.clone(),
            system: self.system.to_owned(),
            lineage: token.lineage.clone(),
            sealed: token.seal(&self.key, self.account.as_str())?.into(),
            at: self.clock.now(),
        };
        let publication = Publication { token: Some(sealed.clone()), ..Publication::default() };
        publisher.publish(publication).await.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        self.with_ownership(|ownership| ownership.newest = Some(sealed));
        Ok(())
    }
}

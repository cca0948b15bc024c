//! The calls of one account, by either path: quota, signed request, post, answer; a refused clock corrected once.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::answer::{Answer, Reading, Refusal};
use super::gateway::{Call, Gateway, Gateways, Outgoing, Verdict};
use super::operation::{Edition, Endpoint};
use crate::class::Class;
use crate::error::{Attempt, CallError, Cause, Effect};
use crate::governor::{Governor, Lane, Permit};
use crate::http::{self, Exchange, Http};

/// The rests after HTTP status 429 without `Retry-After`.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Where and as whom a connection speaks.
#[derive(Debug)]
pub struct Settings {
    /// The connection's name in the configuration.
    pub connection: String,
    /// Which product it is.
    pub edition: Edition,
    /// The paths it has credentials for.
    pub gateways: Gateways,
    /// Time-outs and bounds.
    pub http: http::Options,
}

/// One account's client. Shared by all its sources and both paths, so that they share its quota.
pub struct Client {
    settings: Settings,
    http: Http,
    governor: Governor,
    /// Server's clock minus ours, in seconds; learnt when a time was refused.
    clock_offset: AtomicI64,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Client {
    /// Sets the client up; nothing is called yet.
    ///
    /// # Errors
    /// When the HTTP part cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, http::BuildError> {
        Ok(Self {
            http: Http::new(&settings.http)?,
            governor: Governor::default(),
            clock_offset: AtomicI64::new(0),
            settings,
        })
    }

    /// The account's quota: what is left, and the low start after a take-over.
    pub fn governor(&self) -> &Governor {
        &self.governor
    }

    /// Calls for one page. Waits for a place in the quota. A time that was refused is corrected once; nothing else is
    /// repeated.
    ///
    /// # Errors
    /// With class and remedy. An answer that cannot be read carries its bytes.
    pub async fn call(&self, endpoint: &Endpoint, call: &Call<'_>, lane: Lane) -> Result<Answer, CallError> {
        let gateway = self.settings.gateways.get(endpoint.access);
        let gateway = gateway.ok_or_else(|| {
            let access = endpoint.access.name();
            self.wrong_setting(call.operation, format!("the connection has no credentials for {access}"))
        })?;
        let limiter = self.governor.limiter("account", &endpoint.limits);
        let mut corrected = false;
        loop {
            let permit = limiter.acquire(lane).await;
            let outgoing = gateway
                .outgoing(call, self.server_time())
                .map_err(|reason| self.wrong_setting(call.operation, reason))?;
            let (exchange, permit) = self.post(call.operation, outgoing, permit).await?;
            let refusal = match gateway.read(&exchange.body, endpoint.list_path) {
                Ok(Reading::Good(answer)) => {
                    permit.answered();
                    return Ok(answer);
                }
                Ok(Reading::Refused(refusal)) => refusal,
                Err(misread) => {
                    let error = CallError::unreadable(self.attempt(call.operation), misread.to_string());
                    return Err(error.with_body(exchange.body));
                }
            };
            let verdict = self.weigh(gateway, &refusal, permit);
            if verdict.may_be_the_clock && !corrected && self.adopt_clock(exchange.date) {
                corrected = true;
                continue;
            }
            return Err(self.refused(call.operation, &refusal, verdict));
        }
    }

    /// Posts a request. The permit comes back with a 200, whose body alone tells whether it speaks of the quota.
    async fn post(
        &self,
        operation: &str,
        outgoing: Outgoing,
        permit: Permit,
    ) -> Result<(Exchange, Permit), CallError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(outgoing.content_type));
        let posted = self.http.post(&outgoing.url, headers, outgoing.body).await;
        let exchange = posted.map_err(|error| CallError::transport(self.attempt(operation), error))?;
        if exchange.is_answer() {
            return Ok((exchange, permit));
        }
        if exchange.status == 429 {
            permit.throttled(exchange.retry_after.unwrap_or(FIRST_REST), LONGEST_REST);
        }
        Err(CallError::status(self.attempt(operation), exchange.status, exchange.retry_after))
    }

    /// What a refusal means; a throttle answer slows the account down.
    fn weigh(&self, gateway: &dyn Gateway, refusal: &Refusal, permit: Permit) -> Verdict {
        let verdict = gateway.verdict(refusal);
        match verdict.rest {
            Some((first, longest)) => permit.throttled(first, longest),
            None => permit.answered(),
        }
        verdict
    }

    fn refused(&self, operation: &str, refusal: &Refusal, verdict: Verdict) -> CallError {
        let text = match refusal.sub_code.as_str() {
            "" => refusal.text.clone(),
            sub_code => format!("{} ({sub_code})", refusal.text),
        };
        CallError::refused(self.attempt(operation), refusal.shown_code(), &text, verdict.class)
            .with_rest(verdict.rest.map(|(first, _)| first))
    }

    fn wrong_setting(&self, operation: &str, reason: String) -> CallError {
        CallError::new(self.attempt(operation), Cause::Setting { reason }, Class::Argument, Effect::None)
    }

    fn attempt(&self, operation: &str) -> Attempt {
        Attempt {
            system: self.settings.edition.system(),
            connection: self.settings.connection.clone(),
            operation: operation.to_owned(),
        }
    }

    fn server_time(&self) -> Timestamp {
        let now = Timestamp::now();
        let second = now.as_second() + self.clock_offset.load(Ordering::Relaxed);
        Timestamp::from_second(second).unwrap_or(now)
    }

    /// Takes the server's clock; `false` when it did not tell it.
    fn adopt_clock(&self, date: Option<Timestamp>) -> bool {
        let Some(date) = date else { return false };
        let offset = date.as_second() - Timestamp::now().as_second();
        tracing::warn!(
            connection = self.settings.connection,
            offset_seconds = offset,
            "clock offset adopted"
        );
        self.clock_offset.store(offset, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests;

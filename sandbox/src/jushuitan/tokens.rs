//! The merchant's tokens: one pair is valid at a time, and a renewal ends the one before (contract decisions, 聚水潭).

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{Secret, json_text::ObjectText};

use super::{Refusal, Settings};

/// The pair that is valid now.
#[derive(Debug)]
pub struct Tokens {
    access: Secret,
    refresh: Secret,
    expires_at: i64,
    issued: u64,
    dice: StdRng,
}

impl Tokens {
    /// The pair of the settings, issued at the start.
    pub fn new(settings: &Settings, seed: u64, now: i64) -> Self {
        Self {
            access: settings.access_token.clone(),
            refresh: settings.refresh_token.clone(),
            expires_at: now + i64::from(settings.token_lifetime_seconds),
            issued: 0,
            dice: StdRng::seed_from_u64(seed ^ 0x0070_6B65),
        }
    }

    /// Whether an access token is the valid one and its time has not come.
    pub fn check(&self, token: &str, now: i64) -> Result<(), Refusal> {
        if token == self.access.reveal() && now < self.expires_at {
            return Ok(());
        }
        Err(Refusal::of_code(100))
    }

    /// Whether a refresh token is the valid one.
    pub fn check_refresh(&self, token: &str) -> Result<(), Refusal> {
        if token == self.refresh.reveal() {
            return Ok(());
        }
        Err(Refusal::of_code(100))
    }

    /// Ends the present access token; its refresh token stays valid.
    pub fn expire(&mut self) {
        self.expires_at = i64::MIN;
    }

    /// How often a pair was issued since the start.
    pub fn issued(&self) -> u64 {
        self.issued
    }

    /// Issues a new pair, which ends the old one, and tells it as the endpoint does.
    pub fn issue(&mut self, settings: &Settings, now: i64) -> String {
        let access = format!("{:032x}", self.dice.random::<u128>());
        let refresh = format!("{:032x}", self.dice.random::<u128>());
        let data = ObjectText::new()
            .text("access_token", &access)
            .raw("expires_in", settings.token_lifetime_seconds)
            .text("refresh_token", &refresh)
            .text("scope", "all")
            .finish();
        self.access = Secret::new(access);
        self.refresh = Secret::new(refresh);
        self.expires_at = now + i64::from(settings.token_lifetime_seconds);
        self.issued += 1;
        data
    }
}

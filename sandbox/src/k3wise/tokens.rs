//! The token of a company: one is valid at a time, and asking again within its life gives the same one (contract
//! kingdee-k3wise §2).

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::Secret;

/// The token that is valid now, if any.
#[derive(Debug)]
pub struct Tokens {
    token: Option<Secret>,
    expires_at: i64,
    issued: u64,
    dice: StdRng,
}

impl Tokens {
    /// A company without a token.
    pub fn new(seed: u64) -> Self {
        Self { token: None, expires_at: i64::MIN, issued: 0, dice: StdRng::seed_from_u64(seed ^ 0x0000_0CA3) }
    }

    /// The valid token, a new one when there is none, and the seconds it has left.
    pub fn create(&mut self, lifetime_seconds: u32, now: i64) -> (&Secret, i64) {
        if now >= self.expires_at {
            self.token = None;
        }
        let token = self.token.get_or_insert_with(|| {
            self.issued += 1;
            self.expires_at = now + i64::from(lifetime_seconds);
            Secret::new(format!("{:032X}{:032X}", self.dice.random::<u128>(), self.dice.random::<u128>()))
        });
        (token, self.expires_at - now)
    }

    /// Whether a token is the valid one.
    pub fn is_valid(&self, presented: &str, now: i64) -> bool {
        now < self.expires_at && self.token.as_ref().is_some_and(|token| token.reveal() == presented)
    }

    /// Ends the token.
    pub fn expire(&mut self) {
        self.expires_at = i64::MIN;
    }

    /// How many tokens were issued since the start.
    pub fn issued(&self) -> u64 {
        self.issued
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stays_the_same_until_its_time_has_come() {
        let mut tokens = Tokens::new(1);
        let (first, left) = tokens.create(60, 1_000);
        let first = first.reveal().to_owned();
        assert_eq!(left, 60);
        let (again, left) = tokens.create(60, 1_050);
        assert_eq!((again.reveal(), left), (first.as_str(), 10));
        assert!(tokens.is_valid(&first, 1_059) && !tokens.is_valid(&first, 1_060));
        let next = tokens.create(60, 1_060).0.reveal().to_owned();
        assert_ne!(next, first);
        tokens.expire();
        assert!(!tokens.is_valid(&next, 1_061));
        assert_eq!(tokens.issued(), 2);
    }
}

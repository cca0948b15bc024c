//! Exact decimals for money and quantities (invariant 5): any number of digits, the written scale kept.

use std::{fmt, str::FromStr};

use bigdecimal::{BigDecimal, num_bigint::BigInt};
use thiserror::Error;

/// Digits accepted before an exponent is refused: `1e999999999` must not become a gigabyte of zeros.
const MAX_DIGITS: i64 = 4_096;

/// An exact decimal. `0.10` keeps its scale of two.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(BigDecimal);

/// The text is no decimal number.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{text:?} is not a decimal number")]
pub struct NotDecimal {
    /// The text, shortened.
    pub text: String,
}

impl Decimal {
    /// Zero without decimals.
    pub fn zero() -> Self {
        Self(BigDecimal::from(0))
    }

    /// Digits after the point, as written; never negative.
    pub fn scale(&self) -> i64 {
        self.0.fractional_digit_count().max(0)
    }

    /// The number behind this one, for the arithmetic of the expression language.
    pub fn as_big(&self) -> &BigDecimal {
        &self.0
    }

    /// Without trailing zeros after the point: how the mapping language prints numbers (contract
    /// qeasy-metadata §4).
    pub fn trimmed(&self) -> Self {
        Self::from(self.0.normalized())
    }
}

impl From<BigDecimal> for Decimal {
    fn from(value: BigDecimal) -> Self {
        // A negative scale (12e3) would print as an exponent.
        if value.fractional_digit_count() < 0 { Self(value.with_scale(0)) } else { Self(value) }
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self(BigDecimal::new(BigInt::from(value), 0))
    }
}

impl FromStr for Decimal {
    type Err = NotDecimal;

    /// Reads `-12.50`, `+3`, `.5`, `1e3`. Blanks around it are allowed, anything else is not.
    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let fail = || NotDecimal { text: text.chars().take(64).collect() };
        let trimmed = text.trim();
        let plain =
            trimmed.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
        if !plain || !trimmed.bytes().any(|b| b.is_ascii_digit()) {
            return Err(fail());
        }
        let value = BigDecimal::from_str(trimmed).map_err(|_| fail())?;
        if value.fractional_digit_count().abs() > MAX_DIGITS || value.digits() > MAX_DIGITS.unsigned_abs() {
            return Err(fail());
        }
        Ok(Self::from(value))
    }
}

impl fmt::Display for Decimal {
    /// Plain notation with the written scale, never an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_plain_string())
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(text.parse::<Decimal>().unwrap().to_string(), expect, "{text}");
    }

    #[test]
    fn keeps_what_was_written() {
        check("0.10", "0.10");
        check(" -12.500 ", "-12.500");
        check("+7", "7");
        check(".5", "0.5");
        check("12e3", "12000");
        check("1.5e-3", "0.0015");
        check("123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789");
    }

    #[test]
    fn trims_for_printing() {
        assert_eq!("100.00".parse::<Decimal>().unwrap().trimmed().to_string(), "100");
        assert_eq!("0.00".parse::<Decimal>().unwrap().trimmed().to_string(), "0");
        assert_eq!("12.50".parse::<Decimal>().unwrap().trimmed().to_string(), "12.5");
    }

    #[test]
    fn refuses_what_is_no_number() {
        for bad in ["", " ", "暂无", "1,000", "1_000", "0x10", "NaN", "inf", "1e999999999", "--1", "."] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad:?}");
        }
    }
}

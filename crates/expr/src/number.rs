//! Exact numbers of the expression language: any number of digits, with a fast path for those that fit 128 bits
//! (invariant 5; contract decisions "Mapping language": digits unlimited).

use std::{cmp::Ordering, fmt, str::FromStr};

use bigdecimal::{BigDecimal, RoundingMode, Zero, num_bigint::BigInt};
use weir_model::decimal::{Decimal, NotDecimal};

/// Digits that always fit into an `i128`.
const SMALL_DIGITS: usize = 38;
/// Digits after the point that MySQL adds in a division (`div_precision_increment`).
const DIVISION_SCALE: u32 = 4;

/// An exact number with the scale it was written or computed with.
#[derive(Clone, Debug)]
pub struct Number(Inner);

#[derive(Clone, Debug)]
enum Inner {
    /// `digits` × 10^-`scale`.
    Small { digits: i128, scale: u32 },
    /// What does not fit.
    Big(BigDecimal),
}

impl Number {
    /// A whole number.
    pub const fn whole(value: i128) -> Self {
        Self(Inner::Small { digits: value, scale: 0 })
    }

    /// Digits after the point.
    pub fn scale(&self) -> u32 {
        match &self.0 {
            Inner::Small { scale, .. } => *scale,
            Inner::Big(big) => u32::try_from(big.fractional_digit_count().max(0)).unwrap_or(u32::MAX),
        }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        match &self.0 {
            Inner::Small { digits, .. } => *digits == 0,
            Inner::Big(big) => big.is_zero(),
        }
    }

    /// The value when it is whole and fits 64 bits; `2.0` counts as whole.
    pub fn as_i64(&self) -> Option<i64> {
        let trimmed = self.trimmed();
        match trimmed.0 {
            Inner::Small { digits, scale: 0 } => i64::try_from(digits).ok(),
            _ => None,
        }
    }

    /// Without trailing zeros after the point (contract qeasy-metadata §4).
    #[must_use]
    pub fn trimmed(&self) -> Self {
        match &self.0 {
            Inner::Small { digits, scale } => {
                let (mut digits, mut scale) = (*digits, *scale);
                while scale > 0 && digits % 10 == 0 {
                    digits /= 10;
                    scale -= 1;
                }
                Self(Inner::Small { digits, scale })
            }
            Inner::Big(big) => Self::from_big(Decimal::from(big.normalized()).as_big().clone()),
        }
    }

    /// The sum; its scale is the larger one.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        self.aligned(other, i128::checked_add).unwrap_or_else(|| Self::from_big(self.big() + other.big()))
    }

    /// The difference; its scale is the larger one.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        self.aligned(other, i128::checked_sub).unwrap_or_else(|| Self::from_big(self.big() - other.big()))
    }

    /// The product; the scales add up.
    #[must_use]
    pub fn multiply(&self, other: &Self) -> Self {
        if let (Inner::Small { digits: a, scale: s }, Inner::Small { digits: b, scale: t }) =
            (&self.0, &other.0)
            && let Some(digits) = a.checked_mul(*b)
        {
            return Self(Inner::Small { digits, scale: s + t });
        }
        Self::from_big(self.big() * other.big())
    }

    /// The quotient, rounded half away from zero to the dividend's scale and `added` more digits, in MySQL
    /// `div_precision_increment`; `None` for a divisor of zero.
    pub fn divide(&self, other: &Self, added: u32) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let scale = self.scale().saturating_add(added);
        let small = match (&self.0, &other.0) {
            (Inner::Small { digits: a, .. }, Inner::Small { digits: b, scale: t }) => {
                power(added + t)
                    .and_then(|factor| a.checked_mul(factor))
                    .and_then(|dividend| divide_rounded(dividend, *b))
            }
            _ => None,
        };
        if let Some(digits) = small {
            return Some(Self(Inner::Small { digits, scale }));
        }
        // Digits shifted to whole numbers first: the quotient is then exact up to one rounding.
        let (dividend, divisor) = (self.big(), other.big());
        let (a, a_scale) = dividend.as_bigint_and_exponent();
        let (b, b_scale) = divisor.as_bigint_and_exponent();
        let shift = i64::from(scale) + b_scale - a_scale;
        let ten = |power: i64| BigInt::from(10).pow(u32::try_from(power).unwrap_or(0));
        let (a, b) = if shift >= 0 { (a * ten(shift), b) } else { (a, b * ten(-shift)) };
        let twice: BigInt =
            &a * 2 + if (a < BigInt::ZERO) == (b < BigInt::ZERO) { b.clone() } else { -b.clone() };
        Some(Self::from_big(BigDecimal::new(twice / (b * 2), i64::from(scale))))
    }

    /// The remainder with the dividend's sign; `None` for a divisor of zero.
    pub fn remainder(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        self.aligned(other, i128::checked_rem).or_else(|| Some(Self::from_big(self.big() % other.big())))
    }

    /// The whole part of the quotient (MySQL's `DIV`); `None` for a divisor of zero.
    pub fn divide_whole(&self, other: &Self) -> Option<Self> {
        let rest = self.remainder(other)?;
        let whole = self.subtract(&rest);
        let mut quotient = whole.divide(other, DIVISION_SCALE)?;
        quotient = quotient.round(0);
        Some(quotient)
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self::whole(0).subtract(self)
    }

    /// Without its sign.
    #[must_use]
    pub fn absolute(&self) -> Self {
        if self.compare(&Self::whole(0)) == Ordering::Less { self.negated() } else { self.clone() }
    }

    /// Rounded half away from zero to `places` after the point (before it, when negative).
    #[must_use]
    pub fn round(&self, places: i64) -> Self {
        self.with_mode(places, RoundingMode::HalfUp)
    }

    /// Cut after `places` digits after the point.
    #[must_use]
    pub fn truncate(&self, places: i64) -> Self {
        self.with_mode(places, RoundingMode::Down)
    }

    /// The smallest whole number that is not below this one.
    #[must_use]
    pub fn ceiling(&self) -> Self {
        self.with_mode(0, RoundingMode::Ceiling)
    }

    /// The largest whole number that is not above this one.
    #[must_use]
    pub fn floor(&self) -> Self {
        self.with_mode(0, RoundingMode::Floor)
    }

    /// Which number is larger; the scale does not count.
    pub fn compare(&self, other: &Self) -> Ordering {
        if let (Inner::Small { digits: a, scale: s }, Inner::Small { digits: b, scale: t }) =
            (&self.0, &other.0)
            && let (Some(a), Some(b)) = (raise(*a, t.saturating_sub(*s)), raise(*b, s.saturating_sub(*t)))
        {
            return a.cmp(&b);
        }
        self.big().cmp(&other.big())
    }

    fn with_mode(&self, places: i64, mode: RoundingMode) -> Self {
        if places >= i64::from(self.scale()) {
            return self.clone();
        }
        let rounded = self.big().with_scale_round(places, mode);
        Self::from_big(Decimal::from(rounded).as_big().clone())
    }

    fn aligned(&self, other: &Self, combine: fn(i128, i128) -> Option<i128>) -> Option<Self> {
        let (Inner::Small { digits: a, scale: s }, Inner::Small { digits: b, scale: t }) =
            (&self.0, &other.0)
        else {
            return None;
        };
        let digits = combine(raise(*a, t.saturating_sub(*s))?, raise(*b, s.saturating_sub(*t))?)?;
        Some(Self(Inner::Small { digits, scale: *s.max(t) }))
    }

    fn big(&self) -> BigDecimal {
        match &self.0 {
            Inner::Small { digits, scale } => BigDecimal::new(BigInt::from(*digits), i64::from(*scale)),
            Inner::Big(big) => big.clone(),
        }
    }

    fn from_big(big: BigDecimal) -> Self {
        let (digits, scale) = big.as_bigint_and_exponent();
        match (i128::try_from(digits), u32::try_from(scale)) {
            (Ok(digits), Ok(scale)) => Self(Inner::Small { digits, scale }),
            _ => Self(Inner::Big(big)),
        }
    }
}

fn power(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

fn raise(digits: i128, by: u32) -> Option<i128> {
    if by == 0 { Some(digits) } else { digits.checked_mul(power(by)?) }
}

fn divide_rounded(dividend: i128, divisor: i128) -> Option<i128> {
    let quotient = dividend.checked_div(divisor)?;
    let rest = dividend.checked_rem(divisor)?;
    let up = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
    match (up, (dividend < 0) == (divisor < 0)) {
        (false, _) => Some(quotient),
        (true, true) => quotient.checked_add(1),
        (true, false) => quotient.checked_sub(1),
    }
}

impl FromStr for Number {
    type Err = NotDecimal;

    /// Reads what [`Decimal`] reads.
    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        match small(text) {
            Some(number) => Ok(number),
            None => Ok(Self::from_big(text.parse::<Decimal>()?.as_big().clone())),
        }
    }
}

/// Plain notation of at most 38 digits, read without an allocation.
fn small(text: &str) -> Option<Number> {
    let (negative, plain) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if plain.is_empty() || plain.len() > SMALL_DIGITS {
        return None;
    }
    let (mut digits, mut scale, mut point, mut any) = (0_i128, 0_u32, false, false);
    for byte in plain.bytes() {
        match byte {
            b'0'..=b'9' => {
                digits = digits * 10 + i128::from(byte - b'0');
                scale += u32::from(point);
                any = true;
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    any.then_some(Number(Inner::Small { digits: if negative { -digits } else { digits }, scale }))
}

impl fmt::Display for Number {
    /// Plain notation with its scale, never an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Small { digits, scale: 0 } => write!(f, "{digits}"),
            Inner::Small { digits, scale } => {
                let sign = if *digits < 0 { "-" } else { "" };
                let (scale, digits) = (*scale as usize, digits.unsigned_abs());
                let text = format!("{digits:0>width$}", width = scale + 1);
                let (whole, fraction) = text.split_at(text.len() - scale);
                write!(f, "{sign}{whole}.{fraction}")
            }
            Inner::Big(big) => f.write_str(&big.to_plain_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn scales_follow_mysql() {
        assert_eq!(number("0.10").add(&number("1")).to_string(), "1.10");
        assert_eq!(number("0.13").multiply(&number("100")).to_string(), "13.00");
        assert_eq!(number("100").divide(&number("3"), DIVISION_SCALE).unwrap().to_string(), "33.3333");
        assert_eq!(number("682.5").divide(&number("100"), DIVISION_SCALE).unwrap().to_string(), "6.82500");
        assert_eq!(number("2").divide(&number("3"), DIVISION_SCALE).unwrap().to_string(), "0.6667");
        assert_eq!(number("-2").divide(&number("3"), DIVISION_SCALE).unwrap().to_string(), "-0.6667");
        assert_eq!(number("-7.5").remainder(&number("2")).unwrap().to_string(), "-1.5");
        assert_eq!(number("-7").divide_whole(&number("2")).unwrap().to_string(), "-3");
        assert!(number("1").divide(&number("0.00"), DIVISION_SCALE).is_none());
    }

    #[test]
    fn rounds_half_away_from_zero() {
        assert_eq!(number("2.5").round(0).to_string(), "3");
        assert_eq!(number("-2.5").round(0).to_string(), "-3");
        assert_eq!(number("1255").round(-1).to_string(), "1260");
        assert_eq!(number("1.1").ceiling().to_string(), "2");
        assert_eq!(number("-1.1").floor().to_string(), "-2");
        assert_eq!(number("1.5").round(3).to_string(), "1.5");
    }

    #[test]
    fn prints_as_written() {
        for text in ["0.10", "-0.05", "7", "123456789012345678901234567890123456789012345.670"] {
            assert_eq!(number(text).to_string(), text);
        }
        assert_eq!(number("100").trimmed().to_string(), "100");
        assert_eq!(number("1e3").to_string(), "1000");
    }

    proptest! {
        #[test]
        fn the_fast_path_agrees_with_big_decimals(
            a in any::<i64>(), b in any::<i64>(), s in 0_u32..9, t in 0_u32..9,
        ) {
            let fast = |digits: i64, scale| Number(Inner::Small { digits: i128::from(digits), scale });
            let slow = |digits: i64, scale| {
                Number(Inner::Big(BigDecimal::new(BigInt::from(digits), i64::from(scale))))
            };
            let (x, y, u, v) = (fast(a, s), fast(b, t), slow(a, s), slow(b, t));
            prop_assert_eq!(x.add(&y).to_string(), u.add(&v).to_string());
            prop_assert_eq!(x.subtract(&y).to_string(), u.subtract(&v).to_string());
            prop_assert_eq!(x.multiply(&y).to_string(), u.multiply(&v).to_string());
            prop_assert_eq!(x.compare(&y), u.compare(&v));
            let text = |n: Option<Number>| n.map(|n| n.trimmed().to_string());
            prop_assert_eq!(text(x.divide(&y, DIVISION_SCALE)), text(u.divide(&v, DIVISION_SCALE)));
            prop_assert_eq!(text(x.remainder(&y)), text(u.remainder(&v)));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}") {
            let _ = text.parse::<Number>();
        }
    }
}

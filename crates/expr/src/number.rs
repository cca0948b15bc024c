//! Exact numbers of the expression language: any number of digits, with a fast path for those that fit 128 bits
//! (invariant 5; contract decisions "Mapping language": digits unlimited).

use std::{cmp::Ordering, fmt, str::FromStr};

use bigdecimal::{BigDecimal, RoundingMode, Zero, num_bigint::BigInt};
use weir_model::decimal::{Decimal, NotDecimal};

/// Digits that always fit into an `i128`.
const SMALL_DIGITS: usize = 38;
/// MySQL's decimals keep the digits after the point in groups of so many.
const GROUP: u32 = 9;
/// Digits after the point to which rounding fills up with zeros: MySQL's largest scale.
const WIDEST_SCALE: u32 = 30;

/// An exact number with the scale it was written or computed with.
///
/// As in MySQL a quotient keeps more digits than its scale shows, so that `100/3*3` is 100 and not 99.9999. Further
/// arithmetic works on all of them; what is printed and compared is rounded to the scale.
#[derive(Clone, Debug)]
pub struct Number {
    inner: Inner,
    /// Digits after the point that are shown.
    scale: u32,
}

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
        Self { inner: Inner::Small { digits: value, scale: 0 }, scale: 0 }
    }

    /// Digits after the point that are shown.
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        match &self.inner {
            Inner::Small { digits, .. } => *digits == 0,
            Inner::Big(big) => big.is_zero(),
        }
    }

    /// The value when it is whole and fits 64 bits; `2.0` counts as whole.
    pub fn as_i64(&self) -> Option<i64> {
        match self.trimmed().inner {
            Inner::Small { digits, scale: 0 } => i64::try_from(digits).ok(),
            _ => None,
        }
    }

    /// What is shown of it, without trailing zeros after the point (contract qeasy-metadata §4).
    #[must_use]
    pub fn trimmed(&self) -> Self {
        match self.shown() {
            Inner::Small { mut digits, mut scale } => {
                while scale > 0 && digits % 10 == 0 {
                    digits /= 10;
                    scale -= 1;
                }
                Self { inner: Inner::Small { digits, scale }, scale }
            }
            Inner::Big(big) => Self::of(Inner::from_big(Decimal::from(big.normalized()).as_big().clone())),
        }
    }

    /// The sum; its scale is the larger one.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let sum = self.aligned(other, i128::checked_add);
        self.wider(other, sum.unwrap_or_else(|| Inner::from_big(self.big() + other.big())))
    }

    /// The difference; its scale is the larger one.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        let difference = self.aligned(other, i128::checked_sub);
        self.wider(other, difference.unwrap_or_else(|| Inner::from_big(self.big() - other.big())))
    }

    /// The product; the scales add up.
    #[must_use]
    pub fn multiply(&self, other: &Self) -> Self {
        let small = match (&self.inner, &other.inner) {
            (Inner::Small { digits: a, scale: s }, Inner::Small { digits: b, scale: t }) => {
                a.checked_mul(*b).map(|digits| Inner::Small { digits, scale: s + t })
            }
            _ => None,
        };
        let inner = small.unwrap_or_else(|| Inner::from_big(self.big() * other.big()));
        Self { inner, scale: self.scale + other.scale }
    }

    /// The quotient; its scale is the dividend's and `added` more digits, in MySQL `div_precision_increment`. `None` for
    /// a divisor of zero.
    ///
    /// Like MySQL it keeps whole groups of nine digits after the point, at least as many as it shows, and cuts what
    /// follows: `2/3` is 0.666666666 and shown as 0.6667.
    pub fn divide(&self, other: &Self, added: u32) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let (s, t) = (self.inner.scale(), other.inner.scale());
        let (groups, spare) = (in_groups(s) + in_groups(t), in_groups(s) - s + in_groups(t) - t);
        let kept = groups + in_groups(added.saturating_sub(spare));
        let small = match (&self.inner, &other.inner) {
            (Inner::Small { digits: a, .. }, Inner::Small { digits: b, .. }) => {
                power(kept + t - s).and_then(|factor| a.checked_mul(factor)).and_then(|a| a.checked_div(*b))
            }
            _ => None,
        };
        let inner = match small {
            Some(digits) => Inner::Small { digits, scale: kept },
            None => {
                let (a, _) = self.big().into_bigint_and_exponent();
                let (b, _) = other.big().into_bigint_and_exponent();
                let digits = a * BigInt::from(10).pow(kept + t - s) / b;
                Inner::from_big(BigDecimal::new(digits, i64::from(kept)))
            }
        };
        Some(Self { inner, scale: self.scale + added })
    }

    /// The remainder with the dividend's sign; `None` for a divisor of zero.
    pub fn remainder(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let rest = self.aligned(other, i128::checked_rem);
        Some(self.wider(other, rest.unwrap_or_else(|| Inner::from_big(self.big() % other.big()))))
    }

    /// The whole part of the quotient (MySQL's `DIV`); `None` for a divisor of zero.
    pub fn divide_whole(&self, other: &Self) -> Option<Self> {
        let rest = self.remainder(other)?;
        Some(self.subtract(&rest).divide(other, 0)?.round(0))
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self::whole(0).subtract(self)
    }

    /// How it stands to zero, by all of its digits.
    pub fn sign(&self) -> Ordering {
        match &self.inner {
            Inner::Small { digits, .. } => digits.cmp(&0),
            Inner::Big(big) => big.cmp(&BigDecimal::zero()),
        }
    }

    /// Without its sign.
    #[must_use]
    pub fn absolute(&self) -> Self {
        if self.sign() == Ordering::Less { self.negated() } else { self.clone() }
    }

    /// Rounded half away from zero to `places` after the point (before it, when negative).
    #[must_use]
    pub fn round(&self, places: i64) -> Self {
        self.with_mode(places, RoundingMode::HalfUp)
    }

    /// Rounded to exactly so many places, filled up with zeros: what a column of that scale holds.
    #[must_use]
    pub fn with_places(&self, places: u32) -> Self {
        Self::of(self.round(places.into()).inner.filled(places))
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

    /// Which number is larger, by what is shown of them; trailing zeros do not count.
    pub fn compare(&self, other: &Self) -> Ordering {
        let (left, right) = (self.shown(), other.shown());
        if let (Inner::Small { digits: a, scale: s }, Inner::Small { digits: b, scale: t }) = (&left, &right)
            && let (Some(a), Some(b)) = (raise(*a, t.saturating_sub(*s)), raise(*b, s.saturating_sub(*t)))
        {
            return a.cmp(&b);
        }
        left.big().cmp(&right.big())
    }

    /// As in MySQL, rounding to more places than there are fills up with zeros, which later divisions keep; a whole
    /// number stays as it is.
    fn with_mode(&self, places: i64, mode: RoundingMode) -> Self {
        let has = self.inner.scale();
        let inner = if has == 0 && places >= 0 {
            return self.clone();
        } else if places >= i64::from(has) {
            let scale = u32::try_from(places).unwrap_or(WIDEST_SCALE).min(WIDEST_SCALE).max(has);
            self.inner.filled(scale)
        } else {
            let rounded = self.big().with_scale_round(places, mode);
            // Places before the point give a negative scale, which the conversion brings back to none.
            Inner::from_big(if places < 0 { Decimal::from(rounded).as_big().clone() } else { rounded })
        };
        Self::of(inner)
    }

    fn of(inner: Inner) -> Self {
        let scale = inner.scale();
        Self { inner, scale }
    }

    /// A result of an addition: of the larger scale.
    fn wider(&self, other: &Self, inner: Inner) -> Self {
        Self { inner, scale: self.scale.max(other.scale) }
    }

    /// The value rounded to its scale, as it is printed and compared.
    fn shown(&self) -> Inner {
        if self.inner.scale() <= self.scale {
            return self.inner.clone();
        }
        let small = match &self.inner {
            Inner::Small { digits, scale } => {
                power(*scale - self.scale).and_then(|factor| divide_rounded(*digits, factor))
            }
            Inner::Big(_) => None,
        };
        match small {
            Some(digits) => Inner::Small { digits, scale: self.scale },
            None => Inner::from_big(self.big().with_scale_round(i64::from(self.scale), RoundingMode::HalfUp)),
        }
    }

    fn aligned(&self, other: &Self, combine: fn(i128, i128) -> Option<i128>) -> Option<Inner> {
        let (Inner::Small { digits: a, scale: s }, Inner::Small { digits: b, scale: t }) =
            (&self.inner, &other.inner)
        else {
            return None;
        };
        let digits = combine(raise(*a, t.saturating_sub(*s))?, raise(*b, s.saturating_sub(*t))?)?;
        Some(Inner::Small { digits, scale: *s.max(t) })
    }

    fn big(&self) -> BigDecimal {
        self.inner.big()
    }
}

impl Inner {
    fn scale(&self) -> u32 {
        match self {
            Self::Small { scale, .. } => *scale,
            Self::Big(big) => u32::try_from(big.fractional_digit_count().max(0)).unwrap_or(u32::MAX),
        }
    }

    fn big(&self) -> BigDecimal {
        match self {
            Self::Small { digits, scale } => BigDecimal::new(BigInt::from(*digits), i64::from(*scale)),
            Self::Big(big) => big.clone(),
        }
    }

    fn from_big(big: BigDecimal) -> Self {
        let (digits, scale) = big.as_bigint_and_exponent();
        match (i128::try_from(digits), u32::try_from(scale)) {
            (Ok(digits), Ok(scale)) => Self::Small { digits, scale },
            _ => Self::Big(big),
        }
    }

    /// The same value with zeros up to a larger scale.
    fn filled(&self, to: u32) -> Self {
        match self {
            Self::Small { digits, scale } => match raise(*digits, to.saturating_sub(*scale)) {
                Some(digits) => Self::Small { digits, scale: to.max(*scale) },
                None => Self::Big(self.big().with_scale(i64::from(to))),
            },
            Self::Big(big) => Self::Big(big.with_scale(i64::from(to.max(self.scale())))),
        }
    }
}

/// Digits after the point that MySQL keeps for so many.
const fn in_groups(scale: u32) -> u32 {
    scale.div_ceil(GROUP) * GROUP
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
            None => Ok(Self::of(Inner::from_big(text.parse::<Decimal>()?.as_big().clone()))),
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
    let digits = if negative { -digits } else { digits };
    any.then_some(Number { inner: Inner::Small { digits, scale }, scale })
}

impl fmt::Display for Number {
    /// Plain notation with its scale, never an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown().filled(self.scale) {
            Inner::Small { digits, scale: 0 } => write!(f, "{digits}"),
            Inner::Small { digits, scale } => {
                let sign = if digits < 0 { "-" } else { "" };
                let (scale, digits) = (scale as usize, digits.unsigned_abs());
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
        assert_eq!(number("100").divide(&number("3"), 4).unwrap().to_string(), "33.3333");
        assert_eq!(number("682.5").divide(&number("100"), 4).unwrap().to_string(), "6.82500");
        assert_eq!(number("2").divide(&number("3"), 4).unwrap().to_string(), "0.6667");
        assert_eq!(number("-2").divide(&number("3"), 4).unwrap().to_string(), "-0.6667");
        assert_eq!(number("-7.5").remainder(&number("2")).unwrap().to_string(), "-1.5");
        assert_eq!(number("2.00000").divide(&number("3"), 4).unwrap().to_string(), "0.666666666");
        assert_eq!(number("-7").divide_whole(&number("2")).unwrap().to_string(), "-3");
        assert!(number("1").divide(&number("0.00"), 4).is_none());
    }

    #[test]
    fn quotients_keep_more_than_they_show() {
        let net = number("100").divide(&number("1.13"), 4).unwrap();
        assert_eq!(net.to_string(), "88.4956");
        assert_eq!(net.multiply(&number("0.13")).to_string(), "11.504425");
        let third = number("1").divide(&number("3"), 4).unwrap();
        assert_eq!(third.add(&third).add(&third).trimmed().to_string(), "1");
        assert_eq!(third.compare(&number("0.3333")), Ordering::Equal);
        assert_eq!(third.multiply(&number("3")).floor().to_string(), "0");
        assert_eq!(third.round(12).to_string(), "0.333333333000");
    }

    #[test]
    fn rounds_half_away_from_zero() {
        assert_eq!(number("2.5").round(0).to_string(), "3");
        assert_eq!(number("-2.5").round(0).to_string(), "-3");
        assert_eq!(number("1255").round(-1).to_string(), "1260");
        assert_eq!(number("1.1").ceiling().to_string(), "2");
        assert_eq!(number("-1.1").floor().to_string(), "-2");
        assert_eq!(number("1.5").round(3).to_string(), "1.500");
        assert_eq!(number("15").round(3).to_string(), "15");
        assert_eq!(number("1.5").round(i64::MAX).scale(), WIDEST_SCALE);
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
            let fast = |digits: i64, scale| Number::of(Inner::Small { digits: i128::from(digits), scale });
            let slow = |digits: i64, scale| {
                Number::of(Inner::Big(BigDecimal::new(BigInt::from(digits), i64::from(scale))))
            };
            let (x, y, u, v) = (fast(a, s), fast(b, t), slow(a, s), slow(b, t));
            prop_assert_eq!(x.add(&y).to_string(), u.add(&v).to_string());
            prop_assert_eq!(x.subtract(&y).to_string(), u.subtract(&v).to_string());
            prop_assert_eq!(x.multiply(&y).to_string(), u.multiply(&v).to_string());
            prop_assert_eq!(x.compare(&y), u.compare(&v));
            let text = |n: Option<Number>| n.map(|n| n.trimmed().to_string());
            prop_assert_eq!(text(x.divide(&y, 4)), text(u.divide(&v, 4)));
            prop_assert_eq!(text(x.remainder(&y)), text(u.remainder(&v)));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}") {
            let _ = text.parse::<Number>();
        }
    }
}

//! Comparing values as MySQL does under utf8mb4_bin, or, where the flow says so, utf8mb4_general_ci (contract
//! decisions "Mapping language"), without its silent conversion of text to zero.

use std::{cmp::Ordering, str::Chars};

use weir_model::flow::language::Collation;

use super::{Surroundings, node::Comparison};
use crate::{error::Cause, moment, value::Value};

/// Compares two values; `None` when one of them is nothing.
///
/// A number and a text compare as numbers. Text that is no number equals no number (MySQL would take it for zero);
/// asked which is larger, that is an error.
pub fn values(
    operator: Comparison,
    left: &Value<'_>,
    right: &Value<'_>,
    around: &Surroundings<'_>,
) -> Result<Option<bool>, Cause> {
    match (left.is_null(), right.is_null()) {
        (false, false) => {}
        (true, true) if operator == Comparison::NullSafeEqual => return Ok(Some(true)),
        _ if operator == Comparison::NullSafeEqual => return Ok(Some(false)),
        _ => return Ok(None),
    }
    let ordering = match order(left, right, around) {
        Ok(ordering) => ordering,
        Err(cause @ (Cause::NotNumber(_) | Cause::NotTime(_))) => {
            return match operator {
                Comparison::Equal | Comparison::NullSafeEqual => Ok(Some(false)),
                Comparison::NotEqual => Ok(Some(true)),
                _ => Err(cause),
            };
        }
        Err(cause) => return Err(cause),
    };
    Ok(Some(operator.accepts(ordering)))
}

/// How two values that are there stand to each other.
pub fn order(left: &Value<'_>, right: &Value<'_>, around: &Surroundings<'_>) -> Result<Ordering, Cause> {
    match (left, right) {
        (Value::Json(_), _) | (_, Value::Json(_)) => Err(Cause::NotScalar),
        (Value::Text(left), Value::Text(right)) => Ok(texts(left, right, around.rules.collation)),
        (Value::Time(_), _) | (_, Value::Time(_)) => {
            let zone = around.world.zone;
            Ok(moment::read(left, zone)?.cmp(&moment::read(right, zone)?))
        }
        _ => Ok(left.to_number()?.compare(&right.to_number()?)),
    }
}

/// By code point, as if the shorter text were filled up with blanks; under general_ci in capitals.
pub fn texts(left: &str, right: &str, collation: Collation) -> Ordering {
    if collation == Collation::GeneralCi {
        return texts(&folded(left), &folded(right), Collation::Binary);
    }
    let length = left.len().max(right.len());
    let filled_left = left.bytes().chain(std::iter::repeat(b' ')).take(length);
    let filled_right = right.bytes().chain(std::iter::repeat(b' ')).take(length);
    filled_left.cmp(filled_right)
}

/// Text without its letter case.
pub fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).collect()
}

/// `LIKE`: `%` any text, `_` one character, `escape` takes the next character as it is.
pub fn like(text: &str, pattern: &str, escape: Option<char>, collation: Collation) -> bool {
    if collation == Collation::GeneralCi {
        return like(&folded(text), &folded(pattern), escape, Collation::Binary);
    }
    let (mut text, mut tokens) = (text.chars(), pattern.chars());
    // Greedy with one way back, to the last `%`: what followed it, and where the text then stood.
    let mut back = None;
    loop {
        let (mut text_after, mut tokens_after) = (text.clone(), tokens.clone());
        let token = Token::next(&mut tokens_after, escape);
        let goes_on = match &token {
            Some(Token::Any) => {
                back = Some((tokens_after.clone(), text.clone()));
                tokens = tokens_after;
                continue;
            }
            Some(Token::One) => text_after.next().is_some(),
            Some(Token::Exactly(wanted)) => text_after.next() == Some(*wanted),
            None => false,
        };
        if goes_on {
            (text, tokens) = (text_after, tokens_after);
            continue;
        }
        if token.is_none() && text.as_str().is_empty() {
            return true;
        }
        let Some((after, from)) = &mut back else { return false };
        if from.next().is_none() {
            return false;
        }
        (text, tokens) = (from.clone(), after.clone());
    }
}

/// A step of a pattern.
enum Token {
    Any,
    One,
    Exactly(char),
}

impl Token {
    fn next(pattern: &mut Chars<'_>, escape: Option<char>) -> Option<Self> {
        let character = pattern.next()?;
        Some(match character {
            escaping if Some(escaping) == escape => Self::Exactly(pattern.next().unwrap_or(escaping)),
            '%' => Self::Any,
            '_' => Self::One,
            other => Self::Exactly(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern) in [
            ("abc", "a%"),
            ("abc", "%b%"),
            ("a%c", "a\\%c"),
            ("华东", "_东"),
            ("", "%"),
            ("aXbXc", "%X%c"),
            ("ab", "%_b%%"),
            ("\\", "\\\\"),
        ] {
            assert!(like(text, pattern, Some('\\'), Collation::Binary), "{text} LIKE {pattern}");
        }
        for (text, pattern) in
            [("abc", "b%"), ("abc", "a_"), ("abc", "a\\%c"), ("", "_"), ("ab", "a"), ("acb", "%ac_b%")]
        {
            assert!(!like(text, pattern, Some('\\'), Collation::Binary), "{text} LIKE {pattern}");
        }
    }

    #[test]
    fn blanks_at_the_end_do_not_count() {
        let binary = |left: &str, right: &str| texts(left, right, Collation::Binary);
        assert_eq!(binary("a", "a  "), Ordering::Equal);
        assert_eq!(binary("a\t", "a"), Ordering::Less);
        assert_eq!(binary("B", "a"), Ordering::Less);
        assert_eq!(texts("B ", "b", Collation::GeneralCi), Ordering::Equal);
        assert!(like("abC", "%B_", None, Collation::GeneralCi));
    }
}

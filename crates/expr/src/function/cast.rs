//! `CAST` and `CONVERT`.

use jiff::{Unit, civil::DateTimeRound};
use sqlparser::ast::{CharacterLength, DataType, ExactNumberInfo};

use super::{Surroundings, table::text_at};
use crate::{error::Cause, moment, number::Number, value::Value};

/// Digits of a `DECIMAL` that names none, as in MySQL.
const PRECISION: u64 = 10;
/// The longest `DECIMAL` of MySQL.
const LONGEST: u64 = 65;

/// What a value is cast to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `CHAR`, `CHAR(n)`: text, cut after n characters.
    Char(Option<u64>),
    /// `SIGNED`: a whole number of 64 bits.
    Signed,
    /// `UNSIGNED`: a whole number of 64 bits from 0.
    Unsigned,
    /// `DECIMAL(p, s)`
    Decimal(u64, u32),
    /// `DATE`
    Date,
    /// `DATETIME`, in whole seconds.
    DateTime,
}

impl Target {
    /// Reads the type; `None` for one that the language has not.
    pub fn of(kind: &DataType) -> Option<Self> {
        Some(match kind {
            DataType::Char(None) => Self::Char(None),
            DataType::Char(Some(CharacterLength::IntegerLength { length, .. })) => Self::Char(Some(*length)),
            DataType::Signed | DataType::SignedInteger => Self::Signed,
            DataType::Unsigned | DataType::UnsignedInteger => Self::Unsigned,
            DataType::Decimal(ExactNumberInfo::None) => Self::Decimal(PRECISION, 0),
            DataType::Decimal(ExactNumberInfo::Precision(digits)) if *digits <= LONGEST => {
                Self::Decimal(*digits, 0)
            }
            DataType::Decimal(ExactNumberInfo::PrecisionAndScale(digits, scale)) if *digits <= LONGEST => {
                Self::Decimal(
                    *digits,
                    u32::try_from(*scale).ok().filter(|scale| u64::from(*scale) <= *digits)?,
                )
            }
            DataType::Date => Self::Date,
            DataType::Datetime(None) => Self::DateTime,
            _ => return None,
        })
    }

    /// Casts a value. What does not fit is an error, where MySQL cuts it to what does.
    pub fn cast<'a>(self, value: Value<'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
        if value.is_null() {
            return Ok(value);
        }
        match self {
            Self::Char(None) => Ok(Value::Text(value.into_text())),
            Self::Char(Some(most)) => {
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                Ok(Value::text(value.into_text().chars().take(most).collect::<String>()))
            }
            Self::Signed => whole(&value, "SIGNED", i64::MIN.into(), i64::MAX.into()),
            Self::Unsigned => whole(&value, "UNSIGNED", 0, u64::MAX.into()),
            Self::Decimal(digits, scale) => {
                let number = value.to_number()?.with_places(scale);
                let whole = number.absolute().truncate(0).to_string();
                let room = usize::try_from(digits - u64::from(scale)).unwrap_or(usize::MAX);
                if whole.trim_start_matches('0').len() > room {
                    let problem = format!("{} does not fit into DECIMAL({digits},{scale})", number.trimmed());
                    return Err(Cause::Argument { function: "CAST", problem });
                }
                Ok(Value::Number(number))
            }
            Self::Date => Ok(Value::text(moment::read(&value, around.world.zone)?.date().to_string())),
            Self::DateTime => {
                let time = moment::read(&value, around.world.zone)?;
                let rounded = time.round(DateTimeRound::new().smallest(Unit::Second));
                Ok(Value::Time(rounded.unwrap_or(time)))
            }
        }
    }
}

/// A number is rounded, text is cut at its point, as in MySQL.
fn whole<'a>(value: &Value<'_>, name: &str, least: i128, most: i128) -> Result<Value<'a>, Cause> {
    let number = value.to_number()?;
    let number = if matches!(value, Value::Text(_)) { number.truncate(0) } else { number.round(0) };
    let bound = |bound: i128| number.compare(&Number::whole(bound));
    if bound(least).is_lt() || bound(most).is_gt() {
        let problem = format!("{} does not fit into {name}", text_at(&[Value::Number(number)], 0));
        return Err(Cause::Argument { function: "CAST", problem });
    }
    Ok(Value::Number(number))
}

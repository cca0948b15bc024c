//! One condition: a field, an operator, what it is compared with (contract qeasy-metadata §8).

use std::cmp::Ordering;

use weir_expr::{
    Cause, Cell, Cells, CompileError, Context, Number, Reference, Scope, Shape, Value, elements, moment,
};
use weir_model::{
    Json,
    flow::{
        ConditionItem,
        language::{Between, Blank},
    },
    settings::{Problems, unknown_word},
};

use crate::{explain::ConditionStep, map::report};

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    field: Reference,
    rows: Option<RowField>,
    operator: Operator,
    operand: Operand,
    /// Whether one failing row drops the record.
    pub strict: bool,
    /// Where it stands in the file.
    pub path: String,
    /// In words.
    text: String,
    /// Whether `isnull` holds for empty text.
    blank_is_null: bool,
    /// Whether `between` leaves its ends out.
    open_ends: bool,
}

/// What a condition says of a record.
#[derive(Debug)]
pub enum Verdict<'c> {
    /// Of the record itself.
    Record(bool),
    /// Of each row of a list.
    Rows(&'c str, Vec<bool>),
}

/// For a path with a dot: the list and the key of its elements.
#[derive(Debug)]
struct RowField {
    name: String,
    list: Reference,
    shape: Shape,
    slot: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Like,
    NotLike,
    Between,
    NotNull,
    IsNull,
    SameText,
    OtherText,
    In,
    NotIn,
}

/// The operators of the contract and the two that only a seed has.
const OPERATORS: [(&str, Operator); 15] = [
    ("eq", Operator::Equal),
    ("neq", Operator::NotEqual),
    ("gt", Operator::Greater),
    ("egt", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("elt", Operator::LessOrEqual),
    ("like", Operator::Like),
    ("notlike", Operator::NotLike),
    ("between", Operator::Between),
    ("notnull", Operator::NotNull),
    ("isnull", Operator::IsNull),
    ("eqv2", Operator::SameText),
    ("neqv2", Operator::OtherText),
    ("in", Operator::In),
    ("notin", Operator::NotIn),
];

#[derive(Debug)]
enum Operand {
    Texts(Vec<String>),
    Numbers(Vec<Number>),
    /// `timestamp:<unix seconds>`: the field is read as a time.
    Seconds(Vec<i64>),
}

impl Condition {
    /// Compiles a condition; an unknown operator is an error, never a silent pass.
    pub fn compile(item: &ConditionItem, scope: &mut Scope, problems: &mut Problems) -> Option<Self> {
        let Some((_, operator)) = OPERATORS.iter().find(|(name, _)| *name == item.logic) else {
            let known = OPERATORS.map(|(name, _)| name);
            unknown_word(format!("{}.logic", item.path), &item.logic, &known, problems);
            return None;
        };
        let operand = match Operand::compile(*operator, item.value.as_ref()) {
            Ok(operand) => operand,
            Err(error) => {
                report(&format!("{}.value", item.path), error, problems);
                return None;
            }
        };
        let rows = item.field.split_once('.').map(|(list, key)| {
            let mut shape = Shape::default();
            let slot = shape.slot(&key.split('.').collect::<Vec<_>>());
            RowField { name: list.to_owned(), list: scope.resolve(list), shape, slot }
        });
        Some(Self {
            field: scope.resolve(&item.field),
            rows,
            operator: *operator,
            operand,
            strict: item.strict,
            path: item.path.clone(),
            text: in_words(item),
            blank_is_null: scope.language().blank == Blank::Null,
            open_ends: scope.language().between == Between::Open,
        })
    }

    /// The field's path.
    pub fn field(&self) -> &str {
        self.field.path()
    }

    /// Whether the record, or each row, meets the condition.
    pub fn decide(&self, context: &Context<'_, '_>) -> Result<Verdict<'_>, Cause> {
        if let Some((name, mask)) = self.by_row(context)? {
            return Ok(Verdict::Rows(name, mask));
        }
        self.test(&self.field.value(context)?, context).map(Verdict::Record)
    }

    /// For a person: the condition, the value, the verdict.
    pub fn explain(&self, context: &Context<'_, '_>) -> ConditionStep {
        let (passed, removed_rows) = match self.decide(context) {
            Ok(Verdict::Record(passed)) => (passed, 0),
            Ok(Verdict::Rows(_, mask)) => {
                let removed = mask.iter().filter(|kept| !**kept).count();
                (if self.strict { removed == 0 } else { mask.contains(&true) }, removed)
            }
            Err(_) => (false, 0),
        };
        let value = match &self.rows {
            Some(rows) if self.field.cell(context) == Cell::InList => rows.shown(context),
            _ => self.field.value(context).map_or_else(|cause| cause.to_string(), |value| value.to_string()),
        };
        ConditionStep { path: self.path.clone(), text: self.text.clone(), value, passed, removed_rows }
    }

    /// The list and one verdict per row, when the field lies in a list.
    fn by_row(&self, context: &Context<'_, '_>) -> Result<Option<(&str, Vec<bool>)>, Cause> {
        let Some(rows) = self.rows.as_ref().filter(|_| self.field.cell(context) == Cell::InList) else {
            return Ok(None);
        };
        let mut mask = Vec::new();
        rows.each(context, &mut |value| {
            mask.push(self.test(&value?, context)?);
            Ok(())
        })?;
        Ok(Some((&rows.name, mask)))
    }

    /// Whether a value meets the condition. Nothing meets only the negative ones.
    fn test(&self, value: &Value<'_>, context: &Context<'_, '_>) -> Result<bool, Cause> {
        let any = |wanted: &dyn Fn(&str) -> bool| match &self.operand {
            Operand::Texts(texts) => texts.iter().any(|text| wanted(text)),
            Operand::Numbers(_) | Operand::Seconds(_) => false,
        };
        let is_nothing = if self.blank_is_null { value.is_blank() } else { value.is_null() };
        let text = value.clone().into_text();
        Ok(match self.operator {
            Operator::IsNull => is_nothing,
            Operator::NotNull => !is_nothing,
            Operator::SameText => any(&|wanted| wanted.trim() == text.trim()),
            Operator::OtherText => !any(&|wanted| wanted.trim() == text.trim()),
            Operator::Equal | Operator::In => any(&|wanted| same(wanted, value, &text)),
            Operator::NotEqual | Operator::NotIn => !any(&|wanted| same(wanted, value, &text)),
            Operator::Like => any(&|wanted| text.contains(wanted)),
            Operator::NotLike => !any(&|wanted| text.contains(wanted)),
            _ if value.is_blank() => false,
            Operator::Greater => self.compares(value, context, Ordering::is_gt)?,
            Operator::GreaterOrEqual => self.compares(value, context, Ordering::is_ge)?,
            Operator::Less => self.compares(value, context, Ordering::is_lt)?,
            Operator::LessOrEqual => self.compares(value, context, Ordering::is_le)?,
            Operator::Between => match self.orderings(value, context)?.as_slice() {
                [low, high] if self.open_ends => low.is_gt() && high.is_lt(),
                [low, high] => low.is_ge() && high.is_le(),
                _ => false,
            },
        })
    }

    fn compares(
        &self,
        value: &Value<'_>,
        context: &Context<'_, '_>,
        wanted: fn(Ordering) -> bool,
    ) -> Result<bool, Cause> {
        Ok(self.orderings(value, context)?.first().copied().is_some_and(wanted))
    }

    /// How the value stands to each number or time of the operand.
    fn orderings(&self, value: &Value<'_>, context: &Context<'_, '_>) -> Result<Vec<Ordering>, Cause> {
        match &self.operand {
            Operand::Numbers(numbers) => {
                let value = value.to_number()?;
                Ok(numbers.iter().map(|number| value.compare(number)).collect())
            }
            Operand::Seconds(seconds) => {
                let zone = context.world.zone;
                let at = moment::instant(moment::read(value, zone)?, zone)?.as_second();
                Ok(seconds.iter().map(|second| at.cmp(second)).collect())
            }
            Operand::Texts(_) => Ok(Vec::new()),
        }
    }
}

impl RowField {
    /// Hands the field's value of each element to `each`; an element that is no object has none.
    fn each<'a>(
        &self,
        context: &Context<'_, 'a>,
        each: &mut dyn FnMut(Result<Value<'a>, Cause>) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        let Cell::Json(json) = self.list.cell(context) else { return Ok(()) };
        let mut cells = Cells::new();
        for element in elements(json).unwrap_or_default() {
            let is_object = self.shape.read(element, &mut cells).is_ok();
            let cell = cells.get(self.slot).copied().filter(|_| is_object).unwrap_or_default();
            each(cell.value())?;
        }
        Ok(())
    }

    /// The values of all rows, for a person.
    fn shown(&self, context: &Context<'_, '_>) -> String {
        let mut values = Vec::new();
        let all = self.each(context, &mut |value| {
            values.push(value.map_or_else(|cause| cause.to_string(), |value| value.to_string()));
            Ok(())
        });
        all.map_or_else(|cause| cause.to_string(), |()| values.join(", "))
    }
}

/// Equal as numbers where both are numbers, else as texts; nothing equals nothing else.
fn same(wanted: &str, value: &Value<'_>, text: &str) -> bool {
    if value.is_null() {
        return false;
    }
    let numbers = (wanted.parse::<Number>(), value.to_number());
    if let (Ok(wanted), Ok(value)) = numbers { wanted.compare(&value).is_eq() } else { wanted == text }
}

impl Operand {
    fn compile(operator: Operator, value: Option<&Json>) -> Result<Self, CompileError> {
        let texts = texts(value, matches!(operator, Operator::In | Operator::NotIn | Operator::Between));
        let count = match operator {
            Operator::NotNull | Operator::IsNull => return Ok(Self::Texts(Vec::new())),
            Operator::Between => 2..=2,
            Operator::In | Operator::NotIn => 1..=usize::MAX,
            _ => 1..=1,
        };
        if !count.contains(&texts.len()) {
            let given = texts.len();
            let error = CompileError::new(
                format!("比较值的个数不对：有 {given} 个"),
                format!("the number of values to compare with is wrong: {given}"),
            );
            return Err(match operator {
                Operator::Between => error.suggest("写 value: \"下限,上限\"", "write value: \"low,high\""),
                Operator::In | Operator::NotIn => error.suggest("写 value: \"a,b\"", "write value: \"a,b\""),
                _ => error.suggest("写一个 value", "write one value"),
            });
        }
        let ordered = matches!(
            operator,
            Operator::Greater
                | Operator::GreaterOrEqual
                | Operator::Less
                | Operator::LessOrEqual
                | Operator::Between
        );
        if !ordered {
            return Ok(Self::Texts(texts));
        }
        let seconds: Option<Vec<i64>> =
            texts.iter().map(|text| text.strip_prefix("timestamp:")?.trim().parse().ok()).collect();
        if let Some(seconds) = seconds {
            return Ok(Self::Seconds(seconds));
        }
        let numbers: Result<Vec<Number>, _> = texts.iter().map(|text| text.parse()).collect();
        numbers.map(Self::Numbers).map_err(|error| {
            CompileError::new(format!("不能比较大小：{error}"), format!("cannot be compared with: {error}"))
                .suggest(
                    "写数字，或时间 timestamp:<Unix 秒>",
                    "write a number, or a time as timestamp:<unix seconds>",
                )
        })
    }
}

/// The operand's texts: a list, or text that is split at commas where the operator takes several.
fn texts(value: Option<&Json>, several: bool) -> Vec<String> {
    let scalar = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match value {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(list)) => list.iter().map(scalar).collect(),
        Some(value) if several => scalar(value).split(',').map(|part| part.trim().to_owned()).collect(),
        Some(value) => vec![scalar(value)],
    }
}

/// A condition in words, for the verdict.
pub fn in_words(item: &ConditionItem) -> String {
    let value = match &item.value {
        None => String::new(),
        Some(Json::String(text)) => format!(" {text}"),
        Some(other) => format!(" {other}"),
    };
    format!("{} {}{value}", item.field, item.logic)
}

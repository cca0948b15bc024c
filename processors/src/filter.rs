//! `condition` (contract qeasy-metadata §8): an OR of ANDs over the record and over the rows of its lists. It stands
//! before flattening.

use weir_expr::{
    Cause, Cell, Cells, CompileError, Context, KeptRows, Number, Reference, Scope, Shape, Value, elements, moment,
};
use weir_model::{
    Json,
    flow::ConditionItem,
    outcome::Refusal,
    settings::{Problems, unknown_word},
};

use crate::codes;

/// The filter of a flow.
#[derive(Debug, Default)]
pub struct Filter {
    alternatives: Vec<Vec<Condition>>,
    /// The rule in words, for the verdict.
    rule: String,
}

/// Which rows of which lists stay; a list that is not named keeps all.
#[derive(Debug, Default)]
pub struct RowMasks(Vec<(String, Vec<bool>)>);

impl RowMasks {
    /// Removes the rows of `list` that the filter removed.
    pub fn retain<T>(&self, list: &str, rows: &mut Vec<T>) {
        if let Some((_, mask)) = self.0.iter().find(|(name, _)| name == list) {
            let mut kept = mask.iter();
            rows.retain(|_| kept.next().copied().unwrap_or(false));
        }
    }
}

impl KeptRows for RowMasks {
    fn retain(&self, list: &str, rows: &mut Vec<&str>) {
        Self::retain(self, list, rows);
    }
}

/// What the filter says of a record.
#[derive(Debug)]
pub enum Decision {
    /// It stays, with these rows.
    Keep(RowMasks),
    /// It is left out by the rule.
    Drop(String),
}

#[derive(Debug)]
struct Condition {
    field: Reference,
    rows: Option<RowField>,
    operator: Operator,
    operand: Operand,
    strict: bool,
    path: String,
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

impl Filter {
    /// Compiles the conditions; an unknown operator is an error, never a silent pass.
    pub fn compile(alternatives: &[Vec<ConditionItem>], scope: &mut Scope, problems: &mut Problems) -> Self {
        let mut compiled = Vec::new();
        let mut words = Vec::new();
        for alternative in alternatives.iter().filter(|alternative| !alternative.is_empty()) {
            compiled.push(
                alternative.iter().filter_map(|item| Condition::compile(item, scope, problems)).collect(),
            );
            words.push(alternative.iter().map(in_words).collect::<Vec<_>>().join(" and "));
        }
        Self { alternatives: compiled, rule: format!("condition: {}", words.join(" or ")) }
    }

    /// Decides about a record.
    pub fn decide(&self, context: &Context<'_, '_>) -> Result<Decision, Refusal> {
        if self.alternatives.is_empty() {
            return Ok(Decision::Keep(RowMasks::default()));
        }
        let mut live = Vec::new();
        for alternative in &self.alternatives {
            live.extend(accepted_rows(alternative, context)?);
        }
        if live.is_empty() {
            return Ok(Decision::Drop(self.rule.clone()));
        }
        if live.iter().any(|masks| masks.0.is_empty()) {
            return Ok(Decision::Keep(RowMasks::default()));
        }
        let masks = either(live);
        // No row left: the record goes (contract qeasy-metadata §8).
        let emptied = masks.0.iter().any(|(_, mask)| !mask.contains(&true));
        Ok(if emptied { Decision::Drop(self.rule.clone()) } else { Decision::Keep(masks) })
    }
}

fn in_words(item: &ConditionItem) -> String {
    let value = match &item.value {
        None => String::new(),
        Some(Json::String(text)) => format!(" {text}"),
        Some(other) => format!(" {other}"),
    };
    format!("{} {}{value}", item.field, item.logic)
}

/// The rows that an AND of conditions accepts; `None` when it does not accept the record.
fn accepted_rows(conditions: &[Condition], context: &Context<'_, '_>) -> Result<Option<RowMasks>, Refusal> {
    let mut masks = RowMasks::default();
    for condition in conditions {
        let refuse = |cause: Cause| {
            let message = format!("the condition at {} cannot be decided: {cause}", condition.path);
            Refusal::new(codes::CONDITION, message).at(condition.field.path())
        };
        match condition.by_row(context).map_err(refuse)? {
            None => {
                let value = condition.field.value(context).map_err(refuse)?;
                if !condition.test(&value, context).map_err(refuse)? {
                    return Ok(None);
                }
            }
            Some((_, mask)) if condition.strict => {
                if mask.contains(&false) {
                    return Ok(None);
                }
            }
            Some((name, mask)) => match masks.0.iter_mut().find(|(known, _)| known == name) {
                Some((_, both)) => both.iter_mut().zip(mask).for_each(|(kept, keep)| *kept &= keep),
                None => masks.0.push((name.to_owned(), mask)),
            },
        }
    }
    Ok(Some(masks))
}

/// The rows that at least one alternative accepts; one that does not speak of a list accepts all its rows.
fn either(live: Vec<RowMasks>) -> RowMasks {
    let alternatives = live.len();
    let mut merged: Vec<(String, Vec<bool>, usize)> = Vec::new();
    for (name, mask) in live.into_iter().flat_map(|masks| masks.0) {
        match merged.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, any, count)) => {
                any.iter_mut().zip(mask).for_each(|(kept, keep)| *kept |= keep);
                *count += 1;
            }
            None => merged.push((name, mask, 1)),
        }
    }
    let spoken = merged.into_iter().filter(|(_, _, count)| *count == alternatives);
    RowMasks(spoken.map(|(name, mask, _)| (name, mask)).collect())
}

impl Condition {
    fn compile(item: &ConditionItem, scope: &mut Scope, problems: &mut Problems) -> Option<Self> {
        let Some((_, operator)) = OPERATORS.iter().find(|(name, _)| *name == item.logic) else {
            let known = OPERATORS.map(|(name, _)| name);
            unknown_word(format!("{}.logic", item.path), &item.logic, &known, problems);
            return None;
        };
        let operand = match Operand::compile(*operator, item.value.as_ref()) {
            Ok(operand) => operand,
            Err(error) => {
                problems.error(format!("{}.value", item.path), error.message);
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
        })
    }

    /// The list and one verdict per row, when the field lies in a list.
    fn by_row(&self, context: &Context<'_, '_>) -> Result<Option<(&str, Vec<bool>)>, Cause> {
        let Some(rows) = self.rows.as_ref().filter(|_| self.field.cell(context) == Cell::InList) else {
            return Ok(None);
        };
        let Cell::Json(json) = rows.list.cell(context) else { return Ok(None) };
        let mut mask = Vec::new();
        let mut cells = Cells::new();
        for element in elements(json).unwrap_or_default() {
            // An element that is no object has no such key.
            let read = rows.shape.read(element, &mut cells).is_ok();
            let cell = cells.get(rows.slot).copied().filter(|_| read).unwrap_or_default();
            mask.push(self.test(&cell.value()?, context)?);
        }
        Ok(Some((&rows.name, mask)))
    }

    /// Whether a value meets the condition. Nothing meets only the negative ones.
    fn test(&self, value: &Value<'_>, context: &Context<'_, '_>) -> Result<bool, Cause> {
        let first = |wanted: &dyn Fn(&str) -> bool| match &self.operand {
            Operand::Texts(texts) => texts.iter().any(|text| wanted(text)),
            _ => false,
        };
        let text = value.clone().into_text();
        Ok(match self.operator {
            Operator::IsNull => value.is_blank(),
            Operator::NotNull => !value.is_blank(),
            Operator::SameText => first(&|wanted| wanted.trim() == text.trim()),
            Operator::OtherText => !first(&|wanted| wanted.trim() == text.trim()),
            Operator::Equal | Operator::In => first(&|wanted| same(wanted, value, &text)),
            Operator::NotEqual | Operator::NotIn => !first(&|wanted| same(wanted, value, &text)),
            Operator::Like => first(&|wanted| text.contains(wanted)),
            Operator::NotLike => !first(&|wanted| text.contains(wanted)),
            _ if value.is_blank() => false,
            Operator::Greater => self.orderings(value, context)?.first().is_some_and(|order| order.is_gt()),
            Operator::GreaterOrEqual => {
                self.orderings(value, context)?.first().is_some_and(|order| order.is_ge())
            }
            Operator::Less => self.orderings(value, context)?.first().is_some_and(|order| order.is_lt()),
            Operator::LessOrEqual => {
                self.orderings(value, context)?.first().is_some_and(|order| order.is_le())
            }
            Operator::Between => match self.orderings(value, context)?.as_slice() {
                [low, high] => low.is_ge() && high.is_le(),
                _ => false,
            },
        })
    }

    /// How the value stands to each number or time of the operand.
    fn orderings(
        &self,
        value: &Value<'_>,
        context: &Context<'_, '_>,
    ) -> Result<Vec<std::cmp::Ordering>, Cause> {
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
            return Err(CompileError::new(
                "条件的比较值缺失或个数不对（between 写 \"下限,上限\"）",
                "the value to compare with is missing or of the wrong number (between takes \"low,high\")",
            ));
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
            CompileError::new(
                format!("{error}：应为数字或 timestamp:<秒>"),
                format!("{error}: expected a number or timestamp:<seconds>"),
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

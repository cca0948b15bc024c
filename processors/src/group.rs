//! `groupCalculate` and `merge` (contract qeasy-metadata §6): flat rows become documents again, a head and a list of
//! rows, with sums. Within one source record only: what other records hold is not known here, and a group that grows
//! with every record could not be written once.

use weir_expr::Number;
use weir_model::{
    Json,
    flow::{GroupCalculate, Operation, language::DivScale},
    outcome::Refusal,
    settings::{Problems, unknown_word},
};

use crate::{codes, flatten::FlatRow};

/// How rows are grouped.
#[derive(Debug)]
pub struct Grouping {
    /// Fields whose equal values make one document.
    keys: Vec<String>,
    /// Fields of the head.
    head: Fields,
    /// Fields of a row; rows equal in them become one.
    row: Fields,
    /// The list of the rows; `None` calculates into the head.
    body: Option<String>,
    calculate: Vec<(String, Calculation)>,
    max_lines: Option<usize>,
    /// Decimals that an average has more than its values.
    div_scale: DivScale,
}

/// Fields of a row: these, or all of them but those that are calculated.
#[derive(Debug)]
enum Fields {
    These(Vec<String>),
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calculation {
    Sum,
    Average,
    Least,
    Greatest,
    First,
    Last,
    Push,
    AddToSet,
}

const CALCULATIONS: [(&str, Calculation); 8] = [
    ("$sum", Calculation::Sum),
    ("$avg", Calculation::Average),
    ("$min", Calculation::Least),
    ("$max", Calculation::Greatest),
    ("$first", Calculation::First),
    ("$last", Calculation::Last),
    ("$push", Calculation::Push),
    ("$addToSet", Calculation::AddToSet),
];

/// The list that `merge` gathers rows in when it names none.
const BODY: &str = "body";

impl Grouping {
    /// Compiles `groupCalculate`.
    pub fn of_group(spec: &GroupCalculate, div_scale: DivScale, problems: &mut Problems) -> Self {
        let mut calculate = Vec::new();
        for (field, how) in &spec.calculate {
            match CALCULATIONS.iter().find(|(name, _)| name == how) {
                Some((_, calculation)) => calculate.push((field.clone(), *calculation)),
                None => {
                    let known = CALCULATIONS.map(|(name, _)| name);
                    unknown_word(format!("{}.calculate.{field}", spec.path), how, &known, problems);
                }
            }
        }
        Self {
            keys: spec.header_group.clone(),
            head: Fields::These(spec.header_group.clone()),
            row: Fields::These(spec.body_group.clone()),
            body: (!spec.body_group.is_empty()).then(|| spec.body_name.clone()),
            calculate,
            max_lines: spec.body_max_line.and_then(|lines| usize::try_from(lines).ok()),
            div_scale,
        }
    }

    /// Compiles a target's `merge`.
    pub fn of_merge(operation: &Operation, div_scale: DivScale) -> Self {
        let fields = |names: &[String]| match names {
            [] => Fields::All,
            names => Fields::These(names.to_vec()),
        };
        Self {
            keys: operation.merge_by.clone(),
            head: fields(&operation.header),
            row: fields(&operation.body),
            body: Some(operation.body_name.clone().unwrap_or_else(|| BODY.to_owned())),
            calculate: operation.body_sum.iter().map(|field| (field.clone(), Calculation::Sum)).collect(),
            max_lines: None,
            div_scale,
        }
    }

    /// Fields whose equal values make one document.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Whether a long document is split.
    pub fn splits(&self) -> bool {
        self.max_lines.is_some()
    }

    /// The documents' records, in the order of their first rows.
    pub fn run(&self, rows: &[FlatRow]) -> Result<Vec<FlatRow>, Refusal> {
        let mut records = Vec::new();
        for group in equal(rows.iter(), |row| self.keys.iter().map(|key| shown(self.get(row, key))).collect())
        {
            let Some(first) = group.first() else { continue };
            let mut head = self.pick(&self.head, first);
            let Some(body) = &self.body else {
                self.calculate(&group, &mut head)?;
                records.push(head);
                continue;
            };
            let mut lines = Vec::new();
            for same in self.same_lines(&group) {
                let Some(first) = same.first() else { continue };
                let mut line = self.pick(&self.row, first);
                self.calculate(&same, &mut line)?;
                lines.push(Json::Object(line));
            }
            for chunk in lines.chunks(self.max_lines.unwrap_or(usize::MAX)) {
                let mut record = head.clone();
                record.insert(body.clone(), Json::Array(chunk.to_vec()));
                records.push(record);
            }
        }
        Ok(records)
    }

    /// Rows that become one line: equal in the fields of a line. Without sums every row is a line of its own.
    fn same_lines<'r>(&self, group: &[&'r FlatRow]) -> Vec<Vec<&'r FlatRow>> {
        if self.calculate.is_empty() && matches!(self.row, Fields::All) {
            return group.iter().map(|row| vec![*row]).collect();
        }
        equal(group.iter().copied(), |row| match &self.row {
            Fields::These(names) => {
                let others = names.iter().filter(|name| !self.is_calculated(name));
                others.map(|name| shown(self.get(row, name))).collect()
            }
            Fields::All => {
                let others = row.iter().filter(|(key, _)| !self.is_calculated(key));
                others.map(|(key, value)| format!("{key}={value}")).collect()
            }
        })
    }

    fn is_calculated(&self, key: &str) -> bool {
        self.calculate.iter().any(|(field, _)| field == key)
    }

    fn pick(&self, fields: &Fields, row: &FlatRow) -> FlatRow {
        match fields {
            Fields::All => row.clone(),
            Fields::These(names) => {
                let values = names.iter().map(|name| (name.clone(), self.get(row, name).cloned()));
                values.filter_map(|(name, value)| Some((name, value?))).collect()
            }
        }
    }

    /// A row's field: the key as written, else with the list's name before it.
    fn get<'r>(&self, row: &'r FlatRow, field: &str) -> Option<&'r Json> {
        row.get(field).or_else(|| row.get(&format!("{}_{field}", self.body.as_deref()?)))
    }

    fn calculate(&self, rows: &[&FlatRow], into: &mut FlatRow) -> Result<(), Refusal> {
        for (field, calculation) in &self.calculate {
            let values = rows.iter().filter_map(|row| self.get(row, field)).filter(|value| !value.is_null());
            let result = calculation.run(values.collect(), self.div_scale).map_err(|problem| {
                Refusal::new(codes::TYPE, format!("{field:?} cannot be calculated: {problem}"))
                    .at(field.clone())
            })?;
            into.insert(field.clone(), result);
        }
        Ok(())
    }
}

/// Items with equal keys together, in the order of their first ones.
fn equal<'r>(
    rows: impl Iterator<Item = &'r FlatRow>,
    key: impl Fn(&FlatRow) -> Vec<String>,
) -> Vec<Vec<&'r FlatRow>> {
    let mut places: std::collections::HashMap<Vec<String>, usize> = std::collections::HashMap::new();
    let mut groups: Vec<Vec<&FlatRow>> = Vec::new();
    for row in rows {
        let next = groups.len();
        let place = *places.entry(key(row)).or_insert(next);
        match groups.get_mut(place) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

fn shown(value: Option<&Json>) -> String {
    value.map(Json::to_string).unwrap_or_default()
}

impl Calculation {
    /// The result over the values that are there.
    fn run(self, values: Vec<&Json>, DivScale(added): DivScale) -> Result<Json, String> {
        Ok(match self {
            Self::Sum => written(&numbers(&values)?.iter().fold(Number::whole(0), |sum, next| sum.add(next))),
            Self::Average => {
                let numbers = numbers(&values)?;
                let sum = numbers.iter().fold(Number::whole(0), |sum, next| sum.add(next));
                let count = i128::try_from(numbers.len()).unwrap_or(i128::MAX);
                sum.divide(&Number::whole(count), added)
                    .map_or(Json::Null, |average| written(&average.trimmed()))
            }
            Self::Least => extreme(&values, std::cmp::Ordering::is_lt),
            Self::Greatest => extreme(&values, std::cmp::Ordering::is_gt),
            Self::First => values.first().map_or(Json::Null, |value| (*value).clone()),
            Self::Last => values.last().map_or(Json::Null, |value| (*value).clone()),
            Self::Push => values.into_iter().cloned().collect(),
            Self::AddToSet => {
                let mut set: Vec<Json> = Vec::new();
                for value in values {
                    if !set.contains(value) {
                        set.push(value.clone());
                    }
                }
                Json::Array(set)
            }
        })
    }
}

/// The values as exact decimals (invariant 5); empty text is nothing, other text must be a number.
fn numbers(values: &[&Json]) -> Result<Vec<Number>, String> {
    values.iter().filter(|value| value.as_str() != Some("")).map(|value| number(value)).collect()
}

fn number(value: &Json) -> Result<Number, String> {
    let text = match value {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone(),
        other => return Err(format!("{} is not a number", weir_expr::shorten(&other.to_string()))),
    };
    text.parse().map_err(|_| format!("{:?} is not a number", weir_expr::shorten(&text)))
}

fn written(number: &Number) -> Json {
    let text = number.to_string();
    serde_json::from_str(&text).unwrap_or(Json::String(text))
}

/// The least or greatest value: by number where all are numbers, else by text, as dates are.
fn extreme(values: &[&Json], better: fn(std::cmp::Ordering) -> bool) -> Json {
    let numbers: Option<Vec<Number>> = values.iter().map(|value| number(value).ok()).collect();
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut best: Option<usize> = None;
    for index in 0..values.len() {
        let wins = match (best, &numbers) {
            (None, _) => true,
            (Some(best), Some(numbers)) => match (numbers.get(index), numbers.get(best)) {
                (Some(one), Some(other)) => better(one.compare(other)),
                _ => false,
            },
            (Some(best), None) => match (values.get(index), values.get(best)) {
                (Some(one), Some(other)) => better(text(one).cmp(&text(other))),
                _ => false,
            },
        };
        if wins {
            best = Some(index);
        }
    }
    best.and_then(|best| values.get(best)).map_or(Json::Null, |value| (*value).clone())
}

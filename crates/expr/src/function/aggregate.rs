//! Aggregates over the rows of a list (contract qeasy-metadata §4): `SUM AVG MAX MIN COUNT` of an expression over one
//! list's fields.
//!
//! An aggregate always sees the whole list of the record, less the rows that the filter removed, also inside an item
//! that is bound to that very list: `{{d.amount}}/SUM({{d.amount}})` is a row's share. Inside an item bound to `orders`
//! the list `orders.lines` is that of the row at hand. Rows without a value are skipped; without any, `COUNT` is 0
//! and the others are nothing.

use std::collections::HashSet;

use super::{
    compare,
    evaluate::Evaluation,
    node::{Comparison, Node},
};
use crate::{
    error::Cause,
    number::Number,
    scope::{Context, Reference},
    shape::{Cell, Cells, Shape, elements},
    value::Value,
};

type Result<T> = std::result::Result<T, Cause>;

/// What is made of the rows' values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `SUM`
    Sum,
    /// `AVG`
    Average,
    /// `MAX`
    Largest,
    /// `MIN`
    Smallest,
    /// `COUNT`
    Count,
}

impl Kind {
    /// The aggregates by name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("SUM", Self::Sum),
        ("AVG", Self::Average),
        ("MAX", Self::Largest),
        ("MIN", Self::Smallest),
        ("COUNT", Self::Count),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// A compiled aggregate.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// What is made of the values.
    pub kind: Kind,
    /// Whether equal values count once.
    pub distinct: bool,
    /// As the author wrote it, for people.
    pub text: String,
    /// The frame in which a row stands.
    pub frame: usize,
    /// The lists that the argument's paths may mean; the first that the record has is taken.
    pub lists: Vec<List>,
}

/// A list and the argument compiled against its rows.
#[derive(Clone, Debug)]
pub struct List {
    /// Its path.
    pub name: String,
    /// The list itself.
    pub list: Reference,
    /// Reads one row.
    pub shape: Shape,
    /// The argument.
    pub argument: Node,
}

/// What has been seen of the rows.
#[derive(Default)]
struct Totals<'a> {
    count: i128,
    sum: Option<Number>,
    best: Option<Value<'a>>,
    distinct: HashSet<String>,
}

impl Aggregate {
    /// The aggregate of a record.
    pub fn value<'a>(&'a self, evaluation: &Evaluation<'_, '_, 'a>) -> Result<Value<'a>> {
        let Some((list, mut rows)) = self.rows(evaluation.context)? else {
            return Ok(self.finish(None, evaluation));
        };
        if let Some(kept) = evaluation.context.kept {
            kept.retain(&list.name, &mut rows);
        }
        let mut inside = Context {
            frames: evaluation.context.frames.iter().take(self.frame).cloned().collect(),
            world: evaluation.context.world,
            kept: evaluation.context.kept,
        };
        inside.frames.resize_with(self.frame + 1, Cells::new);
        let mut totals = Totals::default();
        for (index, row) in rows.into_iter().enumerate() {
            let added = self.add(&mut totals, list, row, &mut inside, evaluation);
            added.map_err(|cause| match cause {
                // The stage recognises a lookup without an answer by its cause.
                Cause::Lookup(_) => cause,
                cause => Cause::Row { list: list.name.clone(), row: index + 1, cause: Box::new(cause) },
            })?;
        }
        Ok(self.finish(Some(totals), evaluation))
    }

    /// The list that the record has, and its rows; `None` when it has none.
    fn rows<'a>(&'a self, context: &Context<'_, 'a>) -> Result<Option<(&'a List, Vec<&'a str>)>> {
        let mut problem = None;
        for list in &self.lists {
            match list.list.cell(context) {
                Cell::Missing | Cell::Json("null") => {}
                Cell::InList => problem = problem.or(Some(Cause::InList)),
                Cell::Json(json) => {
                    let Some(rows) = elements(json) else {
                        problem = Some(self.argument(format!("{} is no list", list.name)));
                        continue;
                    };
                    return Ok(Some((list, rows)));
                }
            }
        }
        problem.map_or(Ok(None), Err)
    }

    fn argument(&self, problem: String) -> Cause {
        Cause::Argument { function: self.kind.name(), problem }
    }

    fn add<'a>(
        &'a self,
        totals: &mut Totals<'a>,
        list: &'a List,
        row: &'a str,
        inside: &mut Context<'_, 'a>,
        evaluation: &Evaluation<'_, '_, 'a>,
    ) -> Result<()> {
        if let Some(cells) = inside.frames.last_mut() {
            list.shape.read(row, cells).map_err(|_| self.argument("the row is no object".to_owned()))?;
        }
        let value = match &list.argument {
            // A bare macro may hold text here: it is counted, or compared as it is.
            Node::Field(field) if self.kind != Kind::Sum && self.kind != Kind::Average => {
                match field.value(inside)? {
                    Value::Text(text) => text.parse().map_or(Value::Text(text), Value::Number),
                    value => value,
                }
            }
            node => Evaluation { context: inside, ..*evaluation }.value(node)?,
        };
        if value.is_null() || (self.distinct && !totals.distinct.insert(canonical(&value))) {
            return Ok(());
        }
        totals.count += 1;
        match self.kind {
            Kind::Count => {}
            Kind::Sum | Kind::Average => {
                let number = value.to_number()?;
                totals.sum = Some(totals.sum.take().map_or_else(|| number.clone(), |sum| sum.add(&number)));
            }
            Kind::Largest | Kind::Smallest => {
                let wanted = if self.kind == Kind::Largest { Comparison::Greater } else { Comparison::Less };
                let better = match &totals.best {
                    None => true,
                    Some(best) => wanted.accepts(compare::order(&value, best, &evaluation.around)?),
                };
                if better {
                    totals.best = Some(value);
                }
            }
        }
        Ok(())
    }

    fn finish<'a>(&self, totals: Option<Totals<'a>>, evaluation: &Evaluation<'_, '_, 'a>) -> Value<'a> {
        let Totals { count, sum, best, .. } = totals.unwrap_or_default();
        let number = |number: Option<Number>| number.map_or(Value::Null, Value::Number);
        match self.kind {
            Kind::Count => Value::Number(Number::whole(count)),
            Kind::Sum => number(sum),
            Kind::Average => {
                let added = evaluation.around.rules.div_scale;
                number(sum.and_then(|sum| sum.divide(&Number::whole(count), added)))
            }
            Kind::Largest | Kind::Smallest => best.unwrap_or(Value::Null),
        }
    }
}

/// Equal values have equal texts: `1.0` and `1` are one number.
fn canonical(value: &Value<'_>) -> String {
    match value {
        Value::Written(_) | Value::Number(_) => match value.to_number() {
            Ok(number) => number.trimmed().to_string(),
            Err(_) => value.clone().into_text().into_owned(),
        },
        other => other.clone().into_text().into_owned(),
    }
}

//! A document's body, `{"main_params":{…},"extend_params_1":[{…}]}`, to the values of each statement's calls. Pure.

use std::{borrow::Cow, collections::HashMap};

use serde_json::value::RawValue;
use weir_model::{decimal::Decimal, outcome::Refusal};

use super::{Execute, Step, columns::Columns, statement::GENERATED_ID};
use crate::sql::{
    classify::codes,
    value::{Value, unquoted},
};

/// What a document runs, or the reason why it never can be.
pub(in crate::sql) type Calls<'a> = Result<Vec<Call<'a>>, Refusal>;

/// One run of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sql) struct Call<'a> {
    /// The statement's place among those of the flow.
    pub(super) step: usize,
    /// The part of the document, such as `extend_params_1[2]`.
    pub(super) part: String,
    /// A value for each `?`; `None` for the id that the first statement generated.
    pub(super) values: Vec<Option<Value<'a>>>,
}

type Params<'a> = HashMap<String, &'a RawValue>;

impl Execute {
    /// The calls of a document, in the order in which they run.
    ///
    /// # Errors
    /// Code `S-BODY` when the body is no such object, `S-VALUE` when a column would change a value, `S-TOO-LARGE` when a
    /// call is larger than `packet`, what the server accepts.
    pub(in crate::sql) fn calls<'a>(&self, body: &'a [u8], packet: usize) -> Calls<'a> {
        let parts: Params<'a> = read(body)?;
        let columns = self.columns.get();
        let mut calls = Vec::with_capacity(self.steps.len());
        for (place, step) in self.steps.iter().enumerate() {
            let name = step.params.as_str();
            let of_step = |part: String, params: &Params<'a>| step.call(place, part, params, columns, packet);
            match (parts.get(name).map(|part| part.get()), step.repeats) {
                (Some(list), true) => {
                    let elements: Vec<Params<'a>> = read(list.as_bytes())?;
                    for (index, params) in elements.iter().enumerate() {
                        calls.push(of_step(format!("{name}[{index}]"), params)?);
                    }
                }
                (Some(object), false) => calls.push(of_step(name.to_owned(), &read(object.as_bytes())?)?),
                // A record without the list has nothing to repeat for.
                (None, true) => {}
                (None, false) => calls.push(of_step(name.to_owned(), &Params::new())?),
            }
        }
        Ok(calls)
    }
}

impl Step {
    fn call<'a>(
        &self,
        step: usize,
        part: String,
        params: &Params<'a>,
        columns: Option<&Columns>,
        packet: usize,
    ) -> Result<Call<'a>, Refusal> {
        let mut values = Vec::with_capacity(self.statement.names.len());
        for name in &self.statement.names {
            if name == GENERATED_ID {
                values.push(None);
                continue;
            }
            let field = || format!("{part}.{name}");
            let value = params.get(name.as_str()).map_or(Ok(Value::Null), |raw| value(raw.get(), field))?;
            if let Some((column, why)) = columns.and_then(|columns| columns.would_change(step, name, &value))
            {
                let message = format!("column {column} cannot hold {}: {why}", value.shown());
                return Err(Refusal::new(codes::VALUE, message).at(field()));
            }
            values.push(Some(value));
        }
        let bytes: usize = values.iter().flatten().map(Value::packet_bytes).sum();
        if bytes > packet {
            let message =
                format!("{part} takes {bytes} bytes, the server accepts {packet} (max_allowed_packet)");
            return Err(Refusal::new(codes::TOO_LARGE, message).at(part));
        }
        Ok(Call { step, part, values })
    }
}

fn read<'a, T: serde::Deserialize<'a>>(json: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(json).map_err(|error| {
        Refusal::new(
            codes::BODY,
            format!("the document's body does not hold parameters of statements: {error}"),
        )
    })
}

/// The value as it is bound: digits stay as they are (invariant 5), lists and objects are their JSON text.
fn value(raw: &str, field: impl Fn() -> String) -> Result<Value<'_>, Refusal> {
    let text = match raw.as_bytes().first() {
        Some(b'n') => return Ok(Value::Null),
        Some(b't') => return Ok(Value::Integer(1)),
        Some(b'f') => return Ok(Value::Integer(0)),
        Some(b'"') => unquoted(raw),
        Some(b'[' | b'{') => Some(Cow::Borrowed(raw)),
        _ => match raw.parse() {
            Ok(number) => return Ok(Value::Integer(number)),
            Err(_) => raw.parse::<Decimal>().ok().map(|number| Cow::Owned(number.as_big().to_plain_string())),
        },
    };
    text.map(Value::Text)
        .ok_or_else(|| Refusal::new(codes::BODY, format!("{raw} is neither text nor a number")).at(field()))
}

//! Running the statements of documents inside an open transaction: each document under a savepoint of its own, so that
//! all of it is written or nothing, and a refused one holds no other.

use weir_model::outcome::{Outcome, Refusal, Written};

use super::{
    Execute,
    body::{Call, Calls},
    statement::GeneratedId,
};
use crate::sql::{
    classify::{Failure, codes},
    database::{Ran, Session, Statement},
    value::Value,
    write::names,
};

impl Execute {
    /// Writes all documents in their order (invariant 4); one outcome each.
    ///
    /// # Errors
    /// Whatever is not a document's fault; the transaction must then be given up.
    pub(in crate::sql) async fn write(
        &self,
        session: &mut Session,
        documents: &[&Calls<'_>],
    ) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = Vec::with_capacity(documents.len());
        for document in documents {
            outcomes.push(match document {
                Ok(calls) => self.write_document(session, calls).await?,
                Err(refusal) => Outcome::Reject(refusal.clone()),
            });
        }
        Ok(outcomes)
    }

    async fn write_document(&self, session: &mut Session, calls: &[Call<'_>]) -> Result<Outcome, Failure> {
        session.control("SAVEPOINT weir_document").await?;
        let outcome = match self.run(session, calls).await {
            Ok(id) => Outcome::Delivered(Written { id: id.unwrap_or_default(), number: String::new() }),
            Err(Failure::Refused(refusal)) => {
                session.control("ROLLBACK TO SAVEPOINT weir_document").await?;
                Outcome::Reject(refusal)
            }
            Err(failure) => return Err(failure),
        };
        session.control("RELEASE SAVEPOINT weir_document").await?;
        Ok(outcome)
    }

    /// Runs the calls of one document; the id that the first one generated.
    async fn run(&self, session: &mut Session, calls: &[Call<'_>]) -> Result<Option<String>, Failure> {
        let needs_id = self.steps.iter().any(|step| step.statement.takes_generated_id());
        let mut generated = None;
        for (place, call) in calls.iter().enumerate() {
            let Some(step) = self.steps.get(call.step) else { continue };
            let id = generated.as_deref().map_or(Value::Null, id_value);
            let values: Vec<Value<'_>> =
                call.values.iter().map(|value| value.clone().unwrap_or_else(|| id.clone())).collect();
            let statement = Statement::Kept(step.statement.text.clone());
            let ran = match step.statement.id {
                GeneratedId::Returned => session.run_returning(statement, &values).await,
                GeneratedId::Answered | GeneratedId::Unknown => session.run(statement, &values).await,
            };
            let ran = ran.map_err(|failure| self.explain(failure, call))?;
            if place == 0 && step.statement.id != GeneratedId::Unknown {
                generated = generated_id(ran, needs_id, &step.name)?;
            }
        }
        Ok(generated)
    }

    /// A refusal says which statement, and which value where the server names its column.
    fn explain(&self, failure: Failure, call: &Call<'_>) -> Failure {
        let (Failure::Refused(mut refusal), Some(step)) = (failure.clone(), self.steps.get(call.step)) else {
            return failure;
        };
        let column_of = |name: &str| {
            let written = step.statement.columns.iter().find(|(of, _)| of == name);
            written.map_or_else(|| name.to_owned(), |(_, column)| column.clone())
        };
        let slots = step.statement.names.iter().zip(&call.values);
        let culprit = slots
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
            .find(|(name, _)| names(&refusal.message, &column_of(name)));
        let (field, value) = match culprit {
            Some((name, value)) => {
                (format!("{}.{name}", call.part), format!("; :{name} = {}", value.shown()))
            }
            None => (call.part.clone(), String::new()),
        };
        refusal.message = format!("{}: {}{value}", step.name, refusal.message);
        Failure::Refused(refusal.at(field))
    }
}

/// A number where it is one, so that statements can calculate with it.
fn id_value(id: &str) -> Value<'_> {
    id.parse().map_or_else(|_| Value::Text(id.into()), Value::Integer)
}

/// The id, which must be there where other statements take it.
fn generated_id(ran: Ran, is_needed: bool, name: &str) -> Result<Option<String>, Failure> {
    // An answer about no row carries the id of a former statement, or none.
    let id = ran.id.filter(|id| ran.rows > 0 && id != "0");
    if id.is_some() || !is_needed {
        return Ok(id);
    }
    Err(match ran.rows {
        0 => Failure::Refused(
            Refusal::new(codes::CONSTRAINT, format!("{name} wrote no row, so there is no :lastInsertId"))
                .at("main_params"),
        ),
        _ => Failure::Halted(Refusal::new(
            codes::TABLE,
            format!(
                "{name} generates no id: give its table an AUTO_INCREMENT column, or take out :lastInsertId"
            ),
        )),
    })
}

//! One `value` of a mapping, in any of its three forms.

use weir_model::lookup::LookupIndex;

use crate::{
    error::{Cause, CompileError, EvalError, nearest},
    function,
    lookup::{self, Lookup},
    scope::{Context, Scope},
    template::{Macro, Template},
    value::Value,
};

/// A compiled value expression.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Box<str>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Template(Template),
    Function(Box<function::Compiled>),
    Lookup(Lookup),
}

impl Expression {
    /// Compiles `text`; the fields it names are entered into `scope`.
    ///
    /// # Errors
    /// Syntax errors, unknown functions, macros and filters, with what to write instead.
    pub fn compile(text: &str, scope: &mut Scope) -> Result<Self, CompileError> {
        let form = if let Some(body) = text.strip_prefix(function::KEYWORD) {
            Form::Function(Box::new(function::compile(body, scope)?))
        } else if let Some(body) = text.strip_prefix(lookup::KEYWORD) {
            Form::Lookup(Lookup::compile(body, scope)?)
        } else {
            check_keyword(text)?;
            Form::Template(Template::compile(text, scope)?)
        };
        Ok(Self { text: text.into(), form })
    }

    /// The expression as the flow has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it looks up, and by which fields.
    pub fn lookups(&self) -> Vec<LookupIndex> {
        self.all_lookups().iter().map(Lookup::index).collect()
    }

    /// The names of its branches: `WHEN …`, `ELSE`, `IF …: yes`, `IF …: no`, the fallbacks of `IFNULL` and `COALESCE`.
    pub fn branches(&self) -> &[String] {
        match &self.form {
            Form::Function(compiled) => &compiled.branches,
            Form::Template(_) | Form::Lookup(_) => &[],
        }
    }

    /// Evaluates it on a record.
    ///
    /// # Errors
    /// What failed, with the expression and its inputs. A failed expression becomes text only where the flow says
    /// `on_failure: text`.
    pub fn evaluate<'a>(&'a self, context: &Context<'_, 'a>) -> Result<Value<'a>, EvalError> {
        let value = match &self.form {
            Form::Template(template) => template.value(context),
            Form::Lookup(lookup) => lookup.value(context),
            Form::Function(compiled) => compiled.evaluate(&self.text, context),
        };
        value.map_err(|cause| self.failed(cause, context))
    }

    /// The error of this expression on this record, for a cause that was found after the evaluation.
    pub fn failed(&self, cause: Cause, context: &Context<'_, '_>) -> EvalError {
        EvalError { expression: self.text.to_string(), inputs: self.macro_values(context), cause }
    }

    /// Everything it reads and the values on this record, shortened: macros first, then aggregates, then lookups with
    /// question and answer. For people; it looks everything up again.
    pub fn inputs(&self, context: &Context<'_, '_>) -> Vec<(String, String)> {
        let mut inputs = self.macro_values(context);
        if let Form::Function(compiled) = &self.form {
            inputs.extend(compiled.aggregate_values(&self.text, context));
        }
        inputs.extend(self.all_lookups().iter().map(|lookup| lookup.shown(context)));
        inputs
    }

    fn macro_values(&self, context: &Context<'_, '_>) -> Vec<(String, String)> {
        let mut inputs: Vec<(String, String)> = Vec::new();
        for input in self.macros() {
            if inputs.iter().all(|(known, _)| known != input.path()) {
                let value =
                    input.raw(context).map_or_else(|cause| cause.to_string(), |value| value.to_string());
                inputs.push((input.path().to_owned(), value));
            }
        }
        inputs
    }

    fn macros(&self) -> Vec<&Macro> {
        match &self.form {
            Form::Template(template) => template.macros().collect(),
            Form::Function(compiled) => compiled.macros.iter().collect(),
            Form::Lookup(lookup) => lookup.macros().collect(),
        }
    }

    fn all_lookups(&self) -> &[Lookup] {
        match &self.form {
            Form::Template(_) => &[],
            Form::Function(compiled) => &compiled.lookups,
            Form::Lookup(lookup) => std::slice::from_ref(lookup),
        }
    }
}

/// A keyword that is almost one must not pass for plain text.
fn check_keyword(text: &str) -> Result<(), CompileError> {
    let first = text.split_whitespace().next().unwrap_or_default();
    let known = ["_function", "_findCollection"];
    match nearest(first, &known).filter(|_| first.starts_with('_')) {
        None => Ok(()),
        Some(best) => Err(CompileError::new(
            format!("{first:?} 不是表达式关键字"),
            format!("{first:?} does not start an expression"),
        )
        .suggest(
            format!("以 \"{best} \" 开头，前面不留空格，后面一个空格"),
            format!("begin with \"{best} \": no blank before it, one after it"),
        )),
    }
}

//! Records that were removed at their source: how they are known (`deleted_when`, beside the source's own mark) and what
//! the flow makes of them (`on_delete`).

use weir_expr::{Context, Scope};
use weir_model::{
    document::Verdict,
    flow::{FlowSpec, OnDelete},
    lookup::LookupError,
    names::RecordId,
    outcome::Refusal,
    processor::{Mapped, Processed},
    settings::{Localized, Problems},
};

use crate::{
    codes,
    explain::{DeletionStep, FieldInfo, ON_DELETE},
    filter::Rule,
    map::{Mapping, Overlay, takes_rows},
};

/// What a removed record is filtered by where the flow ignores removals.
const IGNORED: &str = "on_delete: ignore";

/// `deleted_when`, compiled against the head of a record.
#[derive(Debug, Default)]
pub struct RemovalMark(Option<Rule>);

impl RemovalMark {
    /// Compiles the flow's rule; what is wrong with it goes into `problems`.
    pub fn compile(flow: &FlowSpec, scope: &mut Scope, problems: &mut Problems) -> Self {
        Self(Rule::compile("deleted_when", &flow.source.deleted_when, scope, problems))
    }

    /// Whether a record counts as removed.
    ///
    /// # Errors
    /// A condition cannot be decided.
    pub fn is_on(&self, by_source: bool, context: &Context<'_, '_>) -> Result<bool, Refusal> {
        match &self.0 {
            Some(rule) if !by_source => rule.holds(context),
            _ => Ok(by_source),
        }
    }

    /// How the rule stands on a record.
    pub fn explain(&self, removed: bool, by_source: bool, context: &Context<'_, '_>) -> DeletionStep {
        DeletionStep {
            removed,
            by_source,
            rule: self.0.as_ref().map(|rule| rule.words().to_owned()).unwrap_or_default(),
            conditions: self.0.as_ref().map(|rule| rule.explain(context)).unwrap_or_default(),
        }
    }
}

/// `on_delete`, compiled.
#[derive(Debug)]
pub enum Removal {
    /// What the target holds stays.
    Ignored,
    /// A person decides.
    Lettered,
    /// Its rows are deleted: mapped as any record, for the target to find them by their key.
    Deleted,
    /// A document of its own.
    Mapped(Box<RemovalMapping>),
}

/// How removed records are mapped.
#[derive(Debug)]
pub struct RemovalMapping {
    /// The target's request with the replaced items.
    pub mapping: Mapping,
    /// Names of the replaced fields.
    replaced: Vec<String>,
}

impl Removal {
    /// Compiles what the flow makes of removed records, against the fields that its mapping reads.
    pub fn compile(flow: &FlowSpec, scope: &mut Scope, problems: &mut Problems) -> Self {
        if flow.target.on_delete != OnDelete::Ignore {
            warn_first(flow, problems);
        }
        let items = match &flow.target.on_delete {
            OnDelete::Ignore => return Self::Ignored,
            OnDelete::DeadLetter => return Self::Lettered,
            OnDelete::Delete => {
                refuse_delete(flow, problems);
                return Self::Deleted;
            }
            OnDelete::Map(items) => items,
        };
        let Overlay { request, replaced } = Overlay::new(&flow.target, items, problems);
        let mut of_removed = flow.clone();
        of_removed.target.metadata.request = request;
        // Most items are those of the target's own request, whose problems are told already.
        let mut found = problems.fork();
        let mapping = Mapping::compile(&of_removed, scope, &mut found);
        problems.merge(found);
        Self::Mapped(Box::new(RemovalMapping { mapping, replaced }))
    }

    /// The mapping of removed records, where they have one of their own.
    pub fn mapping(&self) -> Option<&Mapping> {
        match self {
            Self::Mapped(own) => Some(&own.mapping),
            Self::Ignored | Self::Lettered | Self::Deleted => None,
        }
    }

    /// The fields that only removed records have, below [`ON_DELETE`].
    pub fn fields(&self) -> Vec<FieldInfo> {
        let Self::Mapped(own) = self else { return Vec::new() };
        let is_own = |field: &FieldInfo| {
            own.replaced.iter().any(|name| {
                field
                    .path
                    .strip_prefix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        let own_fields = own.mapping.fields().into_iter().filter(is_own);
        own_fields.map(|field| FieldInfo { path: format!("{ON_DELETE}{}", field.path), ..field }).collect()
    }

    /// What a removed record becomes, given what the mapping made of it. Nothing waits: what was delivered had its rows,
    /// and of what was not there is nothing to take back.
    pub fn ending(&self, made: Processed, id: &RecordId, number: &str) -> Processed {
        let one = |verdict| Processed::One(Mapped::without_body(verdict, number.to_owned()));
        let mut ending = match (self, made) {
            (Self::Ignored, _) => one(Verdict::Filtered(IGNORED.to_owned())),
            (Self::Lettered, Processed::Waits(_)) => one(Verdict::Refused(removed(id, number))),
            (Self::Deleted | Self::Mapped(_), Processed::Waits(missing)) => {
                let message =
                    format!("the record was removed and cannot wait: {}", LookupError::Missing(missing));
                one(Verdict::Refused(Refusal::new(codes::MISSING, message)))
            }
            (Self::Lettered, mut made) => {
                for part in
                    parts(&mut made).iter_mut().filter(|part| !matches!(part.verdict, Verdict::Filtered(_)))
                {
                    let number = std::mem::take(&mut part.number);
                    let refusal = removed(id, &number);
                    *part = Mapped {
                        key: std::mem::take(&mut part.key),
                        ..Mapped::without_body(Verdict::Refused(refusal), number)
                    };
                }
                made
            }
            (Self::Deleted | Self::Mapped(_), made) => made,
        };
        for part in parts(&mut ending) {
            part.deleted = true;
        }
        ending
    }
}

fn parts(processed: &mut Processed) -> &mut [Mapped] {
    match processed {
        Processed::One(mapped) => std::slice::from_mut(mapped),
        Processed::Parts(parts) => parts,
        Processed::Waits(_) => &mut [],
    }
}

fn removed(id: &RecordId, number: &str) -> Refusal {
    let name = if number.is_empty() { id.as_str() } else { number };
    let message = format!(
        "{name} was removed at its source after it had been delivered; void or delete it at the target by hand where it \
         must go, or let the flow do it with a mapping under on_delete"
    );
    Refusal::new(codes::DELETED, message)
}

/// Only rows of a table can be deleted.
fn refuse_delete(flow: &FlowSpec, problems: &mut Problems) {
    if takes_rows(&flow.target) {
        return;
    }
    let message =
        Localized::new("on_delete: delete 只用于 SQL 表", "on_delete: delete is for tables of a SQL target");
    let suggestion = Localized::new(
        "写 ignore、dead-letter，或用 {request: […]} 改写字段",
        "write ignore, dead-letter, or the fields that change: {request: […]}",
    );
    problems.error_with("target.on_delete", message, suggestion);
}

/// With `id_check: first` nothing that comes after the first delivery is written, so no removal is either.
fn warn_first(flow: &FlowSpec, problems: &mut Problems) {
    if flow.source.id_check != weir_model::flow::language::IdCheck::First {
        return;
    }
    let message = Localized::new(
        "id_check: first 只保留首次写入的状态，之后的删除不会写入",
        "with id_check: first the state that was delivered first stays: no removal is written",
    );
    let suggestion = Localized::new(
        "改为 id_check: digest，或删除 on_delete",
        "write id_check: digest, or remove on_delete",
    );
    problems.warn_with("target.on_delete", message, suggestion);
}

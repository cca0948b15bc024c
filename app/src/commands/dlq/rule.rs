//! The rule of a command line.

use weir_model::edit::{Edit, EditError, Step};

use crate::{
    cli::{DlqRule, Language},
    exit::Failure,
    output,
};

/// The rule that was given, in the order: file, removed, renamed, replaced, set.
pub fn of(asked: &DlqRule, language: Language) -> Result<Option<Edit>, Failure> {
    let wrong = |error: EditError| Failure::invalid(output::pick(&error.localized(), language));
    let mut steps = match &asked.rule {
        None => Vec::new(),
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure::invalid(format!("{}: {error}", file.display())))?;
            Edit::parse(&text).map_err(wrong)?.into_steps()
        }
    };
    let given = asked.remove.iter().map(|path| Step::remove(path));
    let given = given.chain(asked.rename.iter().map(|argument| Step::rename(argument)));
    let given = given.chain(asked.replace.iter().map(|argument| Step::replace(argument)));
    for step in given.chain(asked.set.iter().map(|argument| Step::set(argument))) {
        steps.push(step.map_err(wrong)?);
    }
    Ok((!steps.is_empty()).then(|| Edit::new(steps)))
}

//! Asking the person before something is done.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::{
    cli::{Cli, DlqPerson, Language},
    commands::control,
    exit::Failure,
};

/// Who does it.
pub fn name(person: &DlqPerson) -> String {
    person.by.clone().filter(|name| !name.trim().is_empty()).unwrap_or_else(control::person)
}

/// Whether the person agrees. Where nobody can answer, `--yes` has to be given.
pub fn confirm(question: &str, person: &DlqPerson, cli: &Cli, language: Language) -> Result<bool, Failure> {
    if person.yes {
        return Ok(true);
    }
    let can_answer = std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !cli.json;
    if !can_answer {
        return Err(Failure::invalid(match language {
            Language::Zh => format!("{question} 此处无法提问：确认后加 --yes 再执行，或先用 --dry-run 查看"),
            Language::En => {
                format!("{question} Nobody can be asked here: add --yes to go ahead")
            }
        }));
    }
    let choice = match language {
        Language::Zh => "[y/N，y 为是] ",
        Language::En => "[y/N] ",
    };
    eprint!("{question} {choice}");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    let is_yes = read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是");
    if !is_yes {
        eprintln!(
            "{}",
            match language {
                Language::Zh => "没有执行",
                Language::En => "nothing was done",
            }
        );
    }
    Ok(is_yes)
}

//! The `privacy` section: which fields hold personal data, and whether answers show it.

use weir_model::settings::{Fields, Localized, Problems};

/// What of records and documents is personal.
#[derive(Clone, Debug, Default)]
pub struct Privacy {
    /// Names of fields; `None` stands for the usual ones ([`crate::masking::USUAL`]).
    pub mask: Option<Vec<String>>,
    /// Whether every answer masks them; else only those that are asked to by `--mask`.
    pub mask_output: bool,
}

/// Reads the section.
pub fn read(mut fields: Fields<'_>, problems: &mut Problems) -> Privacy {
    let is_given = fields.get("mask").is_some();
    let mut names = Vec::new();
    for (index, item) in fields.list("mask", problems).iter().enumerate() {
        match item.as_str().filter(|name| !name.trim().is_empty()) {
            Some(name) => names.push(name.to_owned()),
            None => problems.error_with(
                format!("{}[{index}]", fields.path_of("mask")),
                Localized::new("应为字段名", "expected the name of a field"),
                Localized::new("例如 mobile", "such as mobile"),
            ),
        }
    }
    let privacy =
        Privacy { mask: is_given.then_some(names), mask_output: fields.flag("mask_output", false, problems) };
    fields.finish(problems);
    privacy
}

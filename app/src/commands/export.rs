//! `weir export`: a flow file's metadata as JSON again.

use weir_import::{Role, export};
use weir_model::settings::Problems;
use weir_runtime::stage::chain;

use crate::{
    cli::{Export, Side},
    exit::Failure,
    files,
    output::say,
};

/// Writes the metadata of one side, or of both.
pub fn run(options: &Export) -> Result<(), Failure> {
    let file = options.file.display();
    let mut problems = Problems::new(file.to_string());
    let Some(text) = files::read(&options.file, &mut problems) else {
        return Err(Failure::invalid(
            problems.list().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        ));
    };
    let told = |error: &dyn std::error::Error| Failure::invalid(format!("{file}: {}", chain(error)));
    let exported = export(&text).map_err(|error| told(&error))?;
    let json = match options.side {
        Side::Both => exported.both(),
        Side::Source => exported.side(Role::Source).map_err(|error| told(&error))?.clone(),
        Side::Target => exported.side(Role::Target).map_err(|error| told(&error))?.clone(),
    };
    let printed = serde_json::to_string_pretty(&json)
        .map_err(|error| Failure::environment("write the metadata as JSON", &error))?;
    match &options.out {
        None => say!("{printed}"),
        Some(out) => std::fs::write(out, printed + "\n")
            .map_err(|error| Failure::environment(&format!("write {}", out.display()), &error))?,
    }
    Ok(())
}

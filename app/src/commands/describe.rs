//! `weir describe`: what Weir knows about systems, APIs, its mapping language and its files, from the tables that clients,
//! compiler and checks read.

use serde_json::json;

use crate::{
    cli::{Cli, Describe, Topic},
    exit::Failure,
    output::{self, say},
    reference,
    schema::File,
};

/// The names of all systems, polled or written to.
pub fn system_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = weir_producers::systems().iter().map(|system| system.name).collect();
    names.extend(weir_sinks::SYSTEMS);
    names
}

/// Describes what was asked for.
pub fn run(options: &Describe, cli: &Cli) -> Result<(), Failure> {
    match options.what {
        Topic::Language => {
            language(cli);
            return Ok(());
        }
        Topic::Schema => return schema(options.name.as_deref()),
        Topic::Systems | Topic::Api => {}
    }
    if let Some(system) = &options.name
        && !system_names().contains(&system.as_str())
    {
        let known = system_names().join(", ");
        return Err(Failure::invalid(format!("unknown system {system:?}; known systems: {known}")));
    }
    let wanted = |name: &str| options.name.as_deref().is_none_or(|system| system == name);
    if options.what == Topic::Api {
        return apis(options, wanted, cli);
    }
    systems(wanted, cli.json);
    Ok(())
}

fn language(cli: &Cli) {
    if cli.json {
        say!("{}", reference::json());
    } else {
        output::tell(&reference::page(output::language(cli.lang)));
    }
}

fn schema(name: Option<&str>) -> Result<(), Failure> {
    const FILES: [(&str, File); 3] = [("flow", File::Flow), ("project", File::Project), ("test", File::Test)];
    let known = FILES.map(|(name, _)| name).join(", ");
    let Some(name) = name else {
        return Err(Failure::invalid(format!("which file? Write one of: {known}")));
    };
    let Some((_, file)) = FILES.into_iter().find(|(known, _)| *known == name) else {
        return Err(Failure::invalid(format!("there is no schema {name:?}; known schemas: {known}")));
    };
    let text = serde_json::to_string_pretty(&file.schema())
        .map_err(|error| Failure::environment("write the schema", &error))?;
    say!("{text}");
    Ok(())
}

fn systems(wanted: impl Fn(&str) -> bool, as_json: bool) {
    let polled = weir_producers::systems();
    let rows: Vec<(&str, &str, &str)> = polled
        .iter()
        .map(|system| (system.name, "source", system.summary))
        .chain(weir_sinks::SYSTEMS.iter().map(|name| (*name, "target", weir_sinks::summary(name))))
        .filter(|(name, ..)| wanted(name))
        .collect();
    if as_json {
        let list: Vec<_> = rows
            .iter()
            .map(|(name, role, summary)| json!({"system": name, "role": role, "summary": summary}))
            .collect();
        say!("{}", json!({"systems": list}));
        return;
    }
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|(name, role, summary)| vec![(*name).into(), (*role).into(), (*summary).into()])
        .collect();
    output::tell(&output::table(&["system", "role", "summary"], &rows));
}

fn apis(options: &Describe, wanted: impl Fn(&str) -> bool, cli: &Cli) -> Result<(), Failure> {
    let apis: Vec<_> = weir_clients::describe::all().into_iter().filter(|api| wanted(api.system)).collect();
    if cli.json {
        let text = serde_json::to_string(&json!({"apis": apis}))
            .map_err(|error| Failure::environment("write the descriptions", &error))?;
        say!("{text}");
        return Ok(());
    }
    let language = output::language(cli.lang);
    let text = options
        .name
        .as_deref()
        .map_or_else(|| reference::apis::page(language), |system| reference::apis::part(system, language));
    if text.is_empty() {
        say!("{}", reference::apis::nothing(language));
        return Ok(());
    }
    output::tell(&text);
    Ok(())
}

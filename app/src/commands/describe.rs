//! `weir describe`: what Weir knows about systems and APIs, from the tables that clients and checks read.

use serde_json::json;

use crate::{
    cli::{Cli, Describe, Language, Topic},
    exit::Failure,
    output,
};

/// The names of all systems, polled or written to.
pub fn system_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = weir_producers::systems().iter().map(|system| system.name).collect();
    names.extend(weir_sinks::SYSTEMS);
    names
}

/// Describes systems or APIs.
pub fn run(options: &Describe, cli: &Cli) -> Result<(), Failure> {
    if let Some(system) = &options.system
        && !system_names().contains(&system.as_str())
    {
        let known = system_names().join(", ");
        return Err(Failure::invalid(format!("unknown system {system:?}; known systems: {known}")));
    }
    let wanted = |name: &str| options.system.as_deref().is_none_or(|system| system == name);
    match options.what {
        Topic::Systems => systems(wanted, cli.json),
        Topic::Api => return apis(wanted, cli),
    }
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
        println!("{}", json!({"systems": list}));
        return;
    }
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|(name, role, summary)| vec![(*name).into(), (*role).into(), (*summary).into()])
        .collect();
    print!("{}", output::table(&["system", "role", "summary"], &rows));
}

fn apis(wanted: impl Fn(&str) -> bool, cli: &Cli) -> Result<(), Failure> {
    let apis: Vec<_> = weir_clients::describe::all().into_iter().filter(|api| wanted(api.system)).collect();
    if cli.json {
        let text = serde_json::to_string(&json!({"apis": apis}))
            .map_err(|error| Failure::environment("write the descriptions", &error))?;
        println!("{text}");
        return Ok(());
    }
    let language = output::language(cli.lang);
    let pick = |text: &weir_clients::class::Text| match language {
        Language::Zh => text.zh,
        Language::En => text.en,
    };
    for api in apis {
        println!("{} {}  {}", api.system, api.name, api.path);
        println!("  {}", pick(&api.summary));
        if let Some(window) = &api.window {
            println!(
                "  window: {} … {}, at most {} days, by {}",
                window.begin, window.end, window.max_days, window.selects_by
            );
        }
        if let Some(page) = &api.page {
            println!("  pages: {} from {}, {} at most {}", page.index, page.first, page.size, page.size_max);
        }
        let rows: Vec<Vec<String>> = api
            .parameters
            .iter()
            .map(|p| {
                let need = if p.required { "required" } else { "" };
                vec![format!("  {}", p.name), p.kind.into(), need.into(), pick(&p.meaning).into()]
            })
            .collect();
        print!("{}", output::table(&["  parameter", "type", "", "meaning"], &rows));
        for row in api.errors {
            println!("  error {}: {} [{}]", row.code, pick(&row.meaning), row.class.name());
        }
        println!("  source: {}\n", api.source);
    }
    Ok(())
}

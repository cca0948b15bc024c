//! The `horizons` section: how long records stay in the topics between the stages.

use std::time::Duration;

use weir_model::settings::{Fields, Localized, Problems};
use weir_runtime::trim::Horizons;

/// Below this a topic would be trimmed while its records are still under way.
const SHORTEST: Duration = Duration::from_secs(1);

/// Reads the section.
pub fn read(mut fields: Fields<'_>, problems: &mut Problems) -> Horizons {
    let usual = Horizons::default();
    let mut horizon = |key, usual| {
        let horizon = fields.duration(key, usual, problems);
        if horizon < SHORTEST {
            let message = Localized::new("保留时间过短", "records would be kept too briefly");
            let suggestion = Localized::new("例如 30d", "such as 30d");
            problems.error_with(fields.path_of(key), message, suggestion);
        }
        horizon
    };
    let horizons = Horizons { raw: horizon("raw", usual.raw), doc: horizon("doc", usual.doc) };
    fields.finish(problems);
    horizons
}

//! Log lines: text for people, JSON for collectors, both to standard error so that standard output stays the answer of
//! a command.

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, Layer, filter::Filtered, fmt::MakeWriter, registry::LookupSpan};

use super::Error;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One line of text; in colours on a terminal.
    #[default]
    Text,
    /// One JSON object a line: `timestamp`, `level`, `target`, the event's own fields beside them, and its `span`.
    Json,
}

/// Reads a filter.
pub(super) fn filter(text: &str) -> Result<EnvFilter, Error> {
    EnvFilter::builder().parse(text).map_err(|source| Error::Filter { filter: text.to_owned(), source })
}

/// A layer that writes log lines to `writer`.
pub(super) fn layer<S, W>(
    format: Format,
    colours: bool,
    writer: W,
    filter: EnvFilter,
) -> Filtered<Box<dyn Layer<S> + Send + Sync>, EnvFilter, S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        Format::Text => lines.with_ansi(colours).boxed(),
        Format::Json => lines
            .with_ansi(false)
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
    };
    lines.with_filter(filter)
}

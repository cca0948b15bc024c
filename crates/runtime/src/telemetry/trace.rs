//! Trace context from poll to answer, in the `traceparent` header (W3C Trace Context).
//!
//! A page's records share one value, made once from the page's span: it then compresses away inside a batch. Readers
//! set it as the parent of a record's own span, or link it to the span of a batch of many.

use std::collections::HashMap;

use opentelemetry::{
    Context,
    propagation::{Injector, TextMapPropagator as _},
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{SdkTracerProvider, Tracer},
};
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::{
    Layer as _,
    filter::{Filtered, Targets},
    registry::LookupSpan,
};
use weir_schemas::TRACEPARENT_HEADER;

/// A span is linked to at most so many traces, which is what exporters keep.
const MOST_LINKS: usize = 128;

/// Gives our own spans trace ids, whatever the log filter leaves out: a quieter log must not cut traces in two.
pub(super) fn layer<S>(tracers: &SdkTracerProvider) -> Filtered<OpenTelemetryLayer<S, Tracer>, Targets, S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracers.tracer("weir"))
        .with_location(false)
        .with_threads(false)
        .with_filter(Targets::new().with_target("weir", Level::INFO))
}

/// The header's value for what is done within `span`; `None` when telemetry was not started or the span is disabled.
pub fn inject(span: &Span) -> Option<String> {
    let mut header = Header(None);
    TraceContextPropagator::new().inject_context(&span.context(), &mut header);
    header.0
}

/// The context that a header's value names. A value that is none gives a context without a trace: telemetry never
/// fails a record.
pub fn extract(traceparent: &str) -> Context {
    let carrier: HashMap<String, String> =
        HashMap::from([(TRACEPARENT_HEADER.to_owned(), traceparent.to_owned())]);
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

/// Makes `span`, which must not have been entered yet, a child of the span that the header's value names.
pub fn continue_from(span: &Span, traceparent: &str) {
    let parent = extract(traceparent);
    if parent.span().span_context().is_valid() {
        // It fails where no telemetry is started, and there is no trace to continue then.
        let _ = span.set_parent(parent);
    }
}

/// Links `span`, usually that of a batch, to the span that the header's value names.
pub fn link(span: &Span, traceparent: &str) {
    span.add_link(extract(traceparent).span().span_context().clone());
}

/// Puts the span of a batch, which must not have been entered yet, where its records' headers belong: it continues the
/// trace when they all share one, and is linked to each otherwise.
pub fn join<'a>(span: &Span, traceparents: impl IntoIterator<Item = &'a [u8]>) {
    let mut distinct: Vec<&str> = Vec::new();
    for header in traceparents {
        let Ok(header) = std::str::from_utf8(header) else { continue };
        if distinct.len() < MOST_LINKS && !distinct.contains(&header) {
            distinct.push(header);
        }
    }
    match distinct.as_slice() {
        [one] => continue_from(span, one),
        several => several.iter().for_each(|header| link(span, header)),
    }
}

/// Takes the one header we use of what a propagator writes; there is no vendor's `tracestate` to hand on.
struct Header(Option<String>);

impl Injector for Header {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT_HEADER {
            self.0 = Some(value);
        }
    }
}

//! Where metrics and traces go: the Prometheus page always, a collector over OTLP when its address is set.

use opentelemetry_otlp::{ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::SdkTracerProvider,
};
use prometheus::Registry;

use super::Error;

/// Makes trace ids for every span. Spans go nowhere unless there is a collector.
pub(super) fn tracers(endpoint: Option<&str>, resource: Resource) -> Result<SdkTracerProvider, Error> {
    let mut builder = SdkTracerProvider::builder().with_resource(resource);
    if let Some(base) = endpoint {
        install_tls_provider();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(signal_url(base, "traces")?)
            .build()
            .map_err(refused(base))?;
        builder = builder.with_batch_exporter(exporter);
    }
    Ok(builder.build())
}

/// One set of instruments, read by the returned registry's page and, when there is a collector, pushed to it.
pub(super) fn meters(
    endpoint: Option<&str>,
    resource: Resource,
) -> Result<(SdkMeterProvider, Registry), Error> {
    let registry = Registry::new();
    // Names are written out in full in metrics.rs, so that one search finds an instrument on every side.
    let page = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .without_counter_suffixes()
        .without_units()
        .build()
        .map_err(|error| Error::Prometheus(Box::new(error)))?;
    let mut builder = SdkMeterProvider::builder().with_resource(resource).with_reader(page);
    if let Some(base) = endpoint {
        install_tls_provider();
        let exporter = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(signal_url(base, "metrics")?)
            .build()
            .map_err(refused(base))?;
        builder = builder.with_reader(PeriodicReader::builder(exporter).build());
    }
    Ok((builder.build(), registry))
}

/// The exporter's HTTP client is built without a TLS provider of its own and ends the thread that makes it when the
/// process has none.
fn install_tls_provider() {
    // An error means that one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// OTLP/HTTP appends the signal to the base URL (OpenTelemetry protocol specification, "OTLP/HTTP Request").
///
/// The exporter takes a bare host for a path and fails at every export; so the scheme is asked for here.
fn signal_url(base: &str, signal: &str) -> Result<String, Error> {
    if !base.starts_with("http://") && !base.starts_with("https://") {
        return Err(Error::Endpoint { endpoint: base.to_owned() });
    }
    Ok(format!("{}/v1/{signal}", base.trim_end_matches('/')))
}

fn refused(base: &str) -> impl FnOnce(ExporterBuildError) -> Error {
    let endpoint = base.to_owned();
    move |source| Error::Exporter { endpoint, source }
}

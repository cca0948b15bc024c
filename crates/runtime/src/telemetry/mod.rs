//! What a process tells about itself: logs, metrics, traces and the pages that show them.
//!
//! [`start`] is called once by the binary, before anything else of Weir. What it returns lives as long as the process:
//! its [`Metrics`] are handed to every stage, and dropping it flushes what was not exported yet. Without a collector's
//! address nothing leaves the process; trace ids are made and travel in the record headers all the same.

use std::{io::IsTerminal as _, net::SocketAddr, time::Duration};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::Subscriber;
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use self::http::Pages;
use crate::{
    health::Health,
    tasks::{self, TaskKind},
};

mod export;
mod http;
mod logs;
mod metrics;
mod trace;

#[cfg(test)]
mod tests;

pub use logs::Format;
pub use metrics::{CallOutcome, Metrics, TransactionEnd, Unread, Verdict};
pub use trace::{continue_from, extract, inject, join, link};

/// How long the end of the process waits for a collector that does not answer.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// What is told, and where to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How log lines look.
    pub log_format: Format,
    /// Which log lines are written, in the syntax of `tracing-subscriber`'s `EnvFilter`: `info`, or
    /// `info,weir_sinks=debug`.
    pub log_filter: String,
    /// Where `/metrics`, `/healthz` and `/readyz` are served; nowhere when `None`.
    pub listen: Option<SocketAddr>,
    /// Base URL of an OpenTelemetry collector that takes OTLP over HTTP (usually port 4318). Its headers come from
    /// the environment variable `OTEL_EXPORTER_OTLP_HEADERS`, so that no secret stands here.
    pub otlp_endpoint: Option<String>,
    /// This process's name, unique among those that share a Kafka cluster.
    pub instance: String,
    /// The service that metrics and traces are filed under, such as `weir-sinks`.
    pub service: String,
}

/// Telemetry could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The filter is not understood.
    #[error("log filter {filter:?} is not understood; write a level such as info, or info,weir_sinks=debug")]
    Filter {
        /// The filter as it was written.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Another subscriber takes the log lines of this process.
    #[error("logging was already set up in this process")]
    AlreadyStarted(#[source] tracing_subscriber::util::TryInitError),
    /// The collector's address is no URL of a web server.
    #[error("{endpoint:?} is no collector's address; write its base URL, such as http://localhost:4318")]
    Endpoint {
        /// The address as it was written.
        endpoint: String,
    },
    /// The exporter refuses the collector's address.
    #[error("cannot export to {endpoint}; give the collector's base URL, such as http://localhost:4318")]
    Exporter {
        /// The address as it was written.
        endpoint: String,
        /// The exporter's reason.
        #[source]
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The Prometheus reader could not be set up.
    #[error("cannot set up the metrics page")]
    Prometheus(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address of the pages is not free, or not ours.
    #[error("cannot listen on {address} for metrics and health; choose another address or stop what uses it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}

/// The telemetry of this process. Dropping it flushes; keep it until everything else has ended.
pub struct Telemetry {
    metrics: Metrics,
    listen: Option<SocketAddr>,
    pages: Pages,
    meters: SdkMeterProvider,
    tracers: SdkTracerProvider,
}

/// Sets up logging, metrics and traces for the whole process.
///
/// # Errors
/// A setting is not understood, or this process has been set up before.
pub fn start(settings: &Settings, health: Health) -> Result<Telemetry, Error> {
    let filter = logs::filter(&settings.log_filter)?;
    let telemetry = Telemetry::build(settings, health)?;
    let colours = std::io::stderr().is_terminal();
    let lines = logs::layer(settings.log_format, colours, std::io::stderr, filter);
    telemetry.subscriber(lines).try_init().map_err(Error::AlreadyStarted)?;
    Ok(telemetry)
}

impl Telemetry {
    /// Everything but the process-wide subscriber.
    fn build(settings: &Settings, health: Health) -> Result<Self, Error> {
        let resource = resource(settings);
        let tracers = export::tracers(settings.otlp_endpoint.as_deref(), resource.clone())?;
        let (meters, registry) = export::meters(settings.otlp_endpoint.as_deref(), resource)?;
        let metrics = Metrics::new(&meters, health.clone());
        let pages = Pages::new(registry, health);
        Ok(Self { metrics, listen: settings.listen, pages, meters, tracers })
    }

    /// What takes the spans and events of this process: log lines, and trace ids.
    fn subscriber(&self, lines: impl Layer<Registry> + Send + Sync) -> impl Subscriber + Send + Sync {
        tracing_subscriber::registry().with(lines).with(trace::layer(&self.tracers))
    }

    /// The instruments, for every stage.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Serves `/metrics`, `/healthz` and `/readyz` until `stop`, where the settings say. Tells the address, since
    /// port 0 stands for any free one; `None` when the settings name none.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn serve(&self, stop: CancellationToken) -> Result<Option<SocketAddr>, Error> {
        let Some(address) = self.listen else { return Ok(None) };
        let failed = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        tasks::spawn("telemetry pages", TaskKind::Service, self.pages.clone().serve(listener, stop));
        Ok(Some(bound))
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // Nothing is left that could take an error: the log may be gone, and telemetry never fails a process.
        let _ = self.tracers.shutdown_with_timeout(FLUSH_TIMEOUT);
        let _ = self.meters.shutdown_with_timeout(FLUSH_TIMEOUT);
    }
}

/// Who metrics and traces are from.
fn resource(settings: &Settings) -> Resource {
    Resource::builder()
        .with_service_name(settings.service.clone())
        .with_attribute(opentelemetry::KeyValue::new("service.instance.id", settings.instance.clone()))
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build()
}

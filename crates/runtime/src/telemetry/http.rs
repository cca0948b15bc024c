//! The pages `/metrics`, `/healthz` and `/readyz`. They tell no record's content and need no login: bind them to an
//! address that only the monitoring reaches.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus::{Encoder as _, Registry, TextEncoder};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::health::Health;

/// The pages of this process. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pages {
    registry: Registry,
    health: Health,
}

impl Pages {
    pub(super) fn new(registry: Registry, health: Health) -> Self {
        Self { registry, health }
    }

    /// Serves the pages until `stop`; requests under way are still answered.
    pub(super) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let served =
            axum::serve(listener, self.router()).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(error = &error as &dyn std::error::Error, "metrics and health pages ended");
        }
    }

    fn router(self) -> Router {
        Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(alive))
            .route("/readyz", get(ready))
            .with_state(self)
    }
}

async fn metrics(State(pages): State<Pages>) -> Response {
    let encoder = TextEncoder::new();
    let mut page = Vec::new();
    match encoder.encode(&pages.registry.gather(), &mut page) {
        Ok(()) => ([(CONTENT_TYPE, encoder.format_type().to_owned())], page).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot write the metrics page");
            (StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be written; see the log\n").into_response()
        }
    }
}

/// The process lives as long as it answers. A stage that waits or halted is told, but is no reason to be restarted:
/// what it needs is not in this process.
async fn alive(State(pages): State<Pages>) -> Response {
    (StatusCode::OK, Json(conditions(&pages.health))).into_response()
}

async fn ready(State(pages): State<Pages>) -> Response {
    let code = if pages.health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(conditions(&pages.health))).into_response()
}

fn conditions(health: &Health) -> serde_json::Value {
    let stages: serde_json::Map<_, _> = health
        .parts()
        .into_iter()
        .map(|(part, state)| {
            let mut told = json!({ "condition": state.condition.name(), "why": state.condition.why() });
            if let (Some(refused), Some(entries)) = (state.refused, told.as_object_mut()) {
                entries.insert("refused".to_owned(), refused.into());
            }
            (part.to_string(), told)
        })
        .collect();
    json!({ "ready": health.is_ready(), "stages": stages })
}

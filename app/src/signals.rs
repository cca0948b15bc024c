//! The first signal drains; a second one ends the process at once with 128 + its number.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use weir_runtime::tasks::{TaskKind, spawn};

use crate::exit::Failure;

/// Cancels the token at the first SIGTERM or SIGINT.
pub fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::environment("listen for signals", &error));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    spawn("signals", TaskKind::Service, async move {
        let number = next(&mut terminate, &mut interrupt).await;
        tracing::info!(signal = number, "draining; a second signal ends at once");
        told.cancel();
        let number = next(&mut terminate, &mut interrupt).await;
        std::process::exit(128 + number);
    });
    Ok(stop)
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> i32 {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
    }
}

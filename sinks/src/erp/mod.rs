//! What the ERP targets have in common: one client per connection, settings, outcomes, and the shape of a delivery.
//!
//! Such a target stores no offsets, so the sink loop keeps a durable `sending` receipt before each call
//! ([`Target::announces`]), and whatever was left unknown is looked up before anything is sent again (design §7). What
//! differs between them is a [`Writing`].

pub(crate) mod batch;
mod clients;
pub(crate) mod config;
pub(crate) mod equality;
pub(crate) mod outcome;

pub use clients::Clients;
pub(crate) use clients::Shared;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use weir_clients::http::BuildError;
use weir_model::Json;
use weir_model::flow::TargetSpec;
use weir_model::outcome::Outcome;
use weir_model::settings::{Localized, Problems};
use weir_model::target::{Batch, BatchLimits, Claim, ProbeReport, Target, TargetError};

/// How a flow writes to an ERP: its own settings, and the calls they lead to.
#[async_trait]
pub(crate) trait Writing: Debug + Send + Sync + Sized + 'static {
    /// A connection's settings.
    type Site;
    /// A connection's client.
    type Client: Debug + Send + Sync;

    /// Reads the target section of a flow; `None` when it names nothing to write.
    fn read(target: &TargetSpec, problems: &mut Problems) -> Option<Self>;

    /// Reads the settings of a connection; `None` when there is no usable address.
    fn read_site(connection: &str, json: &Json, path: &str, problems: &mut Problems) -> Option<Self::Site>;

    /// Makes the client of a connection; nothing is called yet.
    fn connect(site: Self::Site) -> Result<Self::Client, BuildError>;

    /// Where the clients of this system are kept.
    fn kept(clients: &Clients) -> &Shared<Self::Client>;

    /// How large a batch may be.
    fn limits(&self) -> BatchLimits;

    /// Does what a delivery does and no more.
    async fn probe(&self, client: &Self::Client) -> Result<ProbeReport, TargetError>;

    /// Delivers documents; one outcome each, in order.
    async fn deliver(&self, client: &Self::Client, batch: &Batch<'_>) -> Vec<Outcome>;
}

/// An ERP, written to by one flow.
#[derive(Debug)]
pub(crate) struct ErpTarget<W: Writing> {
    client: Arc<W::Client>,
    writing: W,
}

impl<W: Writing> ErpTarget<W> {
    /// Makes the target from a flow's target section and the settings of its connection; `None` when they have errors,
    /// which are then in `problems`. Opens nothing.
    pub(crate) fn build(
        target: &TargetSpec,
        connection: &Json,
        path: &str,
        clients: &Clients,
        problems: &mut Problems,
    ) -> Option<Self> {
        let writing = W::read(target, problems)?;
        let name = target.connection.as_str();
        let client = W::kept(clients).of(name, || {
            let site = W::read_site(name, connection, path, problems)?;
            match W::connect(site) {
                Ok(client) => Some(client),
                Err(error) => {
                    let message = Localized::new(format!("无法建立 HTTP 客户端：{error}"), error.to_string());
                    problems.error(path, message);
                    None
                }
            }
        })?;
        Some(Self { client, writing })
    }

    /// What it calls with, and how it writes: reading back goes the same way.
    pub(crate) fn into_parts(self) -> (Arc<W::Client>, W) {
        (self.client, self.writing)
    }
}

#[async_trait]
impl<W: Writing> Target for ErpTarget<W> {
    fn limits(&self) -> BatchLimits {
        self.writing.limits()
    }

    fn announces(&self) -> bool {
        true
    }

    async fn probe(&self) -> Result<ProbeReport, TargetError> {
        self.writing.probe(&self.client).await
    }

    async fn claim(&self, _partition: i32) -> Result<Claim, TargetError> {
        Ok(Claim::default())
    }

    async fn deliver(&self, batch: Batch<'_>) -> Result<Vec<Outcome>, TargetError> {
        Ok(self.writing.deliver(&self.client, &batch).await)
    }

    async fn release(&self, _partition: i32) {}
}

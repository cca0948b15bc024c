//! What the codec asks of a schema registry. The HTTP calls are made elsewhere: this crate does no I/O.

use async_trait::async_trait;

/// Why a registry could not answer, in its client's words.
pub type RegistryError = Box<dyn std::error::Error + Send + Sync>;

/// A Confluent-compatible schema registry.
///
/// Implementors retry what is transient themselves; an error here ends the start of the stage.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Registers `schema` (JSON text) under `subject`, or finds it there, and tells its id.
    async fn id_for(&self, subject: &str, schema: &str) -> Result<u32, RegistryError>;

    /// The JSON text of the schema with this id.
    async fn schema_for(&self, id: u32) -> Result<String, RegistryError>;
}

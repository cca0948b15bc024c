//! How topic values are framed: as Avro single objects, or by the ids of a schema registry when one is configured
//! (design §4).

use async_trait::async_trait;
use weir_clients::registry::RegistryClient;
use weir_schemas::{Codec, Registry, RegistryError};

use crate::{config::Config, exit::Failure};

/// The codec that the project's topics are written and read with.
pub async fn of(config: &Config) -> Result<Codec, Failure> {
    let Some(settings) = &config.schema_registry else { return Ok(Codec::single_object()) };
    let client = RegistryClient::new(settings.clone())
        .map_err(|error| Failure::environment("set up the schema registry's client", &error))?;
    Codec::with_registry(&Adapter(client))
        .await
        .map_err(|error| Failure::environment("register the schemas", &error))
}

/// The registry's client as the codec asks for it.
struct Adapter(RegistryClient);

#[async_trait]
impl Registry for Adapter {
    async fn id_for(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        Ok(self.0.register(subject, schema).await?)
    }

    async fn schema_for(&self, id: u32) -> Result<String, RegistryError> {
        Ok(self.0.schema(id).await?)
    }
}

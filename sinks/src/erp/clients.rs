//! One client per connection: flows that write to the same account share its quota and its session or token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use weir_clients::{k3wise, kingdee};

/// The clients of a process's ERP connections. Whoever builds the targets of a process owns one, for one configuration.
#[derive(Debug, Default)]
pub struct Clients {
    pub(crate) galaxy: Shared<kingdee::Client>,
    pub(crate) wise: Shared<k3wise::Client>,
}

/// The clients of one system by the name of their connection.
#[derive(Debug)]
pub(crate) struct Shared<C>(Mutex<BTreeMap<String, Arc<C>>>);

impl<C> Default for Shared<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C> Shared<C> {
    /// The client of a connection, made when it is asked for first; `None` when it cannot be made.
    pub(crate) fn of(&self, connection: &str, make: impl FnOnce() -> Option<C>) -> Option<Arc<C>> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(connection) {
            return Some(Arc::clone(client));
        }
        let client = Arc::new(make()?);
        clients.insert(connection.to_owned(), Arc::clone(&client));
        Some(client)
    }
}

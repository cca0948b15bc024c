//! Proxies between a program and its servers that know the requests passing through: one of them can be met at a chosen
//! moment, connections can be cut, and traffic can be held.
//!
//! A point of the program under test is chosen on the wire, so nothing in the program is there for the tests. What a
//! proxy knows of a protocol is where requests and answers begin and end, and what the few that matter say; everything
//! else passes through as it came. Plain connections only: a proxy cannot see through TLS.

mod ambush;
mod http;
mod kafka;
mod mysql;
mod pump;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;

pub use ambush::{Ambush, Moment, Trap};

use crate::Error;
use pump::Traffic;

/// What is spoken through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 with bodies of a known length.
    Http,
    /// Kafka's own.
    Kafka,
    /// MySQL's own.
    MySql,
}

/// A request that can be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A call over HTTP.
    Http {
        /// What follows the method in the request line.
        path: String,
    },
    /// `COMMIT`.
    DatabaseCommit,
    /// Records go to a topic.
    Produce {
        /// The first topic of the request.
        topic: String,
    },
    /// Offsets of a group go into a transaction.
    OffsetsInTransaction {
        /// Whose transaction.
        transactional_id: String,
    },
    /// A transaction is committed.
    EndTransaction {
        /// Whose transaction.
        transactional_id: String,
        /// The topics that it writes to.
        topics: BTreeSet<String>,
    },
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the program to its server.
    Requests,
    /// From the server back.
    Answers,
}

/// A proxy in front of one server. Its doors close when it is dropped; connections go on until then.
#[derive(Debug)]
pub struct Proxy {
    protocol: Protocol,
    upstream: String,
    ambush: Ambush,
    traffic: Arc<Traffic>,
}

/// An address whose server is not known yet: a broker must be told the address that it gives out.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    port: u16,
}

impl Door {
    /// Binds a free loopback port.
    ///
    /// # Errors
    /// When there is none.
    pub fn bind() -> Result<Self, Error> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr().map(|address| (listener, address.port())));
        let (listener, port) = bound.map_err(|source| Error::system("bind a door of a proxy", source))?;
        Ok(Self { listener, port })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Proxy {
    /// A proxy for the server at `upstream` (`host:port`), without a door yet.
    #[must_use]
    pub fn new(protocol: Protocol, upstream: impl Into<String>, ambush: &Ambush) -> Self {
        Self { protocol, upstream: upstream.into(), ambush: ambush.clone(), traffic: Arc::default() }
    }

    /// Opens a door; `visitor` names whoever comes through it, where the protocol does not.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(&self, door: Door, visitor: &str) -> Result<(), Error> {
        let route = pump::Route {
            protocol: self.protocol,
            upstream: self.upstream.clone(),
            visitor: visitor.to_owned(),
            ambush: self.ambush.clone(),
            traffic: Arc::clone(&self.traffic),
        };
        self.traffic.add_door(door.port);
        thread::Builder::new()
            .name(format!("door-{}", door.port))
            .spawn(move || pump::accept(&door.listener, &route))
            .map(|_detached| ())
            .map_err(|source| Error::system("start a thread of a proxy", source))
    }

    /// Cuts every connection, in the middle of whatever it carries. New ones are taken.
    pub fn cut(&self) {
        self.traffic.cut();
    }

    /// Lets nothing through in one direction, until [`Proxy::release`]. Connections stay open.
    pub fn hold(&self, direction: Direction) {
        self.traffic.hold(direction, true);
    }

    /// Lets everything through again, what was held first.
    pub fn release(&self) {
        self.traffic.hold(Direction::Requests, false);
        self.traffic.hold(Direction::Answers, false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.traffic.close();
    }
}

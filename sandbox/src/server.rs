//! Starts and stops a sandbox, and serves its routes over HTTP/1.1.
//!
//! Connections are served with hyper directly rather than through `axum::serve`: a lost reply needs a service that may
//! fail, which is how hyper is told to close a connection without an answer.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::{rt::TokioIo, rt::TokioTimer, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream, ToSocketAddrs},
    sync::watch,
    task::JoinSet,
};

use crate::{
    Fault, KnobError, Knobs, Options, Rule, State, control, jushuitan, k3wise, kingdee, okki,
    reply::CutConnection,
    wangdiantong::{self, Access, Edition},
    world::{SharedWorld, World},
};

/// How long a stop waits for calls that are being answered.
const DRAIN: Duration = Duration::from_secs(2);

/// The address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox cannot listen; choose another address or stop the program that uses it")]
pub struct StartError(#[from] io::Error);

/// The connection was closed on purpose, without an answer.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("connection cut on purpose")]
    OnPurpose,
}

/// The way to start a sandbox.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// Makes the data, binds `address` (port 0 takes a free one) and serves until [`Running::shutdown`] or drop.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(options: Options, address: impl ToSocketAddrs) -> Result<Running, StartError> {
        Self::start_on(options, TcpListener::bind(address).await?)
    }

    /// As [`Sandbox::start`], on a listener that is bound already.
    ///
    /// # Errors
    /// When the listener does not tell its address.
    pub fn start_on(options: Options, listener: TcpListener) -> Result<Running, StartError> {
        let address = listener.local_addr()?;
        let world = SharedWorld::new(World::new(options));
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, router(world.clone()), stopped));
        Ok(Running { address, handle: Handle { world }, stop, tasks })
    }
}

/// A sandbox that serves. Dropping it ends it at once.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    handle: Handle,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Running {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of every system, such as `http://127.0.0.1:18080`; Kingdee's is this and `/k3cloud/`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A handle to look at the state and to turn the knobs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops accepting, lets calls that are being answered end, and returns.
    pub async fn shutdown(mut self) {
        // No receiver is left when the accept loop has ended already: then there is nothing to stop.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Looks at a running sandbox and changes it, from the same process.
#[derive(Debug, Clone)]
pub struct Handle {
    world: SharedWorld,
}

impl Handle {
    /// What was stored and counted so far.
    pub fn state(&self) -> State {
        self.world.lock().state()
    }

    /// The newest state of every distributor, as the bytes a page would carry.
    pub fn distributors(&self) -> Vec<String> {
        self.world.lock().jushuitan.distributors()
    }

    /// The newest state of every distributor, as the bytes a page of the successor endpoint would carry.
    pub fn channels(&self) -> Vec<String> {
        self.world.lock().jushuitan.channels()
    }

    /// Every movement, as the bytes a page would carry.
    pub fn movements(&self) -> Vec<String> {
        self.world.lock().jushuitan.movements()
    }

    /// The newest state of every refund that an access of an edition of 旺店通 gives out, archived ones included, as the
    /// bytes a page would carry.
    pub fn refunds(&self, edition: Edition, access: Access) -> Vec<String> {
        self.world.lock().wangdiantong.refunds(edition, access)
    }

    /// Switches a fault on.
    pub fn set(&self, fault: Fault, rule: Rule) {
        self.turn(|knobs| knobs.set(fault, rule));
    }

    /// Switches a fault off.
    pub fn clear(&self, fault: Fault) {
        self.turn(|knobs| knobs.clear(fault));
    }

    /// Merges a JSON object of knobs, as `POST /_sandbox/knobs` does.
    ///
    /// # Errors
    /// When a name is unknown or a rule cannot be read; then nothing is changed.
    pub fn merge_knobs(&self, json: &str) -> Result<(), KnobError> {
        let mut world = self.world.lock();
        let mut knobs = world.faults.knobs().clone();
        knobs.merge(json)?;
        world.faults.turn(knobs);
        Ok(())
    }

    /// Sets how many changes each system may make in all since the start; 0 lets the data rest.
    pub fn allow_changes(&self, limit: u32) {
        let mut world = self.world.lock();
        world.jushuitan.allow_changes(limit);
        world.wangdiantong.allow_changes(limit);
        world.okki.allow_changes(limit);
    }

    /// Moves the sandbox's clock forward, or back when negative.
    pub fn advance_clock(&self, seconds: i64) {
        self.world.lock().clock.advance(seconds);
    }

    /// Ends Jushuitan's present access token, as if its time had come.
    pub fn expire_jushuitan_token(&self) {
        self.world.lock().jushuitan.expire_token();
    }

    /// Ends every Kingdee session, as if its time had come.
    pub fn expire_kingdee_sessions(&self) {
        self.world.lock().kingdee.expire_sessions();
    }

    /// The newest state of every OKKI order that is not removed, in full.
    pub fn orders(&self) -> Vec<String> {
        self.world.lock().okki.orders()
    }

    /// Every OKKI customer, those included that come later than their orders.
    pub fn companies(&self) -> Vec<String> {
        self.world.lock().okki.companies()
    }

    /// Ends the token of K/3 WISE, as if its time had come.
    pub fn expire_k3wise_token(&self) {
        self.world.lock().k3wise.expire_token();
    }

    /// Ends every access token of OKKI, as if its time had come.
    pub fn expire_okki_tokens(&self) {
        self.world.lock().okki.expire_tokens();
    }

    fn turn(&self, change: impl FnOnce(&mut Knobs)) {
        let mut world = self.world.lock();
        let mut knobs = world.faults.knobs().clone();
        change(&mut knobs);
        world.faults.turn(knobs);
    }
}

/// Every system's routes on one port.
fn router(world: SharedWorld) -> Router {
    Router::new()
        .merge(control::routes())
        .merge(jushuitan::routes())
        .merge(kingdee::routes())
        .merge(wangdiantong::routes())
        .merge(okki::routes())
        .merge(k3wise::routes())
        .with_state(world)
}

/// Accepts connections until told to stop, then gives the open ones a moment.
async fn accept(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // An error here means that the handle is gone, which is a stop as well.
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, router.clone(), stopped.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    // What is not answered by then is cut: the connections end when the set is dropped.
    let _ = tokio::time::timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
}

/// Serves one connection until the peer closes it, a reply is lost on purpose, or the sandbox stops.
async fn serve(stream: TcpStream, router: Router, mut stopped: watch::Receiver<bool>) {
    let routes = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let answer = routes.call(request);
        async move { uncut(answer.await) }
    });
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Lets an answer pass, unless it is marked as one that is never sent.
fn uncut(answer: Result<Response<Body>, std::convert::Infallible>) -> Result<Response<Body>, Cut> {
    match answer {
        Ok(response) if response.extensions().get::<CutConnection>().is_some() => Err(Cut::OnPurpose),
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}

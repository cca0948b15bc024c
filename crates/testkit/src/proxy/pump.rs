//! The threads of a proxy: one per door, two per connection, which pass frame after frame.

use std::collections::{HashSet, VecDeque};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::ambush::{Ambush, Moment};
use super::{Call, Direction, Protocol, http, kafka, mysql};

/// A connection has two threads, which do little.
const STACK_BYTES: usize = 256 << 10;

/// A piece of a stream that is passed on as a whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// As it came.
    pub(super) bytes: Vec<u8>,
    /// Pairs an answer with its request, where answers may overtake.
    pub(super) pairing: i32,
    /// What a request asks for, when it is one that can be met, and by whom, where the protocol tells.
    pub(super) call: Option<(Call, Option<String>)>,
    /// Whether the server answers: only then is an answer waited for.
    pub(super) is_answered: bool,
}

/// Where a door leads.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) protocol: Protocol,
    pub(super) upstream: String,
    pub(super) visitor: String,
    pub(super) ambush: Ambush,
    pub(super) traffic: Arc<Traffic>,
}

/// All connections of a proxy, and what keeps them from flowing.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    state: Mutex<State>,
    changed: Condvar,
    transactions: kafka::Transactions,
}

#[derive(Debug, Default)]
struct State {
    requests_held: bool,
    answers_held: bool,
    closed: bool,
    doors: HashSet<u16>,
    connections: Vec<(TcpStream, TcpStream)>,
}

/// The requests of a connection that wait for their answers.
type Pending = Mutex<VecDeque<(i32, Call, String)>>;

/// Takes connections until the proxy goes.
pub(super) fn accept(listener: &TcpListener, route: &Route) {
    for client in listener.incoming() {
        if route.traffic.lock().closed {
            return;
        }
        // A server that is away refuses, and so does the door: the connection is dropped.
        let Some((client, server)) =
            client.ok().and_then(|client| Some((client, TcpStream::connect(&route.upstream).ok()?)))
        else {
            continue;
        };
        // An error means that one side is gone again, and its threads end by themselves.
        let _gone_again = connect(&client, &server, route);
    }
}

/// Starts the threads of a connection.
fn connect(client: &TcpStream, server: &TcpStream, route: &Route) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    route.traffic.keep(client.try_clone()?, server.try_clone()?);
    let pending: Arc<Pending> = Arc::default();
    for direction in [Direction::Requests, Direction::Answers] {
        let (from, to) = match direction {
            Direction::Requests => (client.try_clone()?, server.try_clone()?),
            Direction::Answers => (server.try_clone()?, client.try_clone()?),
        };
        let line = Line {
            direction,
            protocol: route.protocol,
            visitor: route.visitor.clone(),
            ambush: route.ambush.clone(),
            traffic: Arc::clone(&route.traffic),
            pending: Arc::clone(&pending),
        };
        let pass = move || {
            let _ends_either_way = line.pass(&from, &to);
            let _closed_already = from.shutdown(Shutdown::Both);
            let _closed_already = to.shutdown(Shutdown::Both);
        };
        thread::Builder::new().name("proxy".to_owned()).stack_size(STACK_BYTES).spawn(pass)?;
    }
    Ok(())
}

/// Whether the other side has closed and all that it sent was read.
fn has_gone(stream: &TcpStream) -> bool {
    let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let restored = stream.set_nonblocking(false);
    let is_open = match looked {
        Ok(count) => count > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    };
    !is_open || restored.is_err()
}

/// One direction of a connection.
struct Line {
    direction: Direction,
    protocol: Protocol,
    visitor: String,
    ambush: Ambush,
    traffic: Arc<Traffic>,
    pending: Arc<Pending>,
}

impl Line {
    /// Passes frames until a side closes or a process was killed.
    fn pass(&self, from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(64 << 10, from);
        while let Some(frame) = self.read(&mut reader)? {
            // A request that outlives its sender reaches the server after the sender's successor: no lease on this side of
            // the wire can prevent that, so it is no test of one.
            if self.traffic.wait(self.direction) && has_gone(from) {
                return Ok(());
            }
            match self.direction {
                Direction::Requests => {
                    if self.was_met(&frame) {
                        return Ok(());
                    }
                    to.write_all(&frame.bytes)?;
                }
                Direction::Answers => {
                    let asked = self.asked(frame.pairing);
                    let met = |moment| {
                        asked.as_ref().is_some_and(|(call, sender)| self.ambush.meet(moment, sender, call))
                    };
                    if met(Moment::Answered) {
                        return Ok(());
                    }
                    to.write_all(&frame.bytes)?;
                    if met(Moment::Heard) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn read(&self, from: &mut impl BufRead) -> io::Result<Option<Frame>> {
        match (self.protocol, self.direction) {
            (Protocol::Http, Direction::Requests) => http::read_request(from),
            (Protocol::Http, Direction::Answers) => http::read_answer(from),
            (Protocol::Kafka, Direction::Requests) => kafka::read_request(from, &self.traffic.transactions),
            (Protocol::Kafka, Direction::Answers) => kafka::read_answer(from),
            (Protocol::MySql, Direction::Requests) => mysql::read_request(from),
            (Protocol::MySql, Direction::Answers) => mysql::read_answer(from),
        }
    }

    /// Notes a request before the server can answer it; says whether its sender was killed.
    fn was_met(&self, frame: &Frame) -> bool {
        let Some((call, sender)) = &frame.call else { return false };
        let sender = sender.as_ref().unwrap_or(&self.visitor);
        if self.ambush.meet(Moment::Sent, sender, call) {
            return true;
        }
        if frame.is_answered {
            self.pending().push_back((frame.pairing, call.clone(), sender.clone()));
        }
        false
    }

    /// The request that an answer is for.
    fn asked(&self, pairing: i32) -> Option<(Call, String)> {
        let mut pending = self.pending();
        let index = pending.iter().position(|(of_request, ..)| *of_request == pairing)?;
        pending.remove(index).map(|(_, call, sender)| (call, sender))
    }

    fn pending(&self) -> MutexGuard<'_, VecDeque<(i32, Call, String)>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Traffic {
    pub(super) fn add_door(&self, port: u16) {
        self.lock().doors.insert(port);
    }

    pub(super) fn hold(&self, direction: Direction, held: bool) {
        let mut state = self.lock();
        match direction {
            Direction::Requests => state.requests_held = held,
            Direction::Answers => state.answers_held = held,
        }
        self.changed.notify_all();
    }

    pub(super) fn cut(&self) {
        for (client, server) in self.lock().connections.drain(..) {
            // One that has ended already cannot be cut, and need not be.
            let _ended = client.shutdown(Shutdown::Both);
            let _ended = server.shutdown(Shutdown::Both);
        }
    }

    /// Ends all connections and closes the doors.
    pub(super) fn close(&self) {
        self.cut();
        let doors = {
            let mut state = self.lock();
            state.closed = true;
            state.requests_held = false;
            state.answers_held = false;
            std::mem::take(&mut state.doors)
        };
        self.changed.notify_all();
        for port in doors {
            // Wakes the door's thread, which then sees that it is to end.
            let _woken = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        }
    }

    fn keep(&self, client: TcpStream, server: TcpStream) {
        let mut state = self.lock();
        // Those that have ended would pile up.
        state.connections.retain(|(client, _)| client.peer_addr().is_ok());
        state.connections.push((client, server));
    }

    /// Waits while a direction is held; says whether it was.
    fn wait(&self, direction: Direction) -> bool {
        let is_held = |state: &mut State| match direction {
            Direction::Requests => state.requests_held,
            Direction::Answers => state.answers_held,
        };
        let mut state = self.lock();
        let was_held = is_held(&mut state);
        drop(self.changed.wait_while(state, is_held).unwrap_or_else(PoisonError::into_inner));
        was_held
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A gate in front of the sandbox for one process: it lets every call through and writes down whose call it was, what it
//! said, and from when to when it lasted.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

/// A call over HTTP.
#[derive(Clone, Debug)]
pub struct Call {
    /// The process.
    pub caller: String,
    /// What follows the method in the request line.
    pub path: String,
    /// The body as text.
    pub body: String,
    /// When its last byte was sent on.
    pub begun: Instant,
    /// When its answer had passed, or its caller had gone; none while neither has happened.
    pub ended: Option<Instant>,
}

/// The calls of all processes, in the order in which they were sent on.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// Those so far.
    pub fn so_far(&self) -> Vec<Call> {
        self.0.lock().unwrap().clone()
    }

    /// Opens a gate for a process; it stays open as long as the test runs. Gives its address.
    pub fn open(&self, caller: &str, sandbox: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (calls, caller) = (self.clone(), caller.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (calls, caller) = (calls.clone(), caller.clone());
                // A connection that breaks is the caller's end, or the sandbox's.
                thread::spawn(move || calls.pass(&caller, client, sandbox).ok());
            }
        });
        address
    }

    /// Serves one connection. A client sends its next request after the answer to the one before.
    fn pass(&self, caller: &str, client: TcpStream, sandbox: SocketAddr) -> std::io::Result<()> {
        let server = TcpStream::connect(sandbox)?;
        let (mut to_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        let (mut from_client, mut from_server) = (BufReader::new(client), BufReader::new(server));
        while let Some(request) = read_message(&mut from_client)? {
            to_server.write_all(&request.bytes)?;
            let index = self.begin(caller, &request);
            let answered = read_message(&mut from_server).and_then(|answer| match answer {
                Some(answer) => to_client.write_all(&answer.bytes),
                None => Err(std::io::ErrorKind::UnexpectedEof.into()),
            });
            self.end(index);
            if answered.is_err() {
                // An answer that the sandbox keeps to itself is one that the caller must miss too.
                to_client.shutdown(Shutdown::Both)?;
                return answered;
            }
        }
        Ok(())
    }

    fn begin(&self, caller: &str, request: &Message) -> usize {
        let path = request.head.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(&request.bytes[request.head.len()..]).into_owned();
        let call = Call { caller: caller.to_owned(), path, body, begun: Instant::now(), ended: None };
        let mut calls = self.0.lock().unwrap();
        calls.push(call);
        calls.len() - 1
    }

    fn end(&self, index: usize) {
        self.0.lock().unwrap()[index].ended = Some(Instant::now());
    }
}

/// A request or an answer.
struct Message {
    /// Its lines up to the empty one.
    head: String,
    /// All of it.
    bytes: Vec<u8>,
}

/// Reads a head and the body that it announces; none at the end of the connection.
fn read_message(from: &mut impl BufRead) -> std::io::Result<Option<Message>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut bytes)? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) };
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let begin = bytes.len();
    bytes.resize(begin + length.unwrap_or_default(), 0);
    from.read_exact(&mut bytes[begin..])?;
    Ok(Some(Message { head, bytes }))
}

//! A program talks to a server through a proxy, and is met there.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use super::{Ambush, Call, Direction, Door, Moment, Protocol, Proxy};
use crate::process::{is_running, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
const REQUEST: &[u8] = b"POST /save HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that answers every request; tells how many bytes of requests it got.
fn serve(listener: TcpListener) -> std::sync::mpsc::Receiver<usize> {
    let (got, heard) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let got = got.clone();
            thread::spawn(move || {
                let mut bytes = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    got.send(count).unwrap();
                    stream.write_all(ANSWER).unwrap();
                }
            });
        }
    });
    heard
}

struct Stand {
    ambush: Ambush,
    proxy: Proxy,
    got: std::sync::mpsc::Receiver<usize>,
    address: String,
    program: Child,
}

/// The requests are ours, the process that they are said to be from is another.
fn stand() -> Stand {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ambush = Ambush::default();
    let proxy = Proxy::new(Protocol::Http, listener.local_addr().unwrap().to_string(), &ambush);
    let door = Door::bind().unwrap();
    let address = door.address();
    proxy.open(door, "program").unwrap();
    let program = Command::new("sleep").arg("600").spawn().unwrap();
    ambush.name("program", program.id());
    Stand { ambush, proxy, got: serve(listener), address, program }
}

/// Sends a request on a new connection; gives the answer, or nothing when the connection was closed before.
fn ask(address: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(REQUEST).unwrap();
    let mut heard = vec![0; ANSWER.len()];
    match stream.read_exact(&mut heard) {
        Ok(()) => heard,
        Err(_closed) => Vec::new(),
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let _ended_already = self.program.kill();
        let _collected = self.program.wait();
    }
}

fn is_save(sender: &str, call: &Call) -> bool {
    sender == "program" && matches!(call, Call::Http { path } if path == "/save")
}

#[test]
fn a_program_is_killed_before_between_and_after() {
    for (moment, reaches_the_server, is_heard) in
        [(Moment::Sent, false, false), (Moment::Answered, true, false), (Moment::Heard, true, true)]
    {
        let stand = stand();
        let trap = stand.ambush.kill(moment, 1, is_save);
        assert_eq!(ask(&stand.address), ANSWER, "the first is spared");
        assert_eq!(stand.got.recv_timeout(PATIENCE), Ok(REQUEST.len()));
        assert_eq!(!ask(&stand.address).is_empty(), is_heard, "{moment:?}");
        assert_eq!(trap.sprung(PATIENCE).as_deref(), Some("program"));
        assert!(wait_until(PATIENCE, || !is_running(stand.program.id())), "{moment:?}");
        assert_eq!(stand.got.try_recv().is_ok(), reaches_the_server, "{moment:?}");
        assert_eq!(ask(&stand.address), ANSWER, "a trap springs once");
    }
}

#[test]
fn connections_are_held_and_cut() {
    let stand = stand();
    let address = stand.address.as_str();
    stand.proxy.hold(Direction::Requests);
    let asked = thread::scope(|scope| {
        let asked = scope.spawn(|| ask(address));
        assert!(stand.got.recv_timeout(Duration::from_millis(300)).is_err(), "nothing gets through");
        stand.proxy.release();
        asked.join().unwrap()
    });
    assert_eq!(asked, ANSWER);
    stand.proxy.hold(Direction::Answers);
    let asked = thread::scope(|scope| {
        let asked = scope.spawn(|| ask(address));
        stand.got.recv_timeout(PATIENCE).unwrap();
        stand.got.recv_timeout(PATIENCE).unwrap();
        stand.proxy.cut();
        stand.proxy.release();
        asked.join().unwrap()
    });
    assert_eq!(asked, b"", "cut before the answer");
    assert_eq!(ask(&stand.address), ANSWER);
}

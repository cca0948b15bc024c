//! A server for unit tests that gives prepared answers in order and keeps what it was sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

/// The server; it ends with its script.
pub(crate) struct Scripted {
    pub(crate) base_url: Url,
    seen: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Scripted {
    /// Serves `answers`, each a body or, when it begins with `HTTP/`, a whole answer; an empty one cuts the connection.
    pub(crate) async fn serve(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers) =
            (seen.clone(), answers.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let mut task = JoinSet::new();
        task.spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                kept.lock().unwrap().push(request);
                stream.write_all(whole(&answer).as_bytes()).await.unwrap();
            }
        });
        Self { base_url, seen, _task: task }
    }

    /// Every request so far, head and body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn whole(answer: &str) -> String {
    if answer.is_empty() || answer.starts_with("HTTP/") {
        return answer.to_owned();
    }
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{answer}", answer.len())
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .split_once("content-length: ")
                .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        let mut chunk = [0_u8; 8192];
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "request cut off");
        bytes.extend_from_slice(&chunk[..count]);
    }
}

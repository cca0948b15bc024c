//! The three Kafka requests by which a broker is known to be ready: create a topic, see its leader, delete it.
//!
//! Spoken by hand so that starting a broker needs no Kafka client to be compiled first. Layouts: Kafka protocol guide,
//! CreateTopics v2, Metadata v1, DeleteTopics v1 (all still served by Kafka 4).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::Error;

const METADATA: (i16, i16) = (3, 1);
const CREATE_TOPICS: (i16, i16) = (19, 2);
const DELETE_TOPICS: (i16, i16) = (20, 1);
/// The topic exists: left by an attempt whose answer came too late.
const TOPIC_ALREADY_EXISTS: i16 = 36;
/// The broker's own limit for creating or deleting one topic, milliseconds.
const BROKER_TIMEOUT_MS: i32 = 5_000;
const SOCKET_TIMEOUT: Duration = Duration::from_secs(10);
/// More than any of these answers can be; a larger one is not Kafka speaking.
const LARGEST_ANSWER: usize = 1 << 20;
const PROBE_TOPIC: &str = "weir-probe-ready";

/// Ready means: metadata answers and a topic can be created and led. An open port is too early.
pub(crate) fn probe(bootstrap: &str) -> Result<(), Error> {
    let mut connection = Connection::open(bootstrap)?;
    connection.create_topic(PROBE_TOPIC)?;
    connection.leader(PROBE_TOPIC)?;
    connection.delete_topic(PROBE_TOPIC)
}

struct Connection {
    stream: TcpStream,
    bootstrap: String,
}

impl Connection {
    fn open(bootstrap: &str) -> Result<Self, Error> {
        let failed = |source| Error::system(format!("reach Kafka at {bootstrap}"), source);
        let address: Option<SocketAddr> = bootstrap.to_socket_addrs().map_err(failed)?.next();
        let address = address.ok_or_else(|| Error::Answer(format!("{bootstrap} has no address")))?;
        let stream = TcpStream::connect_timeout(&address, SOCKET_TIMEOUT).map_err(failed)?;
        stream.set_read_timeout(Some(SOCKET_TIMEOUT)).map_err(failed)?;
        Ok(Self { stream, bootstrap: bootstrap.to_owned() })
    }

    fn create_topic(&mut self, topic: &str) -> Result<(), Error> {
        let mut body = Writer::default();
        body.i32(1).text(topic).i32(1).i16(1); // one topic with one partition, one replica
        body.i32(0).i32(0).i32(BROKER_TIMEOUT_MS).0.push(0); // no assignments, no settings, really do it
        let mut answer = self.ask(CREATE_TOPICS, &body)?;
        answer.i32()?; // throttle time
        answer.i32()?; // one topic
        answer.text()?;
        match answer.i16()? {
            0 | TOPIC_ALREADY_EXISTS => Ok(()),
            code => Err(Error::Answer(format!("creating a topic was refused with code {code}"))),
        }
    }

    fn leader(&mut self, topic: &str) -> Result<i32, Error> {
        let mut body = Writer::default();
        body.i32(1).text(topic);
        let mut answer = self.ask(METADATA, &body)?;
        for _broker in 0..answer.i32()? {
            answer.i32()?;
            answer.text()?;
            answer.i32()?;
            answer.text()?; // rack
        }
        answer.i32()?; // controller
        answer.i32()?; // one topic
        let error = answer.i16()?;
        answer.text()?;
        answer.take(1)?; // internal
        let partitions = answer.i32()?;
        if error != 0 || partitions < 1 {
            return Err(Error::Answer(format!(
                "metadata of a new topic: code {error}, {partitions} partitions"
            )));
        }
        let (code, _partition, leader) = (answer.i16()?, answer.i32()?, answer.i32()?);
        if code == 0 && leader >= 0 {
            return Ok(leader);
        }
        Err(Error::Answer(format!("a new topic has no leader yet (code {code})")))
    }

    fn delete_topic(&mut self, topic: &str) -> Result<(), Error> {
        let mut body = Writer::default();
        body.i32(1).text(topic).i32(BROKER_TIMEOUT_MS);
        let mut answer = self.ask(DELETE_TOPICS, &body)?;
        answer.i32()?;
        answer.i32()?;
        answer.text()?;
        match answer.i16()? {
            0 => Ok(()),
            code => Err(Error::Answer(format!("deleting a topic was refused with code {code}"))),
        }
    }

    fn ask(&mut self, (api, version): (i16, i16), body: &Writer) -> Result<Reader, Error> {
        let mut request = Writer::default();
        request.i16(api).i16(version).i32(1).text("weir-testkit");
        request.0.extend_from_slice(&body.0);
        self.exchange(&request.0)
            .map_err(|source| Error::system(format!("ask Kafka at {}", self.bootstrap), source))
            .map(|answer| Reader { rest: answer.into_iter() })
    }

    /// One frame out, one frame in; the answer comes without its length and correlation id.
    fn exchange(&mut self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let length = i32::try_from(request.len()).map_err(std::io::Error::other)?;
        self.stream.write_all(&length.to_be_bytes())?;
        self.stream.write_all(request)?;
        let mut head = [0; 4];
        self.stream.read_exact(&mut head)?;
        let length = usize::try_from(i32::from_be_bytes(head)).map_err(std::io::Error::other)?;
        if !(4..=LARGEST_ANSWER).contains(&length) {
            return Err(std::io::Error::other(format!("an answer of {length} bytes is not from Kafka")));
        }
        let mut correlation = [0; 4];
        self.stream.read_exact(&mut correlation)?;
        let mut answer = vec![0; length - 4];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn i16(&mut self, value: i16) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    fn i32(&mut self, value: i32) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A short text of ours: its length always fits.
    fn text(&mut self, value: &str) -> &mut Self {
        self.i16(i16::try_from(value.len()).unwrap_or(i16::MAX));
        self.0.extend_from_slice(value.as_bytes());
        self
    }
}

struct Reader {
    rest: std::vec::IntoIter<u8>,
}

impl Reader {
    fn take(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        if self.rest.len() < count {
            return Err(Error::Answer("Kafka's answer is shorter than its layout".to_owned()));
        }
        Ok(self.rest.by_ref().take(count).collect())
    }

    fn number<const WIDTH: usize>(&mut self) -> Result<[u8; WIDTH], Error> {
        let bytes = self.take(WIDTH)?;
        bytes.try_into().map_err(|_| Error::Answer("Kafka's answer is shorter than its layout".to_owned()))
    }

    fn i16(&mut self) -> Result<i16, Error> {
        self.number().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, Error> {
        self.number().map(i32::from_be_bytes)
    }

    /// A nullable text, passed over.
    fn text(&mut self) -> Result<(), Error> {
        let length = self.i16()?;
        self.take(usize::try_from(length).unwrap_or(0)).map(|_| ())
    }
}

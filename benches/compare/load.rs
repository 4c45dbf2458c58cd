//! The load generator: one thread that keeps one request waiting on each of its connections, and
//! compares each response with the right one.

use crate::http::{READ_BYTES, Reader};
use anyhow::{Context, ensure};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Connections that ask at the same time. A browser opens six for a site, and several tabs do.
pub(crate) const CONNECTIONS: usize = 16;

/// Of each body so much is compared with the right one; lengths always are. Comparing all of large ones
/// would have the servers wait for the generator.
const COMPARED_BYTES: usize = 16 * 1024;

/// A request, and the response to it that is right.
pub(crate) struct Exchange {
    pub(crate) request: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// What came of it.
pub(crate) struct Count {
    /// How long each response took, in the order of their ends.
    pub(crate) waits: Vec<Duration>,
    pub(crate) elapsed: Duration,
}

struct Connection<'a> {
    stream: TcpStream,
    reader: Reader,
    /// What is outstanding, and since when.
    asked: Option<(&'a Exchange, Instant)>,
}

/// Sends requests again and again until `duration` is over, then waits for what is outstanding. Each
/// connection sends one of them, in turn. One response that is not right ends it.
pub(crate) fn repeat(
    address: SocketAddr,
    exchanges: &[Exchange],
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Count> {
    drive(address, connections, |index, elapsed| {
        (elapsed < duration).then(|| &exchanges[index % exchanges.len()])
    })
}

/// Sends each request once. One response that is not right ends it.
pub(crate) fn each(address: SocketAddr, exchanges: &[Exchange]) -> anyhow::Result<Count> {
    let mut rest = exchanges.iter();
    drive(address, CONNECTIONS, |_, _| rest.next())
}

/// `next` gives what a free connection sends after so much time, if anything.
fn drive<'a>(
    address: SocketAddr,
    connections: usize,
    mut next: impl FnMut(usize, Duration) -> Option<&'a Exchange>,
) -> anyhow::Result<Count> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut connections = (0..connections)
        .map(|index| {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(
                &poll,
                &stream,
                EventData::new_u64(index as u64),
                EventFlags::IN,
            )?;
            Ok(Connection {
                stream,
                reader: Reader::default(),
                asked: None,
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut buffer = vec![0; READ_BYTES];
    let mut events = Vec::with_capacity(connections.len());
    let mut waits = Vec::new();
    let mut outstanding = 0;
    let begin = Instant::now();
    for (index, connection) in connections.iter_mut().enumerate() {
        if let Some(exchange) = next(index, Duration::ZERO) {
            connection.ask(exchange, begin)?;
            outstanding += 1;
        }
    }
    while outstanding > 0 {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
        let now = Instant::now();
        for event in &events {
            let index = usize::try_from({ event.data }.u64())?;
            let connection = &mut connections[index];
            let Some(since) = connection.read(&mut buffer)? else {
                continue;
            };
            waits.push(now - since);
            match next(index, now - begin) {
                Some(exchange) => connection.ask(exchange, now)?,
                None => outstanding -= 1,
            }
        }
    }
    Ok(Count {
        waits,
        elapsed: begin.elapsed(),
    })
}

impl Count {
    pub(crate) fn responses(&self) -> usize {
        self.waits.len()
    }

    /// What this share of the responses took at most, in microseconds.
    pub(crate) fn percentile(&mut self, percent: usize) -> f64 {
        self.waits.sort_unstable();
        let at = (self.waits.len() - 1) * percent / 100;
        self.waits[at].as_secs_f64() * 1e6
    }
}

impl<'a> Connection<'a> {
    fn ask(&mut self, exchange: &'a Exchange, now: Instant) -> anyhow::Result<()> {
        self.reader.clear();
        self.asked = Some((exchange, now));
        let request = &exchange.request;
        let written = self.stream.write(request).context("request not sent")?;
        // Nothing else is in the socket's buffer.
        ensure!(written == request.len(), "request sent in part");
        Ok(())
    }

    /// One read. When the response is complete, gives when it was asked for.
    fn read(&mut self, buffer: &mut [u8]) -> anyhow::Result<Option<Instant>> {
        let (right, since) = self.asked.context("octets that nobody asked for")?;
        let read = self.stream.read(buffer).context("response not read")?;
        ensure!(read > 0, "the server closed the connection");
        let compared = &right.body[..right.body.len().min(COMPARED_BYTES)];
        let mut at = usize::try_from(self.reader.body_bytes())?;
        let mut is_same = true;
        let complete = self.reader.feed(&buffer[..read], |octets| {
            if let Some(compared) = compared.get(at..) {
                let count = octets.len().min(compared.len());
                is_same &= octets[..count] == compared[..count];
            }
            at += octets.len();
        })?;
        if !complete {
            ensure!(is_same, "a body that is not right");
            return Ok(None);
        }
        let (status, body_bytes) = (self.reader.status(), self.reader.body_bytes());
        ensure!(
            is_same && status == right.status && body_bytes == right.body.len() as u64,
            "a response with status {status} and {body_bytes} B is not right: {} and {} B are",
            right.status,
            right.body.len()
        );
        self.asked = None;
        Ok(Some(since))
    }
}

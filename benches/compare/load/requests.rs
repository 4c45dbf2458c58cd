//! The generator of HTTP requests: one thread that keeps one request in flight on each of its connections
//! and compares each response with the expected one.

use super::http::{READ_BYTES, Reader};
use anyhow::{Context, ensure};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Concurrent connections: a browser opens six per site, and several tabs are open.
pub(crate) const CONNECTIONS: usize = 16;

/// Number of bytes of each body that are compared with the expected body, in addition to the length.
/// Comparing large bodies completely would make the servers wait for the generator.
const COMPARED_BYTES: usize = 16 * 1024;

/// A request and the expected response.
pub(crate) struct Exchange {
    pub(crate) request: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// The response times of a load.
pub(crate) struct Measurement {
    /// One per response, in the order of completion.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) elapsed: Duration,
}

struct Connection<'a> {
    stream: TcpStream,
    reader: Reader,
    /// The request in flight, and when it was sent.
    in_flight: Option<(&'a Exchange, Instant)>,
}

/// Sends requests repeatedly until `duration` is over, then waits for those in flight. Connection `n` sends
/// exchange `n` (modulo their number). Fails at the first unexpected response.
pub(crate) fn repeat(
    address: SocketAddr,
    exchanges: &[Exchange],
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Measurement> {
    drive(address, connections, |index, elapsed| {
        (elapsed < duration).then(|| &exchanges[index % exchanges.len()])
    })
}

/// Sends each request once. Fails at the first unexpected response.
pub(crate) fn each(address: SocketAddr, exchanges: &[Exchange]) -> anyhow::Result<Measurement> {
    let mut remaining = exchanges.iter();
    drive(address, CONNECTIONS, |_, _| remaining.next())
}

/// Runs the load. For each free connection, `next` is called with the connection's index and the elapsed
/// time, and returns the exchange to send; `None` ends the connection's part.
fn drive<'a>(
    address: SocketAddr,
    connections: usize,
    mut next: impl FnMut(usize, Duration) -> Option<&'a Exchange>,
) -> anyhow::Result<Measurement> {
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
                in_flight: None,
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut buffer = vec![0; READ_BYTES];
    let mut events = Vec::with_capacity(connections.len());
    let mut latencies = Vec::new();
    let mut outstanding = 0;
    let start = Instant::now();
    for (index, connection) in connections.iter_mut().enumerate() {
        if let Some(exchange) = next(index, Duration::ZERO) {
            connection.send(exchange, start)?;
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
            let Some(sent_at) = connection.read(&mut buffer)? else {
                continue;
            };
            latencies.push(now - sent_at);
            match next(index, now - start) {
                Some(exchange) => connection.send(exchange, now)?,
                None => outstanding -= 1,
            }
        }
    }
    Ok(Measurement {
        latencies,
        elapsed: start.elapsed(),
    })
}

impl Measurement {
    pub(crate) fn responses(&self) -> usize {
        self.latencies.len()
    }

    /// The latency in microseconds that this share of the responses did not exceed.
    pub(crate) fn percentile(&mut self, percent: usize) -> f64 {
        self.latencies.sort_unstable();
        let at = (self.latencies.len() - 1) * percent / 100;
        self.latencies[at].as_secs_f64() * 1e6
    }
}

impl<'a> Connection<'a> {
    fn send(&mut self, exchange: &'a Exchange, now: Instant) -> anyhow::Result<()> {
        self.reader.clear();
        self.in_flight = Some((exchange, now));
        let request = &exchange.request;
        let written = self
            .stream
            .write(request)
            .context("cannot send a request")?;
        // The send buffer is empty, so the request fits.
        ensure!(written == request.len(), "a request was sent in part");
        Ok(())
    }

    /// Reads once. If the response is now complete, returns the time at which its request was sent.
    fn read(&mut self, buffer: &mut [u8]) -> anyhow::Result<Option<Instant>> {
        let (expected, sent_at) = self.in_flight.context("bytes without a request")?;
        let read = self.stream.read(buffer).context("cannot read a response")?;
        ensure!(read > 0, "the server closed the connection");
        let compared = &expected.body[..expected.body.len().min(COMPARED_BYTES)];
        let mut at = usize::try_from(self.reader.body_bytes())?;
        let mut is_same = true;
        let complete = self.reader.feed(&buffer[..read], |bytes| {
            if let Some(compared) = compared.get(at..) {
                let count = bytes.len().min(compared.len());
                is_same &= bytes[..count] == compared[..count];
            }
            at += bytes.len();
        })?;
        if !complete {
            ensure!(is_same, "unexpected body");
            return Ok(None);
        }
        let (status, body_bytes) = (self.reader.status(), self.reader.body_bytes());
        ensure!(
            is_same && status == expected.status && body_bytes == expected.body.len() as u64,
            "unexpected response: status {status} with {body_bytes} B instead of {} with {} B",
            expected.status,
            expected.body.len()
        );
        self.in_flight = None;
        Ok(Some(sent_at))
    }
}

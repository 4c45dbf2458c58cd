//! The load generator: one thread that keeps one request waiting on each of its connections.

use crate::http::{READ_BYTES, Reader};
use anyhow::{Context, ensure};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Connections that ask at the same time. A browser opens six for a site, and several tabs do.
const CONNECTIONS: usize = 16;

/// What every response must be.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
}

/// What came of it.
pub(crate) struct Count {
    pub(crate) responses: u64,
    pub(crate) elapsed: Duration,
}

struct Connection {
    stream: TcpStream,
    reader: Reader,
}

/// Sends the same request again and again until `duration` is over, then waits for what is
/// outstanding. One response that is not as expected ends it.
pub(crate) fn run(
    address: SocketAddr,
    request: &[u8],
    expected: Expected,
    duration: Duration,
) -> anyhow::Result<Count> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut connections = (0..CONNECTIONS)
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
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut buffer = vec![0; READ_BYTES];
    let mut events = Vec::with_capacity(CONNECTIONS);
    let mut responses = 0;
    let mut outstanding = CONNECTIONS;
    let begin = Instant::now();
    for connection in &mut connections {
        connection.ask(request)?;
    }
    while outstanding > 0 {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
        let goes_on = begin.elapsed() < duration;
        for event in &events {
            let index = usize::try_from({ event.data }.u64())?;
            let connection = &mut connections[index];
            if connection.read(&mut buffer, expected)? {
                responses += 1;
                if goes_on {
                    connection.ask(request)?;
                } else {
                    outstanding -= 1;
                }
            }
        }
    }
    Ok(Count {
        responses,
        elapsed: begin.elapsed(),
    })
}

impl Connection {
    fn ask(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.reader.clear();
        let written = self.stream.write(request).context("request not sent")?;
        // Nothing else is in the socket's buffer.
        ensure!(written == request.len(), "request sent in part");
        Ok(())
    }

    /// One read. True when the response is complete.
    fn read(&mut self, buffer: &mut [u8], expected: Expected) -> anyhow::Result<bool> {
        let read = self.stream.read(buffer).context("response not read")?;
        ensure!(read > 0, "the server closed the connection");
        let complete = self.reader.feed(&buffer[..read], |_| {})?;
        if complete {
            let (status, body_bytes) = (self.reader.status(), self.reader.body_bytes());
            ensure!(
                status == expected.status && body_bytes == expected.body_bytes,
                "a response with status {status} and {body_bytes} B where {} and {} B were expected",
                expected.status,
                expected.body_bytes
            );
        }
        Ok(complete)
    }
}

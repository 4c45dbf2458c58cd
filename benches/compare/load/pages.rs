//! The generator of pages: one thread that holds any number of sockets, speaks the page protocol of their
//! server, and reads messages with few system calls.

use super::http::READ_BYTES;
use crate::frames::{self, Opcode};
use crate::peers::Server;
use crate::process;
use anyhow::{Context, bail, ensure};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::net::sockopt::set_socket_linger;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// An expected message that takes longer is an error.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// Pages that connect at the same time: fewer than the accept backlog of any server.
const CONNECT_BATCH: usize = 200;

/// Readiness events handled per wait.
const MAX_EVENTS: usize = 1024;

/// Pagewire pings a new page after about this time, so the server has work once more then.
const FIRST_PING: Duration = Duration::from_millis(1200);

/// Connected pages. Dropping this closes them without a closing handshake.
pub(crate) struct Pages {
    poll: OwnedFd,
    all: Vec<Page>,
    opened: Instant,
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
}

/// A connected page.
pub(crate) struct Page {
    pub(crate) index: usize,
    stream: TcpStream,
    /// The start of an incomplete frame.
    partial: Vec<u8>,
}

impl Pages {
    /// Connects `count` pages. Each has sent its hello when this returns.
    pub(crate) fn open(server: &Server, count: usize) -> anyhow::Result<Self> {
        process::check_file_limit(count)?;
        let mut pages = Self {
            poll: epoll::create(CreateFlags::CLOEXEC)?,
            all: Vec::with_capacity(count),
            opened: Instant::now(),
            buffer: vec![0; READ_BYTES],
            events: Vec::with_capacity(MAX_EVENTS),
        };
        while pages.all.len() < count {
            let missing = CONNECT_BATCH.min(count - pages.all.len());
            pages.open_batch(server, missing)?;
        }
        pages.opened = Instant::now();
        Ok(pages)
    }

    fn open_batch(&mut self, server: &Server, count: usize) -> anyhow::Result<()> {
        let path = server.peer().socket_path();
        let handshake = frames::handshake(server.address(), path);
        let first = self.all.len();
        for index in first..first + count {
            let page = Page::connect(index, server.address())?;
            (&page.stream).write_all(&handshake)?;
            self.all.push(page);
        }
        for page in &mut self.all[first..] {
            page.finish_upgrade()?;
            if server.peer().is_pagewire() {
                page.send_text(&hello(page.index, server.address()))?;
            }
        }
        for page in &mut self.all[first..] {
            if server.peer().is_pagewire() {
                page.expect_hello_response()?;
            }
            page.stream.set_nonblocking(true)?;
            let data = EventData::new_u64(page.index as u64);
            epoll::add(&self.poll, &page.stream, data, EventFlags::IN)?;
        }
        Ok(())
    }

    /// Waits until the server has no work left for pages that send nothing.
    pub(crate) fn settle(&mut self, server: &Server) -> anyhow::Result<()> {
        self.expect_silence(FIRST_PING.saturating_sub(self.opened.elapsed()))?;
        process::wait_until_idle(&server.processes(), |duration| {
            self.expect_silence(duration)
        })
    }

    /// Closes the pages and waits until the server has handled that: the peer that is measured next runs on
    /// the same core.
    pub(crate) fn close(self, server: &Server) -> anyhow::Result<()> {
        drop(self);
        process::wait_until_idle(&server.processes(), |duration| {
            std::thread::sleep(duration);
            Ok(())
        })
    }

    /// Waits for this long and fails if a message arrives.
    pub(crate) fn expect_silence(&mut self, duration: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + duration;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.wait(left, |page, text| {
                let text = String::from_utf8_lossy(text);
                bail!("page {} received an unexpected message: {text}", page.index)
            })?;
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Sends a message from a page.
    pub(crate) fn send(&self, page: usize, text: &str) -> anyhow::Result<()> {
        self.all[page].send_text(text)
    }

    /// Passes each message to `handle`, until it returns true.
    pub(crate) fn receive(
        &mut self,
        mut handle: impl FnMut(&Page, &[u8]) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut done = false;
        let start = Instant::now();
        while !done {
            let left = READ_TIMEOUT.checked_sub(start.elapsed());
            let left = left.with_context(|| format!("no message for {READ_TIMEOUT:?}"))?;
            self.wait(left, |page, text| {
                ensure!(!done, "a message after the last expected one");
                done = handle(page, text)?;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Reads once from every socket that is ready. Answers pings and drops messages of the page protocol.
    fn wait(
        &mut self,
        at_most: Duration,
        mut handle: impl FnMut(&Page, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.events.clear();
        let timeout = Timespec::try_from(at_most)?;
        let free = rustix::buffer::spare_capacity(&mut self.events);
        epoll::wait(&self.poll, free, Some(&timeout))?;
        for event in &self.events {
            let index = usize::try_from({ event.data }.u64())?;
            let page = &mut self.all[index];
            page.read(&mut self.buffer, &mut handle)
                .with_context(|| format!("page {index}"))?;
        }
        Ok(())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        for page in &self.all {
            // Reset instead of close: thousands of connections in TIME_WAIT use up the ports.
            let _ = set_socket_linger(&page.stream, Some(Duration::ZERO));
        }
    }
}

impl Page {
    fn connect(index: usize, address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("cannot connect a page")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        let partial = Vec::new();
        Ok(Self {
            index,
            stream,
            partial,
        })
    }

    pub(crate) fn send_text(&self, text: &str) -> anyhow::Result<()> {
        self.send_frame(Opcode::Text, text.as_bytes())
    }

    fn send_frame(&self, opcode: Opcode, payload: &[u8]) -> anyhow::Result<()> {
        let mut frame = Vec::with_capacity(payload.len() + 14);
        frames::encode(opcode, payload, &mut frame);
        let written = (&self.stream)
            .write(&frame)
            .context("cannot send a frame")?;
        // The send buffer is nearly empty, so the frame fits.
        ensure!(written == frame.len(), "a frame was sent in part");
        Ok(())
    }

    /// Waits for the response to the handshake.
    fn finish_upgrade(&mut self) -> anyhow::Result<()> {
        loop {
            if let Some(end) = frames::handshake_response_len(&self.partial)? {
                self.partial.drain(..end);
                return Ok(());
            }
            self.read_more()?;
        }
    }

    /// Waits for the response to the hello.
    fn expect_hello_response(&mut self) -> anyhow::Result<()> {
        loop {
            let mut bytes = &self.partial[..];
            if let Some((_, text)) = frames::decode(&mut bytes)? {
                ensure!(
                    text.starts_with(br#"{"type":"pagewire:hello","socket_id":""#),
                    "not a response to the hello: {}",
                    String::from_utf8_lossy(text)
                );
                let end = self.partial.len() - bytes.len();
                self.partial.drain(..end);
                return Ok(());
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> anyhow::Result<()> {
        let mut buffer = [0; 4096];
        let read = self
            .stream
            .read(&mut buffer)
            .context("cannot read from a socket")?;
        ensure!(read > 0, "the server closed the connection");
        self.partial.extend_from_slice(&buffer[..read]);
        Ok(())
    }

    /// Reads once and handles all frames that are complete then.
    fn read(
        &mut self,
        buffer: &mut [u8],
        handle: &mut impl FnMut(&Page, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let read = self
            .stream
            .read(buffer)
            .context("cannot read from a socket")?;
        ensure!(read > 0, "the server closed the connection");
        let mut all = std::mem::take(&mut self.partial);
        let mut bytes = &buffer[..read];
        if !all.is_empty() {
            all.extend_from_slice(bytes);
            bytes = &all;
        }
        while let Some((opcode, payload)) = frames::decode(&mut bytes)? {
            match opcode {
                Opcode::Text if payload.starts_with(br#"{"type":"pagewire:"#) => {}
                Opcode::Text => handle(self, payload)?,
                Opcode::Ping => self.send_frame(Opcode::Pong, payload)?,
                Opcode::Pong => {}
                Opcode::Close => bail!("closed: {}", String::from_utf8_lossy(payload)),
            }
        }
        self.partial = bytes.to_vec();
        Ok(())
    }
}

/// The hello that `src/browser/client.js` sends.
fn hello(page: usize, address: SocketAddr) -> String {
    json!({
        "type": "pagewire:hello",
        "page_id": format!("{page:026}"),
        "tab_id": format!("{page:026}"),
        "url": format!("http://{address}/page.html?{page}"),
        "title": "A page",
        "visibility": "visible",
        "document_state": "complete",
        "top_level": true,
        "features": [
            "import.await", "import.fresh", "log", "console", "errors",
            "command.reload", "command.navigate", "command.styles", "command.changed",
        ],
        "version": 1,
        "unaware_ms": 100.5,
    })
    .to_string()
}

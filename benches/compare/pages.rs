//! The generator of pages: one thread that holds any number of sockets, speaks the page protocol of
//! whoever serves them, and hears what comes with few system calls.

use crate::frames::{self, Kind};
use crate::http::READ_BYTES;
use crate::process;
use crate::server::Server;
use anyhow::{Context, bail, ensure};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::net::sockopt::set_socket_linger;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What is waited for and does not come within this is an error.
const GUARD: Duration = Duration::from_secs(20);

/// Pages that connect at the same time: fewer than any server lets wait to be accepted.
const BATCH: usize = 200;

/// Events that are taken at once.
const EVENTS: usize = 1024;

/// Pagewire's first look at a page: about then the server has work once more.
const FIRST_PING: Duration = Duration::from_millis(1200);

/// Connected pages. They go with this value, without a closing handshake.
pub(crate) struct Pages {
    poll: OwnedFd,
    all: Vec<Page>,
    opened: Instant,
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
}

/// One of them.
pub(crate) struct Page {
    pub(crate) index: usize,
    stream: TcpStream,
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
}

impl Pages {
    /// Connects so many pages, each of which has said what it is when this returns.
    pub(crate) fn open(server: &Server, count: usize) -> anyhow::Result<Self> {
        process::check_file_limit(count)?;
        let mut pages = Self {
            poll: epoll::create(CreateFlags::CLOEXEC)?,
            all: Vec::with_capacity(count),
            opened: Instant::now(),
            buffer: vec![0; READ_BYTES],
            events: Vec::with_capacity(EVENTS),
        };
        while pages.all.len() < count {
            let missing = BATCH.min(count - pages.all.len());
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
            page.upgraded()?;
            if server.peer().is_pagewire() {
                page.say(&hello(page.index, server.address()))?;
            }
        }
        for page in &mut self.all[first..] {
            if server.peer().is_pagewire() {
                page.greeted()?;
            }
            page.stream.set_nonblocking(true)?;
            let data = EventData::new_u64(page.index as u64);
            epoll::add(&self.poll, &page.stream, data, EventFlags::IN)?;
        }
        Ok(())
    }

    /// Waits until the server has nothing more to do for pages that say nothing.
    pub(crate) fn settle(&mut self, server: &Server) -> anyhow::Result<()> {
        self.nothing_comes(FIRST_PING.saturating_sub(self.opened.elapsed()))?;
        process::until_idle(&server.processes(), |duration| self.nothing_comes(duration))
    }

    /// They go; whoever is measured next shares the server's processor, so the server gets over it first.
    pub(crate) fn close(self, server: &Server) -> anyhow::Result<()> {
        drop(self);
        process::until_idle(&server.processes(), |duration| {
            std::thread::sleep(duration);
            Ok(())
        })
    }

    /// Listens for as long, in which no message may come.
    pub(crate) fn nothing_comes(&mut self, duration: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + duration;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.wait(left, |page, text| {
                let text = String::from_utf8_lossy(text);
                bail!("page {} was sent what it should not: {text}", page.index)
            })?;
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Sends a message from a page.
    pub(crate) fn say(&self, page: usize, text: &str) -> anyhow::Result<()> {
        self.all[page].say(text)
    }

    /// Gives each message that comes to `hear`, until it has said that it is done.
    pub(crate) fn hear(
        &mut self,
        mut hear: impl FnMut(&Page, &[u8]) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut done = false;
        let begin = Instant::now();
        while !done {
            let left = GUARD.checked_sub(begin.elapsed());
            let left = left.with_context(|| format!("waited for {GUARD:?} in vain"))?;
            self.wait(left, |page, text| {
                ensure!(!done, "a message behind the last that was expected");
                done = hear(page, text)?;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// One look at all sockets. Pings are answered, and what belongs to the protocol is not given on.
    fn wait(
        &mut self,
        at_most: Duration,
        mut hear: impl FnMut(&Page, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.events.clear();
        let timeout = Timespec::try_from(at_most)?;
        let room = rustix::buffer::spare_capacity(&mut self.events);
        epoll::wait(&self.poll, room, Some(&timeout))?;
        for event in &self.events {
            let index = usize::try_from({ event.data }.u64())?;
            let page = &mut self.all[index];
            page.read(&mut self.buffer, &mut hear)
                .with_context(|| format!("page {index}"))?;
        }
        Ok(())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        for page in &self.all {
            // At once: thousands of connections that wait for their last octets use up the ports.
            let _ = set_socket_linger(&page.stream, Some(Duration::ZERO));
        }
    }
}

impl Page {
    fn connect(index: usize, address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("a page cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(GUARD))?;
        let rest = Vec::new();
        Ok(Self {
            index,
            stream,
            rest,
        })
    }

    /// Sends a message.
    pub(crate) fn say(&self, text: &str) -> anyhow::Result<()> {
        self.send(Kind::Text, text.as_bytes())
    }

    fn send(&self, kind: Kind, payload: &[u8]) -> anyhow::Result<()> {
        let mut frame = Vec::with_capacity(payload.len() + 14);
        frames::encode(kind, payload, &mut frame);
        let written = (&self.stream).write(&frame).context("frame not sent")?;
        // Nothing much else is in the socket's buffer.
        ensure!(written == frame.len(), "frame sent in part");
        Ok(())
    }

    /// Waits for the answer to the handshake.
    fn upgraded(&mut self) -> anyhow::Result<()> {
        loop {
            if let Some(end) = frames::accepted(&self.rest)? {
                self.rest.drain(..end);
                return Ok(());
            }
            self.read_more()?;
        }
    }

    /// Waits for the answer to the hello.
    fn greeted(&mut self) -> anyhow::Result<()> {
        loop {
            let mut octets = &self.rest[..];
            if let Some((_, text)) = frames::decode(&mut octets)? {
                ensure!(
                    text.starts_with(br#"{"type":"pagewire:hello","socket_id":""#),
                    "no answer to the hello: {}",
                    String::from_utf8_lossy(text)
                );
                let end = self.rest.len() - octets.len();
                self.rest.drain(..end);
                return Ok(());
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> anyhow::Result<()> {
        let mut buffer = [0; 4096];
        let read = self.stream.read(&mut buffer).context("nothing read")?;
        ensure!(read > 0, "the server closed the connection");
        self.rest.extend_from_slice(&buffer[..read]);
        Ok(())
    }

    /// One read, and all frames that are complete with it.
    fn read(
        &mut self,
        buffer: &mut [u8],
        hear: &mut impl FnMut(&Page, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let read = self.stream.read(buffer).context("nothing read")?;
        ensure!(read > 0, "the server closed the connection");
        let mut all = std::mem::take(&mut self.rest);
        let mut octets = &buffer[..read];
        if !all.is_empty() {
            all.extend_from_slice(octets);
            octets = &all;
        }
        while let Some((kind, payload)) = frames::decode(&mut octets)? {
            match kind {
                Kind::Text if payload.starts_with(br#"{"type":"pagewire:"#) => {}
                Kind::Text => hear(self, payload)?,
                Kind::Ping => self.send(Kind::Pong, payload)?,
                Kind::Pong => {}
                Kind::Close => bail!("closed: {}", String::from_utf8_lossy(payload)),
            }
        }
        self.rest = octets.to_vec();
        Ok(())
    }
}

/// What `src/browser/client.js` says of a page.
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

//! File bodies that are streamed in chunks. A response never mixes two versions of a file.

use crate::paths::{FileVersion, open_real};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Size of a chunk; each costs a switch to the blocking thread pool. Default 256 KiB.
const CHUNK_BYTES: u64 = 256 * 1024;

/// Size of the first chunk, which is read at once. Small, because it is all that a client costs which never
/// reads its response. Default 16 KiB.
const FIRST_CHUNK_BYTES: u64 = 16 * 1024;

/// Beginning of a streamed range that is kept until its end, to recognise a file that was rewritten rather
/// than appended to. Default 4 KiB.
const BEGINNING_BYTES: usize = 4 * 1024;

/// Open file, or a range of it. It stays what it was when it was opened: a file that replaces it, or what
/// is appended to it meanwhile, is not part of it.
#[derive(Clone)]
pub(crate) struct OpenFile {
    opened: Arc<(File, Metadata)>,
    start: u64,
    end: u64,
}

/// What has happened to the content of a file since it was opened.
#[derive(PartialEq, Eq)]
enum Change {
    None,
    /// It is longer, so that it was probably appended to.
    Grown,
    Rewritten,
}

impl OpenFile {
    /// Opens the regular file at a canonical path: see [`open_real`].
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let opened = open_real(path)?;
        Ok(Self {
            start: 0,
            end: opened.1.len(),
            opened: Arc::new(opened),
        })
    }

    pub(crate) fn version(&self) -> FileVersion {
        FileVersion::of(&self.opened.1)
    }

    /// Returns the modification time, if the file system records it.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        self.opened.1.modified().ok()
    }

    pub(crate) fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Narrows the file to the bytes `start..end`, relative to the current range.
    pub(crate) fn slice(mut self, start: u64, end: u64) -> Self {
        (self.start, self.end) = (self.start + start, self.start + end);
        self
    }

    /// Reads the whole range. Fails if the file is rewritten during the read. Blocks.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        self.read_first(self.len())
    }

    /// Reads at most `max` bytes from the start of the range. Fails if the file is rewritten during the read.
    /// Blocks.
    pub(crate) fn read_first(&self, max: u64) -> io::Result<Bytes> {
        let size = self.len().min(max);
        let content = self.read_at(self.start, size)?;
        match self.change()? {
            Change::None => Ok(content.into()),
            Change::Grown if self.read_at(self.start, size)? == content => Ok(content.into()),
            Change::Grown | Change::Rewritten => Err(rewritten()),
        }
    }

    /// Streams the range in chunks. If the file is rewritten or shrinks before the end, the last chunk is an
    /// error, so the response is never complete.
    pub(crate) fn into_chunks(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let start = self.start;
        let state = (self, Vec::new());
        stream::try_unfold(
            state,
            move |(rest, beginning): (Self, Vec<u8>)| async move {
                if rest.len() == 0 {
                    return Ok(None);
                }
                if beginning.is_empty() {
                    return rest
                        .next_chunk(FIRST_CHUNK_BYTES, start, beginning)
                        .map(Some);
                }
                let next = move || rest.next_chunk(CHUNK_BYTES, start, beginning);
                let next = tokio::task::spawn_blocking(next).await;
                next.map_err(io::Error::other)?.map(Some)
            },
        )
    }

    /// Reads at most `max` bytes of a range that began at `start`. Returns them, the rest of the range, and
    /// the beginning of the range. Blocks.
    fn next_chunk(
        mut self,
        max: u64,
        start: u64,
        mut beginning: Vec<u8>,
    ) -> io::Result<(Bytes, (Self, Vec<u8>))> {
        let at = self.start;
        let size = self.len().min(max);
        let chunk = self.read_at(at, size)?;
        self.start += size;
        if self.len() == 0 {
            self.check_sent(&[(start, &beginning), (at, &chunk)])?;
        } else if beginning.is_empty() {
            beginning = chunk[..BEGINNING_BYTES].to_vec();
        }
        Ok((chunk.into(), (self, beginning)))
    }

    /// Fails if the file was rewritten while it was streamed. One that has grown must still have these
    /// parts of what was sent, its beginning and its last chunk.
    fn check_sent(&self, parts: &[(u64, &[u8])]) -> io::Result<()> {
        match self.change()? {
            Change::None => return Ok(()),
            Change::Grown => {}
            Change::Rewritten => return Err(rewritten()),
        }
        for (start, sent) in parts {
            if self.read_at(*start, sent.len() as u64)? != *sent {
                return Err(rewritten());
            }
        }
        Ok(())
    }

    fn read_at(&self, start: u64, size: u64) -> io::Result<Vec<u8>> {
        let mut content = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.opened.0.read_exact_at(&mut content, start)?;
        Ok(content)
    }

    fn change(&self) -> io::Result<Change> {
        let (file, before) = &*self.opened;
        let now = file.metadata()?;
        let written = |file: &Metadata| (file.len(), file.mtime(), file.mtime_nsec());
        // The change time moves with every write, even if a tool resets the modification time. It moves, too,
        // when another file replaces this one, and when its mode or owner changes.
        let changed = |file: &Metadata| (file.ctime(), file.ctime_nsec());
        let inode = |file: &Metadata| (file.nlink(), file.mode(), file.uid(), file.gid());
        if written(&now) == written(before)
            && (changed(&now) == changed(before) || inode(&now) != inode(before))
        {
            Ok(Change::None)
        } else if now.len() > before.len() {
            Ok(Change::Grown)
        } else {
            Ok(Change::Rewritten)
        }
    }
}

fn rewritten() -> io::Error {
    io::Error::other("the file was rewritten while it was read")
}

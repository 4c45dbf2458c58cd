//! File bodies that are streamed in chunks. A response never mixes two versions of a file.

use crate::paths::FileVersion;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use rustix::fs::OFlags;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Size of a chunk; each costs a switch to the blocking thread pool. Default 256 KiB.
const CHUNK_BYTES: u64 = 256 * 1024;

/// Size of the first chunk, which is read at once. Small, because it is all that a client costs which never
/// reads its response. Default 16 KiB.
const FIRST_CHUNK_BYTES: u64 = 16 * 1024;

/// Open file, or a range of it.
pub(crate) struct OpenFile {
    file: Arc<File>,
    version: FileVersion,
    /// Modification time, if the file system records it.
    pub(crate) modified: Option<SystemTime>,
    start: u64,
    end: u64,
}

impl OpenFile {
    /// Opens a file. Blocks for microseconds: `NONBLOCK` avoids waiting for the writer of a named pipe.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?;
        Self::new(file)
    }

    fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            version: FileVersion::of(&metadata),
            modified: metadata.modified().ok(),
            start: 0,
            end: metadata.len(),
            file: Arc::new(file),
        })
    }

    pub(crate) fn version(&self) -> FileVersion {
        self.version
    }

    pub(crate) fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Narrows the file to the bytes `start..end`, relative to the current range.
    pub(crate) fn slice(mut self, start: u64, end: u64) -> Self {
        (self.start, self.end) = (self.start + start, self.start + end);
        self
    }

    /// Reads the whole range. Fails if the file changes during the read. Blocks.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        self.read_first(self.len())
    }

    /// Reads at most `max` bytes from the start of the range. Fails if the file changes during the read.
    /// Blocks.
    pub(crate) fn read_first(&self, max: u64) -> io::Result<Bytes> {
        let size = self.len().min(max);
        let mut content = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut content, self.start)?;
        self.check_version()?;
        Ok(content.into())
    }

    /// Streams the range in chunks. If the file changes or shrinks before the end, the last chunk is an error,
    /// so the response is never complete.
    pub(crate) fn into_chunks(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        stream::try_unfold((self, true), async |(rest, is_first)| {
            if rest.len() == 0 {
                return Ok(None);
            }
            let (chunk, rest) = if is_first {
                rest.split_first(FIRST_CHUNK_BYTES)?
            } else {
                let read = move || rest.split_first(CHUNK_BYTES);
                let read = tokio::task::spawn_blocking(read).await;
                read.map_err(io::Error::other)??
            };
            Ok(Some((chunk, (rest, false))))
        })
    }

    /// Reads at most `max` bytes, and returns them and the rest of the range. Blocks.
    fn split_first(mut self, max: u64) -> io::Result<(Bytes, Self)> {
        let size = self.len().min(max);
        let mut chunk = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut chunk, self.start)?;
        self.start += size;
        if self.len() == 0 {
            self.check_version()?;
        }
        Ok((chunk.into(), self))
    }

    fn check_version(&self) -> io::Result<()> {
        if FileVersion::of(&self.file.metadata()?) == self.version {
            Ok(())
        } else {
            Err(io::Error::other("the file changed while it was read"))
        }
    }
}

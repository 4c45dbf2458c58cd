//! A file that is sent piece by piece, and never in two versions.

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

/// Size of the pieces. Each is one trip to a thread that may block. Default 256 KiB.
const PIECE_BYTES: u64 = 256 * 1024;

/// An open file, or a part of it.
pub(crate) struct OpenFile {
    file: Arc<File>,
    version: FileVersion,
    /// When it was written last, if the file system says so.
    pub(crate) modified: Option<SystemTime>,
    start: u64,
    end: u64,
}

impl OpenFile {
    /// Blocks for microseconds, whatever it is: nobody waits for who writes into a pipe.
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

    /// The octets from `start` to before `end`, counted from where this part begins.
    pub(crate) fn part(mut self, start: u64, end: u64) -> Self {
        (self.start, self.end) = (self.start + start, self.start + end);
        self
    }

    /// All of it at once, unless it changed meanwhile. Blocks.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        self.first(self.len())
    }

    /// So many octets of its beginning, or all that there are. Blocks.
    pub(crate) fn first(&self, octets: u64) -> io::Result<Bytes> {
        let size = self.len().min(octets);
        let mut content = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut content, self.start)?;
        self.same_version()?;
        Ok(content.into())
    }

    /// Its pieces. When the file changes or shrinks meanwhile the last one is an error instead, so
    /// the response never becomes complete.
    pub(crate) fn pieces(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        stream::try_unfold(self, async |mut rest| {
            if rest.len() == 0 {
                return Ok(None);
            }
            tokio::task::spawn_blocking(move || {
                let size = rest.len().min(PIECE_BYTES);
                let mut piece = vec![0; usize::try_from(size).map_err(io::Error::other)?];
                rest.file.read_exact_at(&mut piece, rest.start)?;
                rest.start += size;
                if rest.len() == 0 {
                    rest.same_version()?;
                }
                Ok(Some((Bytes::from(piece), rest)))
            })
            .await
            .map_err(io::Error::other)?
        })
    }

    fn same_version(&self) -> io::Result<()> {
        if FileVersion::of(&self.file.metadata()?) == self.version {
            Ok(())
        } else {
            Err(io::Error::other("the file changed while it was read"))
        }
    }
}

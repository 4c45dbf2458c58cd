//! Files of the served folders. Small ones stay in memory for as long as the file system says that
//! they are the same: one `stat` a request.

use crate::pages::files::mime::{self, MimeTypes};
use crate::pages::response::headers::Headers;
use crate::pages::response::open_file::OpenFile;
use crate::pages::response::page_response::{
    PageResponse, Payload, Responder, content_tag, strong_tag,
};
use crate::paths::{FileVersion, PathLookup, Roots, UrlPath};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use bytes::Bytes;
use quick_cache::sync::Cache;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Files up to this size are read where they are asked for: a disk that is asleep holds up who is
/// beside it, once. Default 64 KiB.
const SMALL_BYTES: u64 = 64 * 1024;

/// Files up to this size are read at once, and kept; larger ones are sent piece by piece.
/// Default 1 MiB.
const WHOLE_FILE_BYTES: u64 = 1024 * 1024;

/// HTML up to this size is read at once, so that its end can be found; into larger pages the
/// client goes at the front. Default 16 MiB.
const WHOLE_PAGE_BYTES: u64 = 16 * 1024 * 1024;

/// What hot files take in memory together. Beyond, those that are asked for least go.
/// Default 64 MiB.
const HOT_BYTES: u64 = 64 * 1024 * 1024;

/// A guess at how many hot files there are, for the size of the table.
const HOT_FILES: usize = 2048;

/// How often a file is read again that changes while it is read.
const READS: usize = 3;

/// The octets of a large file from whose text its encoding is guessed.
const SAMPLE_BYTES: u64 = 64 * 1024;

/// The served folders, and what of them is in memory.
pub(crate) struct FileStore {
    roots: Option<Roots>,
    types: Arc<MimeTypes>,
    hot: Cache<String, Arc<CachedFile>, CachedFileWeight>,
}

/// A file in memory.
pub(crate) struct CachedFile {
    /// Where it was asked for: what is behind the links there is compared with `version`.
    asked: PathBuf,
    /// Its real path.
    real: Arc<Path>,
    version: FileVersion,
    content: Bytes,
    tag: Option<HeaderValue>,
    /// What a response says of it.
    headers: Arc<HeaderMap>,
}

#[derive(Clone)]
struct CachedFileWeight;

impl quick_cache::Weighter<String, Arc<CachedFile>> for CachedFileWeight {
    fn weight(&self, url: &String, hot: &Arc<CachedFile>) -> u64 {
        (size_of::<CachedFile>() + 2 * url.len() + hot.content.len()) as u64
    }
}

/// What a URL path stands for.
pub(crate) enum FileLocation {
    /// A file whose content is known.
    Memory(Arc<CachedFile>),
    /// Whatever the file system says.
    Disk(PathLookup),
}

impl FileLocation {
    /// The real path of the file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Memory(hot) => Some(&hot.real),
            Self::Disk(PathLookup::File(real)) => Some(real),
            Self::Disk(_) => None,
        }
    }
}

impl FileStore {
    /// Without roots nothing is ever found.
    pub(crate) fn new(roots: Option<Roots>, types: Arc<MimeTypes>) -> Self {
        Self {
            roots,
            types,
            hot: Cache::with_weighter(HOT_FILES, HOT_BYTES, CachedFileWeight),
        }
    }

    pub(crate) fn roots(&self) -> Option<&Roots> {
        self.roots.as_ref()
    }

    pub(crate) fn find(&self, url: &UrlPath) -> FileLocation {
        if let Some(hot) = self.still_hot(url.as_str()) {
            return FileLocation::Memory(hot);
        }
        // Blocks for some microseconds, as above.
        let found = self.roots.as_ref().map(|roots| roots.find(url));
        FileLocation::Disk(found.unwrap_or(PathLookup::NotFound))
    }

    /// The file in memory that is kept under this key, if it is the same on the disk.
    fn still_hot(&self, key: &str) -> Option<Arc<CachedFile>> {
        let hot = self.hot.get(key)?;
        // Blocks for a microsecond; going to another thread costs ten times that.
        if std::fs::metadata(&hot.asked).is_ok_and(|now| FileVersion::of(&now) == hot.version) {
            return Some(hot);
        }
        self.hot.remove(key);
        None
    }

    /// A file that a plugin names as an answer of this type, or why not. `find` says its real path if it may
    /// be served.
    pub(crate) async fn named(
        &self,
        plugin: &str,
        asked: &Path,
        mime: String,
        find: impl FnOnce(&Path) -> Result<PathBuf, String> + Send + 'static,
    ) -> Result<PageResponse, String> {
        // No URL path begins so. Another plugin may not name it, or gives it another type.
        let key = format!("{plugin} {mime} {}", asked.display());
        if let Some(hot) = self.still_hot(&key) {
            return Ok(hot.answer(Responder::Memory));
        }
        let asked = asked.to_owned();
        let read = blocking(move || {
            Ok(find(&asked).and_then(|real| {
                let whole = whole_bytes(&mime);
                OpenFile::open(&real)
                    .and_then(|file| read(file, asked, real, &mime, whole))
                    .map_err(|error| format!("which cannot be read: {error}"))
            }))
        });
        let read = read.await.map_err(|error| error.to_string())??;
        Ok(self.keep(key, read))
    }

    /// The file as an answer.
    pub(crate) async fn read(&self, url: &UrlPath, real: PathBuf) -> io::Result<PageResponse> {
        let name = if url.names_a_folder() {
            "index.html"
        } else {
            ""
        };
        let mime = self.types.of_path(&format!("{url}{name}"));
        let whole = whole_bytes(&mime);
        let asked = self
            .roots
            .as_ref()
            .map(|roots| roots.path_for(url))
            .unwrap_or_default();
        // Opened and, if it is small, read at once: some microseconds, where another thread costs more.
        let file = OpenFile::open(&real)?;
        let read = if file.len() <= SMALL_BYTES {
            read(file, asked, real, &mime, whole)?
        } else {
            blocking(move || read(file, asked, real, &mime, whole)).await?
        };
        Ok(self.keep(url.as_str().to_owned(), read))
    }

    /// What was read as an answer. A small file stays in memory.
    fn keep(&self, key: String, read: Read) -> PageResponse {
        match read {
            Read::Whole(hot) => {
                // One that has no date yet may change and look the same (see `last_modified`).
                let is_settled = hot.headers.contains_key(header::LAST_MODIFIED);
                if hot.content.len() as u64 <= WHOLE_FILE_BYTES && is_settled {
                    self.hot.insert(key, hot.clone());
                }
                hot.answer(Responder::File)
            }
            Read::Large(answer) => *answer,
        }
    }
}

/// Up to which size a file of this type is read at once.
fn whole_bytes(mime: &str) -> u64 {
    if mime == "text/html" {
        WHOLE_PAGE_BYTES
    } else {
        WHOLE_FILE_BYTES
    }
}

impl CachedFile {
    pub(crate) fn answer(&self, by: Responder) -> PageResponse {
        PageResponse {
            status: StatusCode::OK,
            headers: Headers::Shared(self.headers.clone()),
            body: Payload::Bytes(self.content.clone()),
            tag: self.tag.clone(),
            file: Some(self.real.clone()),
            source: Some(self.real.clone()),
            verbatim: false,
            responder: by,
        }
    }
}

/// What a response says of a file.
fn headers(mime: &str, is_utf8: bool, modified: Option<SystemTime>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(mime) = HeaderValue::try_from(mime::with_charset(mime, is_utf8)) {
        headers.insert(header::CONTENT_TYPE, mime);
    }
    if let Some(date) = modified.and_then(last_modified) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    headers
}

/// A file's time as `Last-Modified`, in whole seconds. None within that second: the file may change
/// again and would keep its date (section 8.8.2.2).
fn last_modified(modified: SystemTime) -> Option<HeaderValue> {
    let seconds = modified.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let whole = UNIX_EPOCH + Duration::from_secs(seconds);
    let is_over = whole.elapsed().ok()? >= Duration::from_secs(1);
    is_over.then(|| HeaderValue::try_from(httpdate::fmt_http_date(whole)).ok())?
}

enum Read {
    Whole(Arc<CachedFile>),
    Large(Box<PageResponse>),
}

fn read(
    mut file: OpenFile,
    asked: PathBuf,
    real: PathBuf,
    mime: &str,
    whole: u64,
) -> io::Result<Read> {
    if file.len() > whole {
        return Ok(Read::Large(Box::new(large(file, real, mime)?)));
    }
    let mut content = file.read();
    for _ in 1..READS {
        if content.is_ok() {
            break;
        }
        file = OpenFile::open(&real)?;
        content = file.read();
    }
    let content = content?;
    let is_utf8 = std::str::from_utf8(&content).is_ok();
    Ok(Read::Whole(Arc::new(CachedFile {
        asked,
        version: file.version(),
        tag: content_tag(&content),
        headers: headers(mime, is_utf8, file.modified).into(),
        real: real.into(),
        content,
    })))
}

fn large(file: OpenFile, real: PathBuf, mime: &str) -> io::Result<PageResponse> {
    let is_utf8 = is_utf8_so_far(&file.first(SAMPLE_BYTES)?);
    let real: Arc<Path> = real.into();
    Ok(PageResponse {
        status: StatusCode::OK,
        headers: headers(mime, is_utf8, file.modified).into(),
        tag: strong_tag(format_args!("{}", file.version())),
        body: Payload::File(file),
        file: Some(real.clone()),
        source: Some(real),
        verbatim: false,
        responder: Responder::File,
    })
}

/// Whether text whose end may be cut in a character is UTF-8.
fn is_utf8_so_far(sample: &[u8]) -> bool {
    match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

pub(crate) fn status_of(error: &io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
        io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Runs what asks the file system where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

//! Files of the served roots. Small ones are cached in memory; each request checks where the file is and
//! whether it has changed.

use super::mime::{self, MimeTypes};
use crate::blocking::run_blocking;
use crate::message::HeapSize;
use crate::pages::response::headers::Headers;
use crate::pages::response::open_file::OpenFile;
use crate::pages::response::page_response::{
    PageResponse, Payload, Responder, content_tag, strong_tag,
};
use crate::paths::{FileVersion, PathLookup, Roots, UrlPath, version_at};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use bytes::Bytes;
use quick_cache::sync::Cache;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Files up to this size are read on the async thread, which is faster than a switch to another one. A
/// sleeping disk can delay other requests of that thread, once. Default 64 KiB.
const INLINE_READ_BYTES: u64 = 64 * 1024;

/// Files up to this size are read whole and cached; larger ones are streamed. Default 1 MiB.
const MAX_WHOLE_FILE_BYTES: u64 = 1024 * 1024;

/// HTML files up to this size are read whole, so that the client can be injected at the end. In larger
/// ones it is injected in the head. Default 16 MiB.
const MAX_WHOLE_PAGE_BYTES: u64 = 16 * 1024 * 1024;

/// Memory for cached files. The least used ones are evicted beyond it. Default 64 MiB.
const FILE_CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Expected number of cached files, which sizes the hash table.
const EXPECTED_FILES: usize = 2048;

/// Attempts to read a file that changes while it is read.
const READ_ATTEMPTS: usize = 3;

/// Length of the beginning of a large file that is checked for being UTF-8. Default 64 KiB.
const SAMPLE_BYTES: u64 = 64 * 1024;

/// The served roots, with a cache of small files.
pub(crate) struct FileStore {
    roots: Option<Roots>,
    types: Arc<MimeTypes>,
    cache: Cache<String, Arc<CachedFile>, CachedFileWeight>,
}

/// File in memory.
pub(crate) struct CachedFile {
    /// Path as requested, if it leads to the file through links.
    link: Option<PathBuf>,
    real_path: Arc<Path>,
    version: FileVersion,
    content: Bytes,
    tag: Option<HeaderValue>,
    headers: Arc<HeaderMap>,
}

#[derive(Clone)]
struct CachedFileWeight;

impl quick_cache::Weighter<String, Arc<CachedFile>> for CachedFileWeight {
    fn weight(&self, key: &String, file: &Arc<CachedFile>) -> u64 {
        // The entry itself, the entity tag, and the headers.
        const OVERHEAD: usize = 2048;
        let link = file.link.as_ref().map_or(0, |link| link.as_os_str().len());
        let paths = file.real_path.as_os_str().len() + link;
        (OVERHEAD + key.heap_size() + paths + file.content.heap_size()) as u64
    }
}

/// Where the file of a URL path is.
pub(crate) enum FileLocation {
    /// In memory, and unchanged on disk.
    Cached(Arc<CachedFile>),
    /// On disk, if there is one.
    Disk(PathLookup),
}

impl FileLocation {
    /// Returns the real path of the file, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Cached(file) => Some(&file.real_path),
            Self::Disk(PathLookup::File(real)) => Some(real),
            Self::Disk(_) => None,
        }
    }
}

impl FileStore {
    /// Returns an empty store. Without roots no path has a file.
    pub(crate) fn new(roots: Option<Roots>, types: Arc<MimeTypes>) -> Self {
        Self {
            roots,
            types,
            cache: Cache::with_weighter(EXPECTED_FILES, FILE_CACHE_BYTES, CachedFileWeight),
        }
    }

    pub(crate) fn roots(&self) -> Option<&Roots> {
        self.roots.as_ref()
    }

    /// Looks for the file of a URL path. Blocks for microseconds.
    pub(crate) fn locate(&self, url: &UrlPath) -> FileLocation {
        if let Some(file) = self.cached(url.as_str()) {
            return FileLocation::Cached(file);
        }
        let found = self.roots.as_ref().map(|roots| roots.find(url));
        FileLocation::Disk(found.unwrap_or(PathLookup::NotFound))
    }

    /// Returns the cached file with this key if it has not changed on disk. Otherwise evicts it.
    fn cached(&self, key: &str) -> Option<Arc<CachedFile>> {
        let file = self.cache.get(key)?;
        // Blocks for a microsecond; a switch to another thread costs ten times that.
        if file.is_current() {
            return Some(file);
        }
        self.cache.remove(key);
        None
    }

    /// Reads a file that a plugin names as its response, with this MIME type. `find` returns its real path
    /// if it may be served, and otherwise the reason.
    pub(crate) async fn read_for_plugin(
        &self,
        plugin: &str,
        path: &Path,
        mime: String,
        find: impl FnOnce(&Path) -> Result<PathBuf, String> + Send + 'static,
    ) -> Result<PageResponse, String> {
        // URL paths begin with `/`, so this key cannot equal one. It contains the plugin's name, because
        // each plugin has its own scratch folder, and the MIME type, because plugins choose it.
        let key = format!("{plugin} {mime} {}", path.display());
        if let Some(file) = self.cached(&key) {
            return Ok(file.to_response(Responder::Memory));
        }
        let path = path.to_owned();
        let read = run_blocking(move || {
            Ok(find(&path).and_then(|real| {
                let max_whole = max_whole_bytes(&mime);
                OpenFile::open(&real)
                    .and_then(|file| read(file, path, real, &mime, max_whole))
                    .map_err(|error| format!("which cannot be read: {error}"))
            }))
        });
        let read = read.await.map_err(|error| error.to_string())??;
        Ok(self.cache_and_respond(key, read))
    }

    /// Reads the file of a URL path. `real` is its real path.
    pub(crate) async fn read(&self, url: &UrlPath, real: PathBuf) -> io::Result<PageResponse> {
        let name = if url.names_a_folder() {
            "index.html"
        } else {
            ""
        };
        let mime = self.types.of_path(&format!("{url}{name}"));
        let max_whole = max_whole_bytes(&mime);
        let path = self
            .roots
            .as_ref()
            .map(|roots| roots.given_path_for(url))
            .unwrap_or_default();
        let file = OpenFile::open(&real)?;
        let read = if file.len() <= INLINE_READ_BYTES {
            read(file, path, real, &mime, max_whole)?
        } else {
            run_blocking(move || read(file, path, real, &mime, max_whole)).await?
        };
        Ok(self.cache_and_respond(url.as_str().to_owned(), read))
    }

    fn cache_and_respond(&self, key: String, read: FileContent) -> PageResponse {
        match read {
            FileContent::Whole(file) => {
                // A file that has no `Last-Modified` yet was modified within the last second and may
                // change again without a visible change of its version, so it is not cached (see
                // `last_modified`).
                let has_date = file.headers.contains_key(header::LAST_MODIFIED);
                if file.content.len() as u64 <= MAX_WHOLE_FILE_BYTES && has_date {
                    self.cache.insert(key, file.clone());
                }
                file.to_response(Responder::File)
            }
            FileContent::Large(response) => *response,
        }
    }
}

/// Returns the size up to which a file of this type is read whole.
fn max_whole_bytes(mime: &str) -> u64 {
    if mime == "text/html" {
        MAX_WHOLE_PAGE_BYTES
    } else {
        MAX_WHOLE_FILE_BYTES
    }
}

impl CachedFile {
    /// Whether the path still leads to this file, unchanged, and the file is still where it was when its
    /// location was judged: a folder may have been moved out of the root, and a link put in its place.
    fn is_current(&self) -> bool {
        let is_linked = |link| FileVersion::at(link) == Some(self.version);
        version_at(&self.real_path) == Some(self.version)
            && self.link.as_deref().is_none_or(is_linked)
    }

    pub(crate) fn to_response(&self, responder: Responder) -> PageResponse {
        PageResponse {
            status: StatusCode::OK,
            headers: Headers::Shared(self.headers.clone()),
            body: Payload::Bytes(self.content.clone()),
            tag: self.tag.clone(),
            body_file: Some(self.real_path.clone()),
            source_file: Some(self.real_path.clone()),
            verbatim: false,
            responder,
            failure: None,
        }
    }
}

/// Returns the headers that describe a file.
fn headers(file: &Path, mime: &str, is_utf8: bool, modified: Option<SystemTime>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(coding) = mime::content_coding(file) {
        headers.insert(header::CONTENT_ENCODING, coding);
    }
    if let Ok(mime) = HeaderValue::try_from(mime::with_charset(mime, is_utf8)) {
        headers.insert(header::CONTENT_TYPE, mime);
    }
    if let Some(date) = modified.and_then(last_modified) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    headers
}

/// Returns the `Last-Modified` date of a file, in whole seconds. `None` until that second is over: the
/// file may change again and would have the same date (RFC 9110, section 8.8.2.2).
fn last_modified(modified: SystemTime) -> Option<HeaderValue> {
    let seconds = modified.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let whole = UNIX_EPOCH + Duration::from_secs(seconds);
    let is_over = whole.elapsed().ok()? >= Duration::from_secs(1);
    is_over.then(|| HeaderValue::try_from(httpdate::fmt_http_date(whole)).ok())?
}

enum FileContent {
    Whole(Arc<CachedFile>),
    /// Streamed; boxed because it is much larger than the other variant.
    Large(Box<PageResponse>),
}

/// Reads a file of at most `max_whole` bytes; a larger one is only prepared for streaming. Blocks.
fn read(
    mut file: OpenFile,
    path: PathBuf,
    real: PathBuf,
    mime: &str,
    max_whole: u64,
) -> io::Result<FileContent> {
    let mut attempt = 1;
    let (content, is_large) = loop {
        let is_large = file.len() > max_whole;
        let read = if is_large {
            file.read_first(SAMPLE_BYTES)
        } else {
            file.read()
        };
        match read {
            Ok(content) => break (content, is_large),
            Err(error) if attempt == READ_ATTEMPTS => return Err(error),
            Err(_) => file = OpenFile::open(&real)?,
        }
        attempt += 1;
    };
    if is_large {
        let response = large_file(file, real, mime, &content);
        return Ok(FileContent::Large(Box::new(response)));
    }
    let is_utf8 = std::str::from_utf8(&content).is_ok();
    Ok(FileContent::Whole(Arc::new(CachedFile {
        link: (path != real).then_some(path),
        version: file.version(),
        tag: content_tag(&content),
        headers: headers(&real, mime, is_utf8, file.modified()).into(),
        real_path: real.into(),
        content,
    })))
}

/// Returns the response for a file that is streamed. `sample` is its beginning.
fn large_file(file: OpenFile, real: PathBuf, mime: &str, sample: &[u8]) -> PageResponse {
    let is_utf8 = is_utf8_prefix(sample);
    let real: Arc<Path> = real.into();
    PageResponse {
        status: StatusCode::OK,
        headers: headers(&real, mime, is_utf8, file.modified()).into(),
        tag: strong_tag(format_args!("{}", file.version())),
        body: Payload::File(file),
        body_file: Some(real.clone()),
        source_file: Some(real),
        verbatim: false,
        responder: Responder::File,
        failure: None,
    }
}

/// Whether the sample is the beginning of UTF-8 text. Its last character may be incomplete.
fn is_utf8_prefix(sample: &[u8]) -> bool {
    match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Returns the status of a response for a file that cannot be read.
pub(crate) fn error_status(error: &io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
        io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Root;
    use allocation_counter::measure;
    use std::fs::File;

    #[test]
    fn the_cache_counts_the_memory_of_its_files() {
        let site = tempfile::tempdir().expect("a folder");
        let urls: Vec<_> = (0..300_usize)
            .map(|number| {
                let name = format!("{}{number}.js", "n".repeat(number % 50));
                let path = site.path().join(&name);
                std::fs::write(&path, "x".repeat(number * 10)).expect("the file is written");
                let file = File::options().append(true).open(path).expect("the file");
                file.set_modified(UNIX_EPOCH).expect("its time is set");
                UrlPath::parse(&format!("/{name}")).expect("a path")
            })
            .collect();
        let root = Root::open(site.path(), &[], &[]).expect("a root");
        let types = Arc::new(MimeTypes::new(Vec::new()));
        let store = FileStore::new(Some(Roots::new(root, Vec::new())), types);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        let read = |url| {
            let FileLocation::Disk(PathLookup::File(real)) = store.locate(url) else {
                panic!("not on disk")
            };
            runtime.block_on(store.read(url, real)).expect("it is read")
        };
        let taken = measure(|| urls.iter().for_each(|url| drop(read(url)))).bytes_current;
        let (taken, counted) = (taken.cast_unsigned(), store.cache.weight());
        assert!(taken <= counted && counted < 2 * taken, "{taken} {counted}");
    }
}

//! Work that would delay the other requests of an async thread: it runs on the blocking thread pool.

use std::io;
use std::num::NonZero;
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Bodies and messages up to this size are scanned, hashed and rewritten on the async thread, which takes less than a
/// millisecond. Larger ones would delay the other requests of that thread. Default 64 KiB.
const INLINE_WORK_BYTES: usize = 64 * 1024;

/// Large bodies that are worked on at a time, as many as there are cores. The others wait, and a request that
/// was abandoned meanwhile costs nothing more.
static LARGE_WORK: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)));

/// Runs work that blocks or computes for long on the blocking thread pool.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

/// Runs work on a large body on the blocking thread pool, once a core is free for it.
pub(crate) async fn run_large<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let permit = LARGE_WORK.acquire().await.map_err(io::Error::other)?;
    run_blocking(move || {
        // Held by the work, which goes on when the request is abandoned.
        let _permit = permit;
        work()
    })
    .await
}

/// Runs work that takes time in proportion to the size of a body: as [`run_large`] does if the body is large.
pub(crate) async fn run_sized<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    if bytes <= INLINE_WORK_BYTES {
        return Ok(work());
    }
    run_large(|| Ok(work())).await
}

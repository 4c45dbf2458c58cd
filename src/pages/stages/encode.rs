//! The encode stage: compresses responses with brotli or gzip, as the client prefers (RFC 9110, section
//! 8.4). Compressed bodies are cached. Streams pass unchanged, since an encoder would delay them.

use crate::blocking::run_blocking;
use crate::pages::request::PageRequest;
use crate::pages::response::derived_cache::Variant;
use crate::pages::response::open_file::OpenFile;
use crate::pages::response::page_response::{PageResponse, Payload, content_tag, strong_tag};
use async_compression::Level;
use async_compression::brotli::EncoderParams;
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder};
use async_compression::tokio::write::{BrotliEncoder, GzipEncoder};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use bytes::Bytes;
use futures_util::{StreamExt, TryFutureExt, TryStreamExt};
use std::io;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::task::coop::consume_budget;
use tokio_util::io::{ReaderStream, StreamReader};

/// Smaller bodies are not compressed: they fit into one packet anyway. Default 1 KiB.
const MIN_BYTES: usize = 1024;

/// Larger bodies are sent as they are, unless there is a precompressed sibling: compressing them takes longer
/// than sending them over the short network path of a dev server. Default 1 MiB.
const MAX_BYTES: usize = 1024 * 1024;

/// Window of brotli, as a power of two: 256 KiB. With the largest one, 16 MiB, an encoder takes ten times the
/// memory, and files of the usual sizes become no smaller.
const BROTLI_WINDOW: i32 = 18;

/// Fast rather than small, since the network path to the browser is short.
const BROTLI_QUALITY: i32 = 4;
const GZIP_QUALITY: i32 = 5;

/// A content coding that responses are encoded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    fn variant(self) -> Variant {
        Variant {
            name: self.name(),
            input_hash: 0,
        }
    }

    fn file_extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }
}

/// Encodes a body.
async fn encode(coding: Coding, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoded = Vec::new();
    match coding {
        Coding::Brotli => {
            let params = EncoderParams::default()
                .quality(Level::Precise(BROTLI_QUALITY))
                .window_size(BROTLI_WINDOW);
            write_all(BrotliEncoder::with_params(&mut encoded, params), body).await?;
        }
        Coding::Gzip => {
            let quality = Level::Precise(GZIP_QUALITY);
            write_all(GzipEncoder::with_quality(&mut encoded, quality), body).await?;
        }
    }
    Ok(encoded)
}

async fn write_all(mut encoder: impl AsyncWrite + Unpin, body: &[u8]) -> io::Result<()> {
    encoder.write_all(body).await?;
    encoder.shutdown().await
}

/// Runs the stage.
pub(crate) async fn stage(request: &PageRequest<'_>, response: &mut PageResponse) {
    let is_fixed = response.headers.contains_key(header::CONTENT_ENCODING)
        || response
            .header(header::CACHE_CONTROL)
            .contains("no-transform")
        || matches!(response.body, Payload::Stream(_));
    if !request.is_read()
        || response.status != StatusCode::OK
        || is_fixed
        || !is_compressible(&response.essence())
    {
        return;
    }
    response.vary_by_encoding();
    // A range refers to the bytes of the uncompressed body.
    let request_headers = &request.parts.headers;
    let codings = accepted_codings(request_headers);
    if codings[0].is_none() || request_headers.contains_key(header::RANGE) {
        return;
    }
    // Boxed to keep the future small for uncompressed responses.
    Box::pin(compress(request, response, codings)).await;
}

/// Sends a precompressed sibling in one of these codings, or compresses the body with the first one.
async fn compress(
    request: &PageRequest<'_>,
    response: &mut PageResponse,
    codings: [Option<Coding>; 2],
) {
    let codings = codings.into_iter().flatten();
    if let Some(file) = &response.body_file {
        // Blocks for microseconds; a switch to another thread costs ten times that.
        let mut codings = codings.clone();
        if let Some((coding, sibling)) = codings.find_map(|coding| compressed_sibling(file, coding))
        {
            response.tag = strong_tag(format_args!("{}", sibling.version()));
            response.headers.remove(header::ETAG);
            response.set_derived_stream(Payload::File(sibling), coding.variant());
            set_content_encoding(response, coding);
            return;
        }
    }
    let mut codings = codings;
    // To a browser on this machine, compressing takes longer than sending: 5 to 10 % of the first load of a large
    // application.
    if request.is_local() {
        return;
    }
    let (Payload::Bytes(body), Some(coding)) = (&response.body, codings.next()) else {
        return;
    };
    if !(MIN_BYTES..=MAX_BYTES).contains(&body.len()) {
        return;
    }
    let body = body.clone();
    let Some(tag) = response.tag.clone().or_else(|| content_tag(&body)) else {
        return;
    };
    let derive = compress_whole(coding, body);
    let cache = &request.service.derived;
    let derived = cache.get_or_derive(&tag, coding.variant(), derive).await;
    if let Some(derived) = derived {
        response.set_derived_body(derived, coding.variant());
        set_content_encoding(response, coding);
    }
}

fn set_content_encoding(response: &mut PageResponse, coding: Coding) {
    let name = HeaderValue::from_static(coding.name());
    response.headers.insert(header::CONTENT_ENCODING, name);
}

/// Compresses a body on the blocking thread pool. Returns `None` when that does not make it smaller.
async fn compress_whole(coding: Coding, body: Bytes) -> Option<Bytes> {
    let size = body.len();
    let runtime = Handle::current();
    // Not with the large bodies: a small one would wait for them.
    let compressed = run_blocking(move || runtime.block_on(encode(coding, &body))).await;
    let compressed = compressed
        .ok()
        .filter(|compressed| compressed.len() < size)?;
    // Without the buffer's spare capacity, which the cache would keep and not count.
    Some(compressed.into_boxed_slice().into())
}

/// Opens the precompressed file next to this one (`app.js.br`), unless it is older. A link is not
/// followed: it may lead out of the root.
fn compressed_sibling(file: &Path, coding: Coding) -> Option<(Coding, OpenFile)> {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(coding.file_extension());
    // Without a sibling, as nearly always, this is one call.
    let path = Path::new(&name);
    if !path.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return None;
    }
    let sibling = OpenFile::open(path).ok()?;
    let is_newer = sibling.modified() >= file.metadata().ok()?.modified().ok();
    is_newer.then_some((coding, sibling))
}

/// Returns the codings that the client accepts, the one that it prefers first (RFC 9110, section 12.5.3);
/// brotli if it has no preference.
fn accepted_codings(request: &HeaderMap) -> [Option<Coding>; 2] {
    let (mut brotli, mut gzip, mut other) = (None, None, None);
    let members = request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for member in members {
        let (name, weight) = member.split_once(';').unwrap_or((member, ""));
        let name = name.trim();
        let is = |coding: &str| name.eq_ignore_ascii_case(coding);
        let listed = if is("br") {
            &mut brotli
        } else if is("gzip") || is("x-gzip") {
            &mut gzip
        } else if is("*") {
            &mut other
        } else {
            continue;
        };
        let weight = weight.trim().strip_prefix("q=");
        let weight = weight.map_or(1.0, |q| q.parse().unwrap_or(0.0));
        *listed = Some(listed.map_or(weight, |before: f32| before.max(weight)));
    }
    let weight = |listed: Option<f32>| listed.or(other).unwrap_or(0.0);
    let (brotli, gzip) = (weight(brotli), weight(gzip));
    let accepted = |coding, weight| (weight > 0.0).then_some(coding);
    let codings = [
        accepted(Coding::Brotli, brotli),
        accepted(Coding::Gzip, gzip),
    ];
    let [first, second] = codings;
    if brotli >= gzip {
        [first, second]
    } else {
        [second, first]
    }
}

/// Compressible types other than text, JSON and XML.
const COMPRESSIBLE_TYPES: &[&str] = &[
    "application/javascript",
    "application/rtf",
    "application/wasm",
    "application/x-javascript",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/x-icon",
    "model/gltf-binary",
];

/// Whether bodies of a MIME type get smaller. Event streams are excluded, since each event must be sent at
/// once.
fn is_compressible(essence: &str) -> bool {
    let starts_with = |prefix: &str| has_at(essence, 0, prefix);
    let ends_with = |suffix: &str| {
        let start = essence.len().checked_sub(suffix.len());
        start.is_some_and(|start| has_at(essence, start, suffix))
    };
    (starts_with("text/") && !starts_with("text/event-stream"))
        || ends_with("json")
        || ends_with("xml")
        || COMPRESSIBLE_TYPES
            .iter()
            .any(|known| essence.eq_ignore_ascii_case(known))
}

/// Whether the text contains the pattern at this offset, ignoring ASCII case.
fn has_at(text: &str, start: usize, pattern: &str) -> bool {
    text.as_bytes()
        .get(start..start + pattern.len())
        .is_some_and(|part| part.eq_ignore_ascii_case(pattern.as_bytes()))
}

/// Removes the content coding of a plugin or backend. Returns false, and leaves the response unchanged, if
/// the coding is unknown.
pub(crate) fn decode(response: &mut PageResponse) -> bool {
    let coding = response.header(header::CONTENT_ENCODING).trim();
    let coding = coding.to_ascii_lowercase();
    let is_brotli = match &*coding {
        "" | "identity" => return true,
        "br" => true,
        "gzip" | "x-gzip" => false,
        _ => return false,
    };
    let body = std::mem::replace(&mut response.body, Bytes::new().into());
    let chunks = body.into_body().into_data_stream();
    let mut reader = StreamReader::new(chunks.map_err(io::Error::other));
    let decoded = async move {
        // A body may be empty whatever the headers say; a decoder would report it as truncated.
        let decoder: Box<dyn AsyncRead + Send + Unpin> = if reader.fill_buf().await?.is_empty() {
            Box::new(tokio::io::empty())
        } else if is_brotli {
            Box::new(BrotliDecoder::new(reader))
        } else {
            Box::new(GzipDecoder::new(reader))
        };
        Ok::<_, io::Error>(ReaderStream::new(decoder))
    };
    // A body in memory is always ready, and may decode to much more: other requests get their turn.
    let decoded = decoded.try_flatten_stream().then(async |chunk| {
        consume_budget().await;
        chunk
    });
    response.body = Payload::Stream(Body::from_stream(decoded));
    response.tag = None;
    for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH] {
        response.headers.remove(name);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_every_form_is_compressible() {
        for essence in [
            "text/css",
            "TEXT/html",
            "application/ld+json",
            "image/svg+xml",
            "application/wasm",
            "json",
        ] {
            assert!(is_compressible(essence), "{essence}");
        }
        for essence in [
            "",
            "image/png",
            "text/event-stream",
            "application/octet-stream",
            "xm",
            "text",
        ] {
            assert!(!is_compressible(essence), "{essence}");
        }
    }

    #[test]
    fn the_client_chooses_among_codings_by_weight() {
        use Coding::{Brotli, Gzip};
        let accepted = |headers: &HeaderMap| {
            let codings = accepted_codings(headers).into_iter();
            codings.flatten().collect::<Vec<_>>()
        };
        for (header, expected) in [
            ("gzip, deflate, br, zstd", &[Brotli, Gzip][..]),
            ("gzip", &[Gzip]),
            ("GZIP;q=0.5, br; q=0.4", &[Gzip, Brotli]),
            ("br;q=0, gzip;q=0", &[]),
            ("*", &[Brotli, Gzip]),
            ("*;q=0", &[]),
            ("br;q=0, *", &[Gzip]),
            ("identity", &[]),
            ("br;q=x", &[]),
            ("", &[]),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(header));
            assert_eq!(accepted(&headers), expected, "{header}");
            assert_eq!(
                accepted_codings(&headers)[0],
                expected.first().copied(),
                "{header}"
            );
        }
        assert_eq!(accepted(&HeaderMap::new()), []);
    }
}

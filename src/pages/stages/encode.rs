//! Compression (RFC 9110, section 8.4): brotli or gzip, as the client prefers. Nothing is
//! compressed twice, and what comes piece by piece from elsewhere is not held up by it.

use crate::pages::files::store::blocking;
use crate::pages::response::derived_cache::{DerivedCache, Variant};
use crate::pages::response::open_file::OpenFile;
use crate::pages::response::page_response::{PageResponse, Payload, content_tag, strong_tag};
use async_compression::Level;
use async_compression::tokio::bufread::{BrotliDecoder, BrotliEncoder, GzipDecoder, GzipEncoder};
use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::TryStreamExt;
use std::io;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt};
use tokio_util::io::{ReaderStream, StreamReader};

/// Smaller bodies are sent as they are: they fit into one packet anyway. Default 1 KiB.
const MIN_BYTES: usize = 1024;

/// Larger bodies are compressed while they are sent, each time anew. Default 1 MiB.
const MAX_KEPT_BYTES: usize = 1024 * 1024;

/// Fast rather than small: the way to the browser is short.
const BROTLI_QUALITY: i32 = 4;
const GZIP_QUALITY: i32 = 5;

/// A content coding that we make.
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
            detail: 0,
        }
    }

    /// The ending of files that hold it.
    fn ending(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }

    fn encoder(
        self,
        body: impl AsyncBufRead + Send + Unpin + 'static,
    ) -> Box<dyn AsyncRead + Send + Unpin> {
        match self {
            Self::Brotli => Box::new(BrotliEncoder::with_quality(
                body,
                Level::Precise(BROTLI_QUALITY),
            )),
            Self::Gzip => Box::new(GzipEncoder::with_quality(
                body,
                Level::Precise(GZIP_QUALITY),
            )),
        }
    }
}

/// The stage: compresses what is worth it for a client that understands it.
pub(crate) async fn stage(request: &Parts, answer: &mut PageResponse, derived: &DerivedCache) {
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    let as_it_is = answer.headers.contains_key(header::CONTENT_ENCODING)
        || answer
            .header(header::CACHE_CONTROL)
            .contains("no-transform")
        || matches!(answer.body, Payload::Stream(_));
    if !reads || answer.status != StatusCode::OK || as_it_is || !is_compressible(answer.essence()) {
        return;
    }
    answer
        .headers
        .append(header::VARY, HeaderValue::from_static("accept-encoding"));
    // Who asks for a part counts in the octets of the file.
    let Some(coding) =
        preferred(&request.headers).filter(|_| !request.headers.contains_key(header::RANGE))
    else {
        return;
    };
    // Boxed: what is not compressed need not have the room for it.
    Box::pin(compressed(answer, coding, derived)).await;
}

async fn compressed(answer: &mut PageResponse, coding: Coding, derived: &DerivedCache) {
    if let Some(file) = answer.file.clone() {
        let sibling = blocking(move || sibling(&file, coding)).await;
        if let Ok(Some(sibling)) = sibling {
            answer.tag = strong_tag(format_args!("{}", sibling.version()));
            answer.headers.remove(header::ETAG);
            answer.become_stream(Payload::File(sibling), coding.variant());
            say_coding(answer, coding);
            return;
        }
    }
    match std::mem::replace(&mut answer.body, Bytes::new().into()) {
        Payload::Bytes(body) if body.len() <= MAX_KEPT_BYTES => {
            let tag = answer.tag.clone().or_else(|| content_tag(&body));
            let made = match tag {
                Some(tag) if body.len() >= MIN_BYTES => {
                    let make = whole(coding, body.clone());
                    derived.get(&tag, coding.variant(), make).await
                }
                _ => None,
            };
            let Some(made) = made else {
                answer.body = body.into();
                return;
            };
            answer.become_made(made, coding.variant());
        }
        large => {
            let large = large.into_stream().into_data_stream();
            let reader = StreamReader::new(large.map_err(io::Error::other));
            let body = Body::from_stream(ReaderStream::new(coding.encoder(reader)));
            answer.become_stream(Payload::Stream(body), coding.variant());
        }
    }
    say_coding(answer, coding);
}

fn say_coding(answer: &mut PageResponse, coding: Coding) {
    let name = HeaderValue::from_static(coding.name());
    answer.headers.insert(header::CONTENT_ENCODING, name);
}

/// All of it, on a thread that may be busy for a while. None when it did not get smaller.
async fn whole(coding: Coding, body: Bytes) -> Option<Bytes> {
    let runtime = tokio::runtime::Handle::current();
    let compressed = blocking(move || {
        let mut compressed = Vec::with_capacity(body.len() / 3);
        let mut encoder = coding.encoder(io::Cursor::new(body.clone()));
        // Memory never makes it wait.
        runtime.block_on(encoder.read_to_end(&mut compressed))?;
        Ok((compressed.len() < body.len()).then(|| Bytes::from(compressed)))
    });
    compressed.await.ok().flatten()
}

/// The file beside this one that holds it compressed, unless it is older. A link is not followed:
/// it was not checked where it leads.
fn sibling(file: &Path, coding: Coding) -> io::Result<Option<OpenFile>> {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(coding.ending());
    let path = PathBuf::from(name);
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(None);
    };
    if !metadata.is_file() || metadata.modified()? < file.metadata()?.modified()? {
        return Ok(None);
    }
    OpenFile::open(&path).map(Some)
}

/// The coding that a client prefers to none (section 12.5.3); of equals the smaller one.
fn preferred(request: &HeaderMap) -> Option<Coding> {
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
    if brotli > 0.0 && brotli >= gzip {
        Some(Coding::Brotli)
    } else {
        (gzip > 0.0).then_some(Coding::Gzip)
    }
}

/// Types beside text, JSON and XML that get smaller.
const COMPRESSIBLE: &[&str] = &[
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

/// Whether a type is worth it. Not event streams: each event goes out at once.
fn is_compressible(essence: &str) -> bool {
    let begins = |with: &str| has_at(essence, 0, with);
    let ends = |with: &str| {
        let start = essence.len().checked_sub(with.len());
        start.is_some_and(|start| has_at(essence, start, with))
    };
    (begins("text/") && !begins("text/event-stream"))
        || ends("json")
        || ends("xml")
        || COMPRESSIBLE
            .iter()
            .any(|known| essence.eq_ignore_ascii_case(known))
}

/// Whether these letters stand there, in either case.
fn has_at(text: &str, start: usize, letters: &str) -> bool {
    text.as_bytes()
        .get(start..start + letters.len())
        .is_some_and(|part| part.eq_ignore_ascii_case(letters.as_bytes()))
}

/// Takes off what somebody else compressed an answer with. False when its coding is not one of those
/// that we read: then it stays as it is.
pub(crate) fn decode(answer: &mut PageResponse) -> bool {
    let coding = answer.header(header::CONTENT_ENCODING).trim();
    let coding = coding.to_ascii_lowercase();
    let is_brotli = match &*coding {
        "" | "identity" => return true,
        "br" => true,
        "gzip" | "x-gzip" => false,
        _ => return false,
    };
    let body = std::mem::replace(&mut answer.body, Bytes::new().into());
    let pieces = body.into_stream().into_data_stream();
    let reader = StreamReader::new(pieces.map_err(io::Error::other));
    answer.body = Payload::Stream(if is_brotli {
        Body::from_stream(ReaderStream::new(BrotliDecoder::new(reader)))
    } else {
        Body::from_stream(ReaderStream::new(GzipDecoder::new(reader)))
    });
    answer.tag = None;
    for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH] {
        answer.headers.remove(name);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_every_form_is_worth_it() {
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
        for (header, expected) in [
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip", Some(Coding::Gzip)),
            ("GZIP;q=0.5, br; q=0.4", Some(Coding::Gzip)),
            ("br;q=0, gzip;q=0", None),
            ("*", Some(Coding::Brotli)),
            ("*;q=0", None),
            ("br;q=0, *", Some(Coding::Gzip)),
            ("identity", None),
            ("br;q=x", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(header));
            assert_eq!(preferred(&headers), expected, "{header}");
        }
        assert_eq!(preferred(&HeaderMap::new()), None);
    }
}

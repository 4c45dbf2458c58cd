//! The scripts that are inserted into a page, and their places.

use super::policy;
use super::scan::{PageScan, scan};
use crate::message::{CLIENT_PATH, DEFERRED_QUERY, RECORDER_PATH};
use crate::pages::html::escape;
use crate::pages::request::PageRequest;
use crate::pages::response::derived_cache::Variant;
use crate::pages::stages::imports::PreloadHints;
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Comment that explains the inserted scripts to readers of the page's source.
const MARKER: &str = "<!-- injected by pagewire -->";

/// Element by which the client knows that a reload would repeat a request.
const POST_TAG: &str = "<meta name=\"pagewire-post\">";

/// Scripts to be inserted into a page.
#[derive(Clone)]
pub(super) struct Scripts {
    /// The recorder must run before the page's own scripts.
    recorder: bool,
    /// Whether the page is the response to a request that a reload must not repeat.
    is_post: bool,
    /// Base path of the daemon's URLs; empty or without a trailing slash.
    base: String,
    /// Content security policies in the response headers, separated by commas.
    pub(super) policies: String,
    pub(super) preloads: PreloadHints,
}

impl Scripts {
    /// Returns the scripts that pages get at the moment.
    pub(super) fn current(request: &PageRequest<'_>) -> Self {
        let service = request.service;
        Self {
            recorder: service.hub.report_mode().any(),
            is_post: !request.is_read(),
            base: service.base.clone(),
            policies: String::new(),
            preloads: PreloadHints::default(),
        }
    }

    /// Returns the nonce with which the page's policies allow scripts.
    pub(super) fn nonce<'a>(&'a self, page: &'a PageScan) -> Option<&'a str> {
        policy::find_nonce(&self.policies).or(page.nonce.as_deref())
    }

    /// Returns the variant of the page with these scripts.
    pub(super) fn variant(&self) -> Variant {
        Variant {
            name: match (self.recorder, self.is_post) {
                (false, false) => "client",
                (true, false) => "recorder",
                (false, true) => "client-post",
                (true, true) => "recorder-post",
            },
            input_hash: match self.policies.as_bytes() {
                [] => self.preloads.hash,
                policies => xxh3_64_with_seed(policies, self.preloads.hash),
            },
        }
    }
}

/// Returns the page, or the beginning of one, with the scripts. Returns `None` when it already has them, or is
/// in an encoding that is not ASCII-compatible.
pub(super) fn insert_scripts(
    page: &Bytes,
    found: &PageScan,
    scripts: &Scripts,
    is_whole: bool,
) -> Option<Bytes> {
    let (recorder, client) = (scripts.recorder && !found.has_recorder, !found.has_client);
    if has_utf_16_mark(page) || !(recorder || client || scripts.is_post) {
        return None;
    }
    let tags = ScriptTags::new(scripts, found);
    // Without line breaks, so that the line numbers in the page's own errors stay correct.
    let mut in_head = String::new();
    if recorder || scripts.is_post {
        in_head.push_str(MARKER);
    }
    if scripts.is_post {
        // Also for a client that the page has by itself.
        in_head.push_str(POST_TAG);
    }
    if recorder {
        in_head.push_str(&tags.recorder());
    }
    let (offset, client) = match (client, is_whole) {
        (false, _) => (found.head_start, String::new()),
        (true, false) => place_in_head(found, &tags),
        (true, true) => place_in_page(page, found, &tags),
    };
    // A page may have its end tags before its start tags.
    let (head, rest) = page.split_at(found.head_start.min(offset));
    let (before, after) = rest.split_at(offset - head.len());
    let parts = [head, in_head.as_bytes(), before, client.as_bytes(), after];
    Some(parts.concat().into())
}

pub(super) fn has_utf_16_mark(page: &[u8]) -> bool {
    page.starts_with(b"\xFF\xFE") || page.starts_with(b"\xFE\xFF")
}

/// Returns where a whole page gets the client, and the client's tags.
fn place_in_page(page: &[u8], found: &PageScan, tags: &ScriptTags<'_>) -> (usize, String) {
    if found.has_foreign_base {
        return place_in_head(found, tags);
    }
    let at_end = format!("{MARKER}\n{}", tags.module());
    let end = found.body_end.or(found.head_end);
    if let Some(end) = end.filter(|end| Some(*end) >= found.import_map_end) {
        return (end, at_end);
    }
    // After a frameset, or within an unclosed element such as a title, the script would not run.
    let appended = [page, at_end.as_bytes()].concat();
    if found.has_frameset || !scan(&appended).has_client {
        return place_in_head(found, tags);
    }
    (page.len(), at_end)
}

/// Returns where a page gets the client whose end is not usable, and the client's tag: a script that loads the
/// module after all import maps, even those that are not known yet. It goes after the known ones, but before a
/// `base` element that would change its URL.
fn place_in_head(found: &PageScan, tags: &ScriptTags<'_>) -> (usize, String) {
    let map_end = found.import_map_end.filter(|_| !found.has_foreign_base);
    let offset = found.head_start.max(map_end.unwrap_or_default());
    (offset, format!("{MARKER}{}", tags.deferred()))
}

/// The elements that are inserted.
struct ScriptTags<'a> {
    scripts: &'a Scripts,
    /// Attributes of each script, with a space before them.
    nonce: String,
}

impl<'a> ScriptTags<'a> {
    fn new(scripts: &'a Scripts, found: &PageScan) -> Self {
        let nonce = scripts.nonce(found);
        let nonce = nonce.map(|nonce| format!(" nonce=\"{nonce}\""));
        Self {
            scripts,
            nonce: nonce.unwrap_or_default(),
        }
    }

    fn recorder(&self) -> String {
        let (base, nonce) = (&self.scripts.base, &self.nonce);
        format!("<script src=\"{base}{RECORDER_PATH}\"{nonce}></script>")
    }

    /// Returns the client as a module, and the preload hints.
    fn module(&self) -> String {
        let Self { scripts, nonce } = self;
        let base = &scripts.base;
        let mut tags = String::new();
        for url in scripts.preloads.urls.iter() {
            let url = escape(url);
            tags.push_str(&format!(
                "<link rel=\"modulepreload\" href=\"{base}{url}\"{nonce}>"
            ));
        }
        tags.push_str(&format!(
            "<script type=\"module\" src=\"{base}{CLIENT_PATH}\"{nonce}></script>"
        ));
        tags
    }

    /// Returns the script that loads the client once the page is parsed.
    fn deferred(&self) -> String {
        let (base, nonce) = (&self.scripts.base, &self.nonce);
        format!("<script defer src=\"{base}{CLIENT_PATH}?{DEFERRED_QUERY}\"{nonce}></script>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEFERRED: &str = "<!-- injected by pagewire --><script defer src=\"/__pagewire__/client.js?deferred\"></script>";
    const SCRIPT: &str = "<!-- injected by pagewire -->\n<script type=\"module\" src=\"/__pagewire__/client.js\"></script>";

    fn scripts(recorder: bool, base: &str) -> Scripts {
        Scripts {
            recorder,
            is_post: false,
            base: base.to_owned(),
            policies: String::new(),
            preloads: PreloadHints::default(),
        }
    }

    fn insert(page: &str, scripts: &Scripts, is_whole: bool) -> Option<String> {
        let page = Bytes::copy_from_slice(page.as_bytes());
        let inserted = insert_scripts(&page, &scan(&page), scripts, is_whole)?;
        Some(String::from_utf8(inserted.to_vec()).unwrap())
    }

    fn inject(page: &str, recorder: bool, policies: &str) -> Option<String> {
        let mut scripts = scripts(recorder, "");
        scripts.policies = policies.to_owned();
        insert(page, &scripts, true)
    }

    fn injected(page: &str) -> Option<String> {
        inject(page, false, "")
    }

    #[test]
    fn the_recorder_is_placed_at_the_start_of_the_head() {
        let recorder = format!("{MARKER}<script src=\"/__pagewire__/recorder.js\"></script>");
        for page in [
            "<!doctype html><html lang=en><head>|<script>early()</script></head><body>^</body></html>",
            "<!doctype html><html>|<body>^</body></html>",
            "<!doctype html>|<p>x</p>^</body>",
            "<!-- a --><html a='>'>|<template><head></head></template>^",
            // Without a head element, the head is implied before the body.
            "|<body><p>^",
            "\u{FEFF}|<body>^",
            "<?xml version='1.0'?>|<p>^",
            "^|</body><html>",
        ] {
            let expected = page.replace('|', &recorder).replace('^', SCRIPT);
            let page = page.replace(['|', '^'], "");
            let once = inject(&page, true, "").unwrap();
            let reversed = page.replacen("", &format!("{recorder}{SCRIPT}"), 1);
            assert!(once == expected || once == reversed, "{once}");
            assert_eq!(inject(&once, true, ""), None);
        }
    }

    #[test]
    fn the_client_is_placed_before_the_end_of_the_body_or_head_or_at_the_end() {
        for page in [
            "<!doctype html><body><p>x</p>|</body></html>",
            "<html><head></head><body></body x><p>late</p>|</body></html>",
            "<!doctype html><p>no body tag|</body>",
            "<html><head><title>t</title>|</head><p>noend",
            "<!doctype html><p>nothing closed|",
            "<body><script>const s = '</body>';</script>|</body>",
            "<body><!-- </body> --><textarea></body></textarea><title></body></title>|</body>",
            "<body><template></body></template>|</BODY >",
            "<body><a title='</body>'>|</body>",
            "<html><head>|</head><frameset></frameset></html>",
            "<html><head>|</head><body><template></body></html>",
            "<html><head>|</head><body><svg><foreignObject><template></foreignObject></svg></body>",
            "\u{FEFF}<!-- a -->\n<!-- <p> --> <!DOCTYPE html>|",
        ] {
            let expected = page.replace('|', SCRIPT);
            assert_eq!(injected(&page.replace('|', "")), Some(expected), "{page}");
        }
    }

    #[test]
    fn the_client_is_placed_at_the_start_of_the_head_if_it_would_not_run_at_the_end() {
        for page in [
            "<html>|<frameset></frameset></html>",
            "<!doctype html>|<title>never closed",
            "<!doctype html>|<table><template></table>",
            "<html><head>|<base href='https://cdn.example/'></head><body></body></html>",
            "<html><head>|<base href='//cdn.example/'></head><body></body></html>",
        ] {
            let expected = page.replace('|', DEFERRED);
            assert_eq!(injected(&page.replace('|', "")), Some(expected), "{page}");
        }
        // A base on the same host is harmless.
        let page = "<html><head><base href='/docs/'></head><body>|</body></html>";
        let expected = page.replace('|', SCRIPT);
        assert_eq!(injected(&page.replace('|', "")), Some(expected));
    }

    #[test]
    fn no_module_is_placed_before_an_import_map() {
        let map = "<script type=' ImportMap '>{}</script>";
        for (page, is_whole, script) in [
            ("<head>MAP</head><body>|</body>", true, SCRIPT),
            // Where the client goes without a map, one follows.
            ("<head></head>MAP<p>|", true, SCRIPT),
            ("<body></body>MAP|", true, SCRIPT),
            ("<head></head>MAP|<title>never closed", true, DEFERRED),
            ("<head>MAP|<frameset></frameset>", true, DEFERRED),
            (
                "<head>|<base href='//cdn.example/'>MAP</head>",
                true,
                DEFERRED,
            ),
            ("<head><title>a</title>MAP|<p>", false, DEFERRED),
            // A map that has not arrived yet.
            ("<head>|<title>a</title></head>", false, DEFERRED),
            // Not maps of the page.
            ("<head>|</head><template>MAP</template>", true, SCRIPT),
            ("<head>|</head><svg>MAP</svg>", true, SCRIPT),
            ("<head>|</head><!-- MAP -->", true, SCRIPT),
        ] {
            let page = page.replace("MAP", map);
            let expected = page.replace('|', script);
            let inserted = insert(&page.replace('|', ""), &scripts(false, ""), is_whole);
            assert_eq!(inserted, Some(expected));
        }
    }

    #[test]
    fn a_response_to_a_post_request_is_marked_for_its_client() {
        let post = Scripts {
            is_post: true,
            ..scripts(false, "")
        };
        for (page, is_whole, client) in [
            ("<head>|</head><body>^</body>", true, SCRIPT),
            ("<head>|^<body>", false, DEFERRED),
            // The page has the client by itself.
            (
                "<head>|<script type=module src=/__pagewire__/client.js></script></head>^",
                true,
                "",
            ),
        ] {
            let expected = page.replace('|', &format!("{MARKER}{POST_TAG}"));
            let page = page.replace(['|', '^'], "");
            let inserted = insert(&page, &post, is_whole);
            assert_eq!(inserted, Some(expected.replace('^', client)));
        }
        assert_ne!(post.variant(), scripts(false, "").variant());
    }

    #[test]
    fn script_urls_include_the_base_path() {
        for is_whole in [true, false] {
            let text = insert("<html>", &scripts(true, "/app"), is_whole).unwrap();
            assert!(text.contains("src=\"/app/__pagewire__/client.js"));
            assert!(text.contains("src=\"/app/__pagewire__/recorder.js\""));
            assert_eq!(insert(&text, &scripts(true, "/app"), is_whole), None);
        }
    }

    #[test]
    fn html_without_any_tag_gets_the_client() {
        for page in [
            "",
            "text",
            "<h1>Hello</h1>",
            "<p>x",
            "<!-- <html> --><p>x",
            // The comment before the script ends this one.
            "<!-- open <html>",
            "<htmlx>",
            "\u{FEFF}<p>",
        ] {
            assert_eq!(injected(page), Some(format!("{page}{SCRIPT}")));
        }
    }

    #[test]
    fn pages_with_the_client_or_in_utf_16_are_unchanged() {
        for page in [
            "<html><script type=module src=/__pagewire__/client.js></script>",
            "<script type=module src='/__web-dev-server__web-socket.js'></script>",
        ] {
            assert_eq!(injected(page), None, "{page}");
        }
        for utf_16 in [b"\xFF\xFE<\0p\0", b"\xFE\xFF\0<\0p"] {
            let page = Bytes::from_static(utf_16);
            let inserted = insert_scripts(&page, &scan(&page), &scripts(true, ""), true);
            assert_eq!(inserted, None);
        }
    }

    #[test]
    fn the_client_is_not_placed_in_svg_or_math() {
        for page in [
            "<body><svg><title/><style/></svg>|</body>",
            "<body><svg><title>a</title><style>a > b</style></svg>|</body>",
            "<body><svg><desc><![CDATA[ </body> <title> ]]></desc></svg>|</body>",
            "<body><svg><foreignObject><p>a<p>b</p></foreignObject></svg><math><mi/></math>|</body>",
            // Ended by a tag of HTML.
            "<body><svg><p>|</body>",
            "<body><div><svg></div>|</body>",
        ] {
            let expected = page.replace('|', SCRIPT);
            assert_eq!(injected(&page.replace('|', "")), Some(expected));
        }
        // A script would be one of SVG, which ignores the attribute.
        for page in ["<body>|<svg><g></body>", "|<svg>", "|<math><mrow>"] {
            let page = page.replacen("<body>|", "|<body>", 1);
            let expected = page.replace('|', DEFERRED);
            assert_eq!(injected(&page.replace('|', "")), Some(expected));
        }
    }

    #[test]
    fn the_nonce_is_copied_from_the_policy_or_the_page() {
        let tag = |page: &str, policy: &str| {
            let page = inject(page, false, policy).unwrap();
            page.split("client.js\"")
                .nth(1)
                .unwrap()
                .split('>')
                .next()
                .unwrap()
                .to_owned()
        };
        let meta = "<html><meta http-equiv=Content-Security-Policy content=\"script-src 'self' 'nonce-bWV0YQ=='\">";
        assert_eq!(
            tag(
                "<html>",
                "default-src 'nonce-a'; script-src 'self' 'nonce-b+/='"
            ),
            " nonce=\"b+/=\""
        );
        assert_eq!(tag("<html>", "default-src 'nonce-a'"), " nonce=\"a\"");
        assert_eq!(tag("<html>", "script-src 'nonce-\"onload=x'"), "");
        assert_eq!(tag(meta, ""), " nonce=\"bWV0YQ==\"");
        assert_eq!(
            tag("<html><script nonce=abc></script>", ""),
            " nonce=\"abc\""
        );
        assert_eq!(tag("<html><script nonce='\"><b>'></script>", ""), "");
    }

    proptest! {
        #[test]
        fn injection_inserts_one_contiguous_piece(
            page in "(<!doctype html>|<html>|\u{FEFF}<body>|)(<(/)?(head|body|script|template|title|p|svg)( a=['\"]?)?>?|<!--|-->|é|\\PC| |\"){0,24}"
        ) {
            let once = injected(&page).unwrap();
            let piece = [SCRIPT, DEFERRED]
                .into_iter()
                .find(|piece| once.contains(piece))
                .unwrap();
            prop_assert_eq!(once.replacen(piece, "", 1), page);
            prop_assert_eq!(injected(&once), None);
        }
    }
}

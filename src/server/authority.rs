//! Turns the socket path that some clients send as `:authority` into a valid authority.
//!
//! The gRPC libraries of Python and Java name the server by the path of its socket file. A path is not an
//! authority (RFC 3986, section 3.2), and the HTTP/2 library resets such a request before we see it.
//! So the frames are inspected on their way to the library, and each byte that an authority must not
//! contain becomes a `-`. Nothing reads the value later: access is decided by the mode of the socket file.
//!
//! No length changes, so nothing has to be buffered and no frame rewritten. HPACK is not fully decoded: no
//! dynamic table is kept (a literal is rewritten before it enters the library's own table), strings are skipped
//! by their length, and Huffman-coded strings stay unchanged (both libraries send short values uncoded). After
//! anything unexpected the rest of the connection passes uninspected: protocol errors are left to the HTTP/2
//! library.

use super::tap::Tap;

/// Length of the connection preface (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = 24;

/// Frame types and flags (RFC 9113, sections 6.2 and 6.10).
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
const PRIORITY_BYTES: usize = 5;
const STREAM_ID_BYTES: usize = 4;

/// The name to look for, and its index in the static table (RFC 7541, appendix A).
const NAME: &[u8] = b":authority";
const NAME_INDEX: usize = 1;

/// Shift of the last continuation byte that an integer may have; this keeps integers below 2^29 (RFC 7541,
/// section 5.1).
const MAX_SHIFT: u32 = 21;

/// Byte-wise parser of one HTTP/2 connection, which rewrites authorities that are paths in place.
pub(super) struct AuthorityTap {
    /// Bytes to skip before the next part begins.
    skip: usize,
    /// None after something unexpected: the rest passes uninspected.
    part: Option<Part>,
    /// Position in the header block, which may continue in the next frame.
    field: Field,
    in_block: bool,
}

/// Part of a frame that the next byte belongs to.
#[derive(Clone, Copy)]
enum Part {
    /// Length, type and flags, with the number of bytes received.
    Head([u8; 5], usize),
    /// Length of the padding, with the bytes to skip after it.
    PadLength(Fragment, usize),
    Fragment(Fragment),
}

/// Fragment of a header block within one frame.
#[derive(Clone, Copy)]
struct Fragment {
    remaining: usize,
    padding: usize,
    ends_block: bool,
}

/// Position in a header block (RFC 7541, section 6).
#[derive(Clone, Copy, PartialEq)]
enum Field {
    /// Between two fields.
    Start,
    /// In an integer with continuation bytes: its value so far and the shift of the next seven bits.
    Integer(Integer, usize, u32),
    /// Before the length of a string.
    Length(Text),
    /// In a string, with the number of bytes that remain.
    Text(Text, usize),
}

/// Meaning of an integer.
#[derive(Clone, Copy, PartialEq)]
enum Integer {
    /// An indexed field or a size of the dynamic table: nothing follows.
    Standalone,
    /// Index of the name of the field whose value follows; 0 when the name is a string.
    Name,
    Length {
        text: Text,
        is_huffman: bool,
    },
}

/// Meaning of a string.
#[derive(Clone, Copy, PartialEq)]
enum Text {
    /// A name that equals `:authority` so far.
    Name,
    OtherName,
    Authority,
    /// The rest of an authority after its first slash: the value is a path.
    Path,
    OtherValue,
}

impl Default for AuthorityTap {
    fn default() -> Self {
        Self {
            skip: PREFACE_BYTES,
            part: Some(Part::Head([0; 5], 0)),
            field: Field::Start,
            in_block: false,
        }
    }
}

impl Tap for AuthorityTap {
    fn inspect(&mut self, mut bytes: &mut [u8]) {
        while let Some(part) = self.part {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            let Some((byte, rest)) = bytes[skipped..].split_first_mut() else {
                return;
            };
            self.part = self.step(part, byte);
            bytes = rest;
        }
    }
}

impl AuthorityTap {
    /// Consumes a byte and returns the part that the next one belongs to.
    fn step(&mut self, part: Part, byte: &mut u8) -> Option<Part> {
        match part {
            Part::Head(mut head, at) => {
                head[at] = *byte;
                if at + 1 < head.len() {
                    return Some(Part::Head(head, at + 1));
                }
                self.skip = STREAM_ID_BYTES;
                self.after_head(head)
            }
            Part::PadLength(mut fragment, skip) => {
                fragment.padding = usize::from(*byte);
                fragment.remaining = fragment.remaining.checked_sub(fragment.padding)?;
                self.skip = skip;
                self.continue_fragment(fragment)
            }
            Part::Fragment(mut fragment) => {
                self.field = self.field.step(byte)?;
                fragment.remaining -= 1;
                self.continue_fragment(fragment)
            }
        }
    }

    /// Returns the part that follows a frame's head (RFC 9113, section 4.1).
    fn after_head(&mut self, [high, middle, low, kind, flags]: [u8; 5]) -> Option<Part> {
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        // The frames of a block follow each other directly (RFC 9113, section 4.3).
        if self.in_block != (kind == CONTINUATION) {
            return None;
        }
        if kind != HEADERS && kind != CONTINUATION {
            self.skip += length;
            return Some(Part::Head([0; 5], 0));
        }
        self.in_block = true;
        let has = |flag| kind == HEADERS && flags & flag != 0;
        let priority = if has(PRIORITY) { PRIORITY_BYTES } else { 0 };
        let fragment = Fragment {
            remaining: length.checked_sub(priority + usize::from(has(PADDED)))?,
            padding: 0,
            ends_block: flags & END_HEADERS != 0,
        };
        if has(PADDED) {
            return Some(Part::PadLength(fragment, priority));
        }
        self.skip += priority;
        self.continue_fragment(fragment)
    }

    /// Returns the rest of a fragment, or the head of the frame after it.
    fn continue_fragment(&mut self, fragment: Fragment) -> Option<Part> {
        if fragment.remaining > 0 {
            return Some(Part::Fragment(fragment));
        }
        if fragment.ends_block && self.field != Field::Start {
            return None;
        }
        self.in_block = !fragment.ends_block;
        self.skip += fragment.padding;
        Some(Part::Head([0; 5], 0))
    }
}

impl Field {
    /// Consumes a byte and returns the position after it.
    fn step(self, byte: &mut u8) -> Option<Self> {
        match self {
            Self::Start => Some(match *byte {
                0x80.. => Integer::Standalone.begin(*byte, 0x7f),
                0x40.. => Integer::Name.begin(*byte, 0x3f),
                0x20.. => Integer::Standalone.begin(*byte, 0x1f),
                _ => Integer::Name.begin(*byte, 0x0f),
            }),
            Self::Length(text) => {
                let is_huffman = *byte & 0x80 != 0;
                Some(Integer::Length { text, is_huffman }.begin(*byte, 0x7f))
            }
            Self::Integer(integer, value, shift) => {
                let value = value + (usize::from(*byte & 0x7f) << shift);
                if *byte & 0x80 == 0 {
                    Some(integer.end(value))
                } else {
                    (shift < MAX_SHIFT).then_some(Self::Integer(integer, value, shift + 7))
                }
            }
            Self::Text(text, remaining) => {
                Some(text.step(byte, remaining).with_remaining(remaining - 1))
            }
        }
    }
}

impl Integer {
    /// Begins an integer with the bits of `mask` in its first byte. If all of them are set, it
    /// continues in the next byte.
    fn begin(self, byte: u8, mask: u8) -> Field {
        let value = byte & mask;
        if value < mask {
            self.end(value.into())
        } else {
            Field::Integer(self, value.into(), 0)
        }
    }

    /// Returns the position after an integer with this value.
    fn end(self, value: usize) -> Field {
        match self {
            Self::Standalone => Field::Start,
            Self::Name if value == 0 => Field::Length(Text::Name),
            Self::Name if value == NAME_INDEX => Field::Length(Text::Authority),
            Self::Name => Field::Length(Text::OtherValue),
            Self::Length { text, is_huffman } => match text {
                Text::Name if is_huffman || value != NAME.len() => Text::OtherName,
                Text::Authority if is_huffman => Text::OtherValue,
                text => text,
            }
            .with_remaining(value),
        }
    }
}

impl Text {
    /// Returns the position in this string, or after it when no bytes remain.
    fn with_remaining(self, remaining: usize) -> Field {
        match self {
            _ if remaining > 0 => Field::Text(self, remaining),
            Self::Name => Field::Length(Self::Authority),
            Self::OtherName => Field::Length(Self::OtherValue),
            Self::Authority | Self::Path | Self::OtherValue => Field::Start,
        }
    }

    /// Consumes the first of the `remaining` bytes of the string, and returns the string's meaning so far.
    /// Replaces the byte when an authority must not contain it.
    fn step(self, byte: &mut u8, remaining: usize) -> Self {
        let text = match (self, *byte) {
            (Self::Name, byte) if byte != NAME[NAME.len() - remaining] => Self::OtherName,
            (Self::Authority, b'/') => Self::Path,
            _ => self,
        };
        if matches!(text, Self::Authority | Self::Path) && !text.may_contain(*byte) {
            *byte = b'-';
        }
        text
    }

    /// Returns whether an authority may contain the byte (RFC 3986, section 3.2). Colons and brackets of
    /// a path are replaced too: they do not delimit a port or an address.
    fn may_contain(self, byte: u8) -> bool {
        match byte {
            b'!' | b'$' | b'&'..=b'.' | b';' | b'=' | b'_' | b'~' => true,
            b':' | b'@' | b'[' | b']' => self == Self::Authority,
            byte => byte.is_ascii_alphanumeric(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /// Returns the bytes after they went through the tap in pieces of this size.
    fn passed(bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let mut tap = AuthorityTap::default();
        for piece in bytes.chunks_mut(piece) {
            tap.inspect(piece);
        }
        bytes
    }

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
        [&[a, b, c, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn string(text: &[u8]) -> Vec<u8> {
        // Two continuation bytes are enough for the strings of these tests.
        let length = match text.len() {
            length @ ..0x7f => vec![length as u8],
            length => vec![
                0x7f,
                (length - 0x7f) as u8 | 0x80,
                ((length - 0x7f) >> 7) as u8,
            ],
        };
        [length.as_slice(), text].concat()
    }

    /// Returns the fields of a request: with a literal name as Python sends it, or an indexed one as Java
    /// does.
    fn fields(authority: &[u8], has_name: bool) -> Vec<u8> {
        let name = if has_name {
            [&[0x40], string(NAME).as_slice()].concat()
        } else {
            vec![0x41]
        };
        let other = string(b"user-agent%/");
        [
            &[0x3f, 0x01, 0x83],
            name.as_slice(),
            &string(authority),
            &[0x86, 0x00],
            &other,
            &other,
        ]
        .concat()
    }

    /// Returns connections with these fields in frames of every form, between frames of other types.
    fn connections(fields: &[u8]) -> Vec<Vec<u8>> {
        let settings = frame(4, 0, b"A\x01/");
        let data = frame(0, 1, b"\x41\x01/");
        let (first, last) = fields.split_at(fields.len() / 2);
        let padded = [&[3], fields, &[0; 3]].concat();
        let with_priority = [b"\0\0\0\0\x10", fields].concat();
        let with_both = [&[2], b"\0\0\0\0\x10".as_slice(), first, &[0; 2]].concat();
        [
            frame(HEADERS, END_HEADERS, fields),
            frame(HEADERS, END_HEADERS | PADDED, &padded),
            frame(HEADERS, END_HEADERS | PRIORITY, &with_priority),
            [
                frame(HEADERS, PADDED | PRIORITY, &with_both),
                frame(CONTINUATION, 0, b""),
                frame(CONTINUATION, END_HEADERS, last),
            ]
            .concat(),
            fields.iter().fold(frame(HEADERS, 0, b""), |frames, field| {
                [frames, frame(CONTINUATION, 0, &[*field])].concat()
            }),
        ]
        .map(|headers| [PREFACE, &settings, &headers, &data].concat())
        .to_vec()
    }

    #[test]
    fn a_path_becomes_an_authority_of_the_same_length() {
        let long = format!("/{}", "d/".repeat(300));
        for (path, authority) in [
            ("tmp%2Fpagewire.sock", "tmp-2Fpagewire.sock"),
            ("/tmp/pagewire.sock", "-tmp-pagewire.sock"),
            ("/a:b:[c@d]/e f\u{e9}", "-a-b--c-d--e-f--"),
            ("/it's-~(1).sock", "-it's-~(1).sock"),
            (&long, &long.replace('/', "-")),
        ] {
            for has_name in [false, true] {
                let sent = connections(&fields(path.as_bytes(), has_name));
                let expected = connections(&fields(authority.as_bytes(), has_name));
                for (sent, expected) in sent.iter().zip(expected) {
                    assert_eq!(passed(sent, 1), expected, "{path}, byte by byte");
                    assert_eq!(passed(sent, sent.len()), expected, "{path}, at once");
                }
            }
            assert!(
                axum::http::uri::Authority::try_from(authority).is_ok(),
                "{authority}"
            );
        }
    }

    #[test]
    fn every_request_of_a_connection_is_rewritten() {
        let request = |path| frame(HEADERS, END_HEADERS, &fields(path, true));
        let sent = [
            PREFACE,
            &request(b"/a"),
            &frame(0, 1, &[0; 3]),
            &request(b"/b"),
        ]
        .concat();
        let expected = [
            PREFACE,
            &request(b"-a"),
            &frame(0, 1, &[0; 3]),
            &request(b"-b"),
        ]
        .concat();
        assert_eq!(passed(&sent, 1), expected);
    }

    #[test]
    fn nothing_changes_after_a_malformed_frame() {
        let request = frame(HEADERS, END_HEADERS, &fields(b"/a", false));
        for malformed in [
            frame(CONTINUATION, END_HEADERS, b""),
            [frame(HEADERS, 0, b""), frame(0, 0, b"")].concat(),
            [frame(HEADERS, 0, b""), frame(HEADERS, 0, b"")].concat(),
            frame(HEADERS, PADDED, b""),
            frame(HEADERS, PADDED, &[1]),
            frame(HEADERS, PRIORITY, &[0; 4]),
            frame(HEADERS, END_HEADERS, &[0x41, 3, b'a']),
            frame(HEADERS, END_HEADERS, &[0xff, 0x80, 0x80, 0x80, 0x80]),
        ] {
            let sent = [PREFACE, &malformed, &request].concat();
            assert_eq!(passed(&sent, 1), sent, "{malformed:?}");
        }
    }

    #[test]
    fn huffman_coded_and_other_fields_stay_unchanged() {
        let huffman = [&[0x41, 0x82], b"//".as_slice()].concat();
        let name = [&[0x40], string(b":autoritas").as_slice(), &string(b"/a")].concat();
        let long_name = [&[0x00], string(b":authority2").as_slice(), &string(b"/a")].concat();
        let path = [&[0x44], string(b"/a").as_slice()].concat();
        for field in [huffman, name, long_name, path] {
            let sent = [PREFACE, &frame(HEADERS, END_HEADERS, &field)].concat();
            assert_eq!(passed(&sent, 1), sent);
        }
    }

    proptest! {
        #[test]
        fn the_result_does_not_depend_on_the_split_and_only_dashes_are_written(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            fields in proptest::collection::vec(any::<u8>(), 0..200),
            piece in 1..50_usize,
        ) {
            let sent = [PREFACE, &frame(HEADERS, END_HEADERS, &fields), &bytes].concat();
            let whole = passed(&sent, sent.len());
            prop_assert_eq!(&whole, &passed(&sent, piece));
            for (before, after) in sent.iter().zip(&whole) {
                prop_assert!(before == after || *after == b'-');
            }
        }

        #[test]
        fn a_valid_authority_passes_unchanged(
            authority in r"([a-zA-Z0-9._~!$&'()*+,;=-]{0,200}|\[[0-9a-f:]{2,40}\])(:[0-9]{1,5})?",
            has_name in any::<bool>(),
        ) {
            for sent in connections(&fields(authority.as_bytes(), has_name)) {
                prop_assert_eq!(passed(&sent, sent.len()), sent);
            }
        }
    }
}

//! Makes an authority of the path that some clients of a unix socket send as `:authority`.
//!
//! The gRPC libraries of Python and Java name the server by the path of its socket. That is no
//! authority (RFC 3986, section 3.2), and the HTTP/2 library resets such a request before anybody
//! sees it. So we look at the frames as they pass, and put a `-` in the place of each octet that an
//! authority cannot have. Nobody reads it afterwards: it is the socket's file that says who may
//! ask.
//!
//! No length changes, so nothing is held back and no frame is made anew. Nor is HPACK decoded:
//! there is no table here, strings are skipped by their length, and one in Huffman's code is left
//! alone (both libraries send short values as they are). After anything unexpected nothing is
//! looked at any more: what is right is for the HTTP/2 library to say.

use super::tap::Tap;

/// What a client's connection begins with (RFC 9113, section 3.4).
const PREFACE_OCTETS: usize = 24;

/// Types and flags of frames (RFC 9113, sections 6.2 and 6.10).
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
const PRIORITY_OCTETS: usize = 5;
const STREAM_ID_OCTETS: usize = 4;

/// The name we look for, and its index in the static table (RFC 7541, appendix A).
const NAME: &[u8] = b":authority";
const NAME_INDEX: usize = 1;

/// The last seven bits that an integer may have: it is below 2^29 then (RFC 7541, section 5.1).
const MAX_SHIFT: u32 = 21;

/// Watches one connection for authorities that are paths.
pub(super) struct AuthorityTap {
    /// Octets that pass before the part begins.
    skip: usize,
    /// None once something unexpected came.
    part: Option<Part>,
    /// Outlives its frame: a header block may go on in the next.
    field: Field,
    in_block: bool,
}

/// A part of a frame.
#[derive(Clone, Copy)]
enum Part {
    /// Length, type and flags; so many octets of them are there.
    Head([u8; 5], usize),
    PadLength(Fragment, usize),
    Fragment(Fragment),
}

/// A piece of a header block.
#[derive(Clone, Copy)]
struct Fragment {
    left: usize,
    padding: usize,
    ends_block: bool,
}

/// A place in a header block (RFC 7541, section 6).
#[derive(Clone, Copy, PartialEq)]
enum Field {
    /// Between two fields.
    Start,
    /// In an integer that goes on.
    Integer(Integer, usize, u32),
    /// Before a string's length.
    Length(Text),
    /// In a string, before so many octets of it.
    Text(Text, usize),
}

/// What an integer says.
#[derive(Clone, Copy, PartialEq)]
enum Integer {
    /// A field of the table, or the table's size: nothing follows.
    Alone,
    /// The name of the field whose value follows; 0 before a name that is written out.
    Name,
    Length {
        text: Text,
        is_coded: bool,
    },
}

/// What a string is.
#[derive(Clone, Copy, PartialEq)]
enum Text {
    /// A name that is ours so far.
    Name,
    OtherName,
    Authority,
    /// An authority, behind a slash.
    Path,
    OtherValue,
}

impl Default for AuthorityTap {
    fn default() -> Self {
        Self {
            skip: PREFACE_OCTETS,
            part: Some(Part::Head([0; 5], 0)),
            field: Field::Start,
            in_block: false,
        }
    }
}

impl Tap for AuthorityTap {
    fn inspect(&mut self, mut octets: &mut [u8]) {
        while let Some(part) = self.part {
            let skipped = self.skip.min(octets.len());
            self.skip -= skipped;
            let Some((octet, rest)) = octets[skipped..].split_first_mut() else {
                return;
            };
            self.part = self.step(part, octet);
            octets = rest;
        }
    }
}

impl AuthorityTap {
    /// The part that follows this octet.
    fn step(&mut self, part: Part, octet: &mut u8) -> Option<Part> {
        match part {
            Part::Head(mut head, at) => {
                head[at] = *octet;
                if at + 1 < head.len() {
                    return Some(Part::Head(head, at + 1));
                }
                self.skip = STREAM_ID_OCTETS;
                self.payload(head)
            }
            Part::PadLength(mut fragment, skip) => {
                fragment.padding = usize::from(*octet);
                fragment.left = fragment.left.checked_sub(fragment.padding)?;
                self.skip = skip;
                self.fragment(fragment)
            }
            Part::Fragment(mut fragment) => {
                self.field = self.field.step(octet)?;
                fragment.left -= 1;
                self.fragment(fragment)
            }
        }
    }

    /// What follows a frame's head (RFC 9113, section 4.1).
    fn payload(&mut self, [high, middle, low, kind, flags]: [u8; 5]) -> Option<Part> {
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        // A block is continued by the very next frame (RFC 9113, section 4.3).
        if self.in_block != (kind == CONTINUATION) {
            return None;
        }
        if kind != HEADERS && kind != CONTINUATION {
            self.skip += length;
            return Some(Part::Head([0; 5], 0));
        }
        self.in_block = true;
        let has = |flag| kind == HEADERS && flags & flag != 0;
        let priority = if has(PRIORITY) { PRIORITY_OCTETS } else { 0 };
        let fragment = Fragment {
            left: length.checked_sub(priority + usize::from(has(PADDED)))?,
            padding: 0,
            ends_block: flags & END_HEADERS != 0,
        };
        if has(PADDED) {
            return Some(Part::PadLength(fragment, priority));
        }
        self.skip += priority;
        self.fragment(fragment)
    }

    /// The rest of a fragment, or what follows it.
    fn fragment(&mut self, fragment: Fragment) -> Option<Part> {
        if fragment.left > 0 {
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
    /// The place behind this octet.
    fn step(self, octet: &mut u8) -> Option<Self> {
        match self {
            Self::Start => Some(match *octet {
                0x80.. => Integer::Alone.begin(*octet, 0x7f),
                0x40.. => Integer::Name.begin(*octet, 0x3f),
                0x20.. => Integer::Alone.begin(*octet, 0x1f),
                _ => Integer::Name.begin(*octet, 0x0f),
            }),
            Self::Length(text) => {
                let is_coded = *octet & 0x80 != 0;
                Some(Integer::Length { text, is_coded }.begin(*octet, 0x7f))
            }
            Self::Integer(integer, value, shift) => {
                let value = value + (usize::from(*octet & 0x7f) << shift);
                if *octet & 0x80 == 0 {
                    Some(integer.end(value))
                } else {
                    (shift < MAX_SHIFT).then_some(Self::Integer(integer, value, shift + 7))
                }
            }
            Self::Text(text, left) => Some(text.step(octet, left).before(left - 1)),
        }
    }
}

impl Integer {
    /// Its first octet has the bits of `mask` for it. All set: it goes on.
    fn begin(self, octet: u8, mask: u8) -> Field {
        let value = octet & mask;
        if value < mask {
            self.end(value.into())
        } else {
            Field::Integer(self, value.into(), 0)
        }
    }

    fn end(self, value: usize) -> Field {
        match self {
            Self::Alone => Field::Start,
            Self::Name if value == 0 => Field::Length(Text::Name),
            Self::Name if value == NAME_INDEX => Field::Length(Text::Authority),
            Self::Name => Field::Length(Text::OtherValue),
            Self::Length { text, is_coded } => match text {
                Text::Name if is_coded || value != NAME.len() => Text::OtherName,
                Text::Authority if is_coded => Text::OtherValue,
                text => text,
            }
            .before(value),
        }
    }
}

impl Text {
    /// The place with so many octets of this string to come.
    fn before(self, left: usize) -> Field {
        match self {
            _ if left > 0 => Field::Text(self, left),
            Self::Name => Field::Length(Self::Authority),
            Self::OtherName => Field::Length(Self::OtherValue),
            Self::Authority | Self::Path | Self::OtherValue => Field::Start,
        }
    }

    /// What the string is, now that this octet is known, with which so many are to come.
    fn step(self, octet: &mut u8, left: usize) -> Self {
        let is = match (self, *octet) {
            (Self::Name, octet) if octet != NAME[NAME.len() - left] => Self::OtherName,
            (Self::Authority, b'/') => Self::Path,
            _ => self,
        };
        if matches!(is, Self::Authority | Self::Path) && !is.may_have(*octet) {
            *octet = b'-';
        }
        is
    }

    /// RFC 3986, section 3.2. A path's own colons and brackets are not those of an authority.
    fn may_have(self, octet: u8) -> bool {
        match octet {
            b'!' | b'$' | b'&'..=b'.' | b';' | b'=' | b'_' | b'~' => true,
            b':' | b'@' | b'[' | b']' => self == Self::Authority,
            octet => octet.is_ascii_alphanumeric(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /// What comes out when the octets come in pieces of this size.
    fn passed(octets: &[u8], piece: usize) -> Vec<u8> {
        let mut octets = octets.to_vec();
        let mut tap = AuthorityTap::default();
        for piece in octets.chunks_mut(piece) {
            tap.inspect(piece);
        }
        octets
    }

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
        [&[a, b, c, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn string(text: &[u8]) -> Vec<u8> {
        // Long enough for all that the tests say, and never the prefix alone.
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

    /// A request as Python sends it, the name written out, or as Java does.
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

    /// The same fields in frames of every kind, between frames that are not looked into.
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
                let meant = connections(&fields(authority.as_bytes(), has_name));
                for (sent, meant) in sent.iter().zip(meant) {
                    assert_eq!(passed(sent, 1), meant, "{path}, octet by octet");
                    assert_eq!(passed(sent, sent.len()), meant, "{path}, at once");
                }
            }
            assert!(
                axum::http::uri::Authority::try_from(authority).is_ok(),
                "{authority}"
            );
        }
    }

    #[test]
    fn every_request_of_a_connection_is_looked_at() {
        let request = |path| frame(HEADERS, END_HEADERS, &fields(path, true));
        let sent = [
            PREFACE,
            &request(b"/a"),
            &frame(0, 1, &[0; 3]),
            &request(b"/b"),
        ]
        .concat();
        let meant = [
            PREFACE,
            &request(b"-a"),
            &frame(0, 1, &[0; 3]),
            &request(b"-b"),
        ]
        .concat();
        assert_eq!(passed(&sent, 1), meant);
    }

    #[test]
    fn after_what_is_not_understood_nothing_changes() {
        let request = frame(HEADERS, END_HEADERS, &fields(b"/a", false));
        for broken in [
            frame(CONTINUATION, END_HEADERS, b""),
            [frame(HEADERS, 0, b""), frame(0, 0, b"")].concat(),
            [frame(HEADERS, 0, b""), frame(HEADERS, 0, b"")].concat(),
            frame(HEADERS, PADDED, b""),
            frame(HEADERS, PADDED, &[1]),
            frame(HEADERS, PRIORITY, &[0; 4]),
            frame(HEADERS, END_HEADERS, &[0x41, 3, b'a']),
            frame(HEADERS, END_HEADERS, &[0xff, 0x80, 0x80, 0x80, 0x80]),
        ] {
            let sent = [PREFACE, &broken, &request].concat();
            assert_eq!(passed(&sent, 1), sent, "{broken:?}");
        }
    }

    #[test]
    fn huffman_code_and_other_fields_are_left_alone() {
        let coded = [&[0x41, 0x82], b"//".as_slice()].concat();
        let name = [&[0x40], string(b":autoritas").as_slice(), &string(b"/a")].concat();
        let long_name = [&[0x00], string(b":authority2").as_slice(), &string(b"/a")].concat();
        let path = [&[0x44], string(b"/a").as_slice()].concat();
        for field in [coded, name, long_name, path] {
            let sent = [PREFACE, &frame(HEADERS, END_HEADERS, &field)].concat();
            assert_eq!(passed(&sent, 1), sent);
        }
    }

    proptest! {
        #[test]
        fn only_octets_become_dashes_however_the_connection_is_cut(
            octets in proptest::collection::vec(any::<u8>(), 0..200),
            fields in proptest::collection::vec(any::<u8>(), 0..200),
            piece in 1..50_usize,
        ) {
            let sent = [PREFACE, &frame(HEADERS, END_HEADERS, &fields), &octets].concat();
            let whole = passed(&sent, sent.len());
            prop_assert_eq!(&whole, &passed(&sent, piece));
            for (before, after) in sent.iter().zip(&whole) {
                prop_assert!(before == after || *after == b'-');
            }
        }

        #[test]
        fn an_authority_passes_unchanged(
            authority in r"([a-zA-Z0-9._~!$&'()*+,;=-]{0,200}|\[[0-9a-f:]{2,40}\])(:[0-9]{1,5})?",
            has_name in any::<bool>(),
        ) {
            for sent in connections(&fields(authority.as_bytes(), has_name)) {
                prop_assert_eq!(passed(&sent, sent.len()), sent);
            }
        }
    }
}

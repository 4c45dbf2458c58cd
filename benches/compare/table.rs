//! The table: medians, their spread, and the ratio to each peer.

use crate::server::Peer;

/// What a value is.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    name: &'static str,
    better: Better,
}

impl Figure {
    /// One of which more is ahead.
    pub(crate) const fn more(name: &'static str) -> Self {
        let better = Better::More;
        Self { name, better }
    }

    /// One of which less is.
    pub(crate) const fn less(name: &'static str) -> Self {
        let better = Better::Less;
        Self { name, better }
    }
}

/// Which way is ahead.
#[derive(Clone, Copy)]
enum Better {
    More,
    Less,
}

/// One figure of one case: the values of each peer, in the order of the rounds.
pub(crate) struct Row {
    case: &'static str,
    figure: Figure,
    peers: &'static [Peer],
    pub(crate) values: Vec<Vec<f64>>,
}

impl Row {
    pub(crate) fn new(case: &'static str, figure: Figure, peers: &'static [Peer]) -> Self {
        Self {
            case,
            figure,
            peers,
            values: vec![Vec::new(); peers.len()],
        }
    }

    /// Whether one that is Pagewire could not do it.
    pub(crate) fn ours_failed(&self) -> bool {
        let mut columns = self.peers.iter().zip(&self.values);
        columns
            .any(|(peer, values)| peer.is_pagewire() && values.iter().any(|value| value.is_nan()))
    }

    fn values_of(&self, peer: Peer) -> Option<&[f64]> {
        let column = self.peers.iter().position(|known| *known == peer)?;
        Some(&self.values[column])
    }

    /// How far `ahead` is ahead of `behind`, in each round: what slows a whole round down goes out of it.
    fn ratios(&self, ahead: Peer, behind: Peer) -> Option<Sorted> {
        let ahead = self.values_of(ahead)?;
        let behind = self.values_of(behind)?;
        let ratios = ahead
            .iter()
            .zip(behind)
            .map(|(ahead, behind)| match self.figure.better {
                Better::More => ahead / behind,
                Better::Less => behind / ahead,
            });
        sorted(ratios)
    }
}

/// What the ratios of a table say.
#[derive(Clone, Copy)]
pub(crate) enum Ratios {
    /// How far Pagewire is ahead of each other peer.
    OfPagewire,
    /// How far each other peer is ahead of the ancestor.
    ToAncestor,
}

impl Ratios {
    /// What one above 1 means.
    pub(crate) fn say(self) -> &'static str {
        match self {
            Self::OfPagewire => "Pagewire is ahead of it",
            Self::ToAncestor => "it is ahead of the ancestor",
        }
    }

    /// The peer that has none, for the others are compared with it.
    fn base(self) -> Peer {
        match self {
            Self::OfPagewire => Peer::Pagewire,
            Self::ToAncestor => Peer::Ancestor,
        }
    }

    fn of(self, row: &Row, peer: Peer) -> Option<Sorted> {
        match self {
            _ if peer == self.base() => None,
            Self::OfPagewire => row.ratios(Peer::Pagewire, peer),
            Self::ToAncestor => row.ratios(peer, Peer::Ancestor),
        }
    }
}

/// Values in order.
struct Sorted(Vec<f64>);

/// None when there is no value, or one of them could not be had.
fn sorted(values: impl IntoIterator<Item = f64>) -> Option<Sorted> {
    let mut values: Vec<f64> = values.into_iter().collect();
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(Sorted(values))
}

impl Sorted {
    fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 {
            self.0[middle]
        } else {
            f64::midpoint(self.0[middle - 1], self.0[middle])
        }
    }

    fn spread(&self) -> String {
        let (least, most) = (short(self.0[0]), short(self.0[self.0.len() - 1]));
        if least == most {
            return String::new();
        }
        format!("({least}..{most})")
    }
}

/// Of several values of one run; none when there is none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    sorted(values).map(|values| values.median())
}

/// About three digits.
fn short(value: f64) -> String {
    match value {
        _ if value >= 10_000.0 => format!("{:.1} k", value / 1000.0),
        _ if value >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// What a row says of a peer: its median; with the spread of its ratios, or of its values if it has none.
/// A ratio above 1 means that who it is of is ahead, whatever the figure.
fn cell(row: &Row, peer: Peer, ratios: Ratios) -> String {
    let Some(values) = row.values_of(peer) else {
        return String::new();
    };
    if values.is_empty() {
        return "skipped".to_owned();
    }
    let Some(values) = sorted(values.iter().copied()) else {
        return "fails".to_owned();
    };
    let median = short(values.median());
    match ratios.of(row, peer) {
        Some(ratios) => {
            let ratio = short(ratios.median());
            format!("**{ratio} x** {} {median}", ratios.spread())
        }
        None => format!("{median} {}", values.spread()),
    }
}

/// Prints it as Markdown.
pub(crate) fn print(rows: &[Row], ratios: Ratios) {
    let mut peers: Vec<Peer> = Vec::new();
    for row in rows {
        for peer in row.peers {
            if !peers.contains(peer) {
                peers.push(*peer);
            }
        }
    }
    let mut lines = vec![vec!["case".to_owned(), "figure".to_owned()]];
    lines[0].extend(peers.iter().map(|peer| peer.name().to_owned()));
    for row in rows {
        let mut line = vec![row.case.to_owned(), row.figure.name.to_owned()];
        for peer in &peers {
            line.push(cell(row, *peer, ratios));
        }
        lines.push(line);
    }
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].len())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let show = |line: &[String]| {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!(" {cell:width$} |"));
        println!("|{}", cells.collect::<String>());
    };
    println!();
    show(&lines[0]);
    println!(
        "|{}",
        widths
            .iter()
            .map(|width| format!("{}|", "-".repeat(width + 2)))
            .collect::<String>()
    );
    lines[1..].iter().for_each(|line| show(line));
}

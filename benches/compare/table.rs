//! The result table: medians, their spread, and the ratio to each peer.

use crate::peers::Peer;

/// A measured quantity, with its unit.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    name: &'static str,
    better: Better,
}

impl Figure {
    /// A figure of which more is better.
    pub(crate) const fn more(name: &'static str) -> Self {
        let better = Better::More;
        Self { name, better }
    }

    /// A figure of which less is better.
    pub(crate) const fn less(name: &'static str) -> Self {
        let better = Better::Less;
        Self { name, better }
    }
}

#[derive(Clone, Copy)]
enum Better {
    More,
    Less,
}

/// One figure of one case.
pub(crate) struct Row {
    case: &'static str,
    figure: Figure,
    peers: &'static [Peer],
    /// The values of each peer, in the order of the rounds; NaN for a failed run.
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

    /// Whether a run of Pagewire failed.
    pub(crate) fn pagewire_failed(&self) -> bool {
        let mut columns = self.peers.iter().zip(&self.values);
        columns
            .any(|(peer, values)| peer.is_pagewire() && values.iter().any(|value| value.is_nan()))
    }

    fn values_of(&self, peer: Peer) -> Option<&[f64]> {
        let column = self.peers.iter().position(|known| *known == peer)?;
        Some(&self.values[column])
    }

    /// How far `peer` is ahead of `reference` in each round. A ratio per round cancels out what slows the
    /// whole round down.
    fn ratios(&self, peer: Peer, reference: Peer) -> Option<Sorted> {
        let values = self.values_of(peer)?;
        let references = self.values_of(reference)?;
        let ratios =
            values
                .iter()
                .zip(references)
                .map(|(value, reference)| match self.figure.better {
                    Better::More => value / reference,
                    Better::Less => reference / value,
                });
        sorted(ratios)
    }
}

/// What the ratios of a table compare.
#[derive(Clone, Copy)]
pub(crate) enum Ratios {
    /// How far Pagewire is ahead of each other peer.
    OfPagewire,
    /// How far each other peer is ahead of @web/dev-server.
    ToWebDevServer,
}

impl Ratios {
    /// The meaning of a ratio above 1.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::OfPagewire => "Pagewire is ahead of it",
            Self::ToWebDevServer => "it is ahead of @web/dev-server",
        }
    }

    /// The peer with which the others are compared.
    fn reference(self) -> Peer {
        match self {
            Self::OfPagewire => Peer::Pagewire,
            Self::ToWebDevServer => Peer::WebDevServer,
        }
    }

    fn of(self, row: &Row, peer: Peer) -> Option<Sorted> {
        match self {
            _ if peer == self.reference() => None,
            Self::OfPagewire => row.ratios(Peer::Pagewire, peer),
            Self::ToWebDevServer => row.ratios(peer, Peer::WebDevServer),
        }
    }
}

/// Values in ascending order, at least one, all finite.
struct Sorted(Vec<f64>);

/// `None` when there is no value, or one of them is not finite.
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
        let (min, max) = (
            format_short(self.0[0]),
            format_short(self.0[self.0.len() - 1]),
        );
        if min == max {
            return String::new();
        }
        format!("({min}..{max})")
    }
}

/// The median of the values; `None` when there is none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    sorted(values).map(|values| values.median())
}

/// Formats with about three digits.
fn format_short(value: f64) -> String {
    match value {
        _ if value >= 10_000.0 => format!("{:.1} k", value / 1000.0),
        _ if value >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A cell of the table: the ratio with its spread and the median, or, without a ratio, the median with the
/// spread of the values. A ratio above 1 means that the peer is ahead, whatever the figure.
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
    let median = format_short(values.median());
    match ratios.of(row, peer) {
        Some(ratios) => {
            let ratio = format_short(ratios.median());
            format!("**{ratio} x** {} {median}", ratios.spread())
        }
        None => format!("{median} {}", values.spread()),
    }
}

/// Prints the rows as a Markdown table.
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

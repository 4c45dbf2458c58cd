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

    /// Whether the first peer, which is Pagewire, could not do it.
    pub(crate) fn ours_failed(&self) -> bool {
        self.values[0].iter().any(|value| value.is_nan())
    }

    fn values_of(&self, peer: Peer) -> Option<&[f64]> {
        let column = self.peers.iter().position(|known| *known == peer)?;
        Some(&self.values[column])
    }

    /// The rounds' ratios: what slows a whole round down goes out of them.
    fn ratios(&self, peer: Peer) -> Option<Sorted> {
        let ours = self.values_of(Peer::Pagewire)?;
        let theirs = self.values_of(peer)?;
        let ratios = ours
            .iter()
            .zip(theirs)
            .map(|(ours, theirs)| match self.figure.better {
                Better::More => ours / theirs,
                Better::Less => theirs / ours,
            });
        sorted(ratios)
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
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        format!("({}..{})", short(least), short(most))
    }
}

/// About three digits.
fn short(value: f64) -> String {
    match value {
        _ if value >= 10_000.0 => format!("{:.1} k", value / 1000.0),
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// What a row says of a peer: its median; with the spread of the values of ours, of the ratios to
/// others. A ratio above 1 means that Pagewire is ahead, whatever the figure.
fn cell(row: &Row, peer: Peer) -> String {
    let Some(values) = row.values_of(peer) else {
        return String::new();
    };
    let Some(values) = sorted(values.iter().copied()) else {
        return "fails".to_owned();
    };
    let median = short(values.median());
    match row.ratios(peer) {
        Some(ratios) if peer != Peer::Pagewire => {
            let ratio = short(ratios.median());
            format!("**{ratio} x** {} {median}", ratios.spread())
        }
        _ => format!("{median} {}", values.spread()),
    }
}

/// Prints it as Markdown.
pub(crate) fn print(rows: &[Row]) {
    let mut peers: Vec<Peer> = vec![Peer::Pagewire];
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
            line.push(cell(row, *peer));
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

//! Counters of served HTML pages: with the socket client, and without it for each reason.

use std::sync::atomic::{AtomicU64, Ordering};

/// Reason why an HTML page was served without the socket client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithoutClient {
    /// The configuration disables injection.
    Disabled,
    /// No plugin requested the client.
    NotRequested,
    /// The request was not one for a page or a frame.
    NotNavigated,
    /// A plugin requested that its response is not changed.
    Verbatim,
    /// ASCII text cannot be inserted into the page's encoding.
    Encoding,
    /// The content coding of the response is unknown.
    ContentCoding,
}

impl WithoutClient {
    /// Each reason, at the index that is its discriminant.
    const ALL: [Self; 6] = [
        Self::Disabled,
        Self::NotRequested,
        Self::NotNavigated,
        Self::Verbatim,
        Self::Encoding,
        Self::ContentCoding,
    ];

    /// Returns the reason and its remedy, for people. `is_injecting` says whether pages get the client now.
    fn explanation(self, is_injecting: bool) -> &'static str {
        match self {
            Self::NotRequested if is_injecting => "before the client was injected (reload them)",
            Self::Disabled => "--inject is never (start pagewire with --inject always)",
            Self::NotRequested => {
                "no plugin requested it (run a plugin that does, or start pagewire with --inject always)"
            }
            Self::NotNavigated => {
                "fetched by a script or a program (open them in a browser, or send Accept: text/html)"
            }
            Self::Verbatim => "served verbatim by a plugin (change the plugin)",
            Self::Encoding => "encoded in UTF-16 (use UTF-8)",
            Self::ContentCoding => {
                "sent in an unknown content coding (let the plugin or backend use gzip, br or none)"
            }
        }
    }
}

/// Counters since the start.
#[derive(Default)]
pub(crate) struct PageCounts {
    with_client: AtomicU64,
    /// By the discriminant of the reason.
    without_client: [AtomicU64; WithoutClient::ALL.len()],
}

impl PageCounts {
    /// Counts a page that was served with the client (`Ok`) or without it.
    pub(crate) fn count(&self, outcome: Result<(), WithoutClient>) {
        let counter = match outcome {
            Ok(()) => &self.with_client,
            Err(reason) => &self.without_client[reason as usize],
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn with_client(&self) -> u64 {
        self.with_client.load(Ordering::Relaxed)
    }

    pub(crate) fn without_client(&self) -> u64 {
        self.reasons().map(|(_, count)| count).sum()
    }

    /// Explains why pages were served without the client: a sentence for each reason, the most frequent
    /// one first. If the configuration disables injection (`is_disabled`), even before there are pages.
    pub(crate) fn explanations(&self, is_injecting: bool, is_disabled: bool) -> Vec<String> {
        let applies = |reason, count| count > 0 || is_disabled && reason == WithoutClient::Disabled;
        let reasons = self
            .reasons()
            .filter(|(reason, count)| applies(*reason, *count));
        let mut reasons: Vec<_> = reasons.collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let sentences = reasons.into_iter().map(|(reason, count)| {
            let pages = match count {
                0 => "pages are".to_owned(),
                1 => "1 page was".to_owned(),
                count => format!("{count} pages were"),
            };
            let explanation = reason.explanation(is_injecting);
            format!("{pages} served without the client: {explanation}")
        });
        sentences.collect()
    }

    fn reasons(&self) -> impl Iterator<Item = (WithoutClient, u64)> {
        let counters = WithoutClient::ALL.into_iter().zip(&self.without_client);
        counters.map(|(reason, counter)| (reason, counter.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_and_explained_by_itself() {
        let counts = PageCounts::default();
        counts.count(Ok(()));
        for (times, reason) in WithoutClient::ALL.into_iter().enumerate() {
            for _ in 0..=times {
                counts.count(Err(reason));
            }
        }
        assert_eq!(counts.with_client(), 1);
        assert_eq!(counts.without_client(), 1 + 2 + 3 + 4 + 5 + 6);
        let explanations = counts.explanations(false, false);
        let expected = WithoutClient::ALL.into_iter().rev().zip((1..=6).rev());
        for (sentence, (reason, count)) in explanations.iter().zip(expected) {
            assert!(sentence.starts_with(&format!("{count} page")), "{sentence}");
            assert!(sentence.ends_with(reason.explanation(false)), "{sentence}");
        }
        assert_eq!(explanations.len(), WithoutClient::ALL.len());
        assert!(PageCounts::default().explanations(false, false).is_empty());
    }
}

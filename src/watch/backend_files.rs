//! Files that a backend writes, such as a log or a database: pages do not reload for them unless their answer
//! differs.
//!
//! A file that changes during a navigation or a writing request was probably written by the backend. A moment
//! after one, or while only pages request their own URL to see the effect of a change, it may as well have been
//! saved by the developer; so it counts as the backend's only when it changes with one request after another.

use crate::hub::BackendWrites;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Changes during requests, within [`REPEAT_TIME`], after which a file is the backend's. Default 3.
const MIN_CHANGES: u32 = 3;

/// See [`MIN_CHANGES`]. Default 5 s.
const REPEAT_TIME: Duration = Duration::from_secs(5);

/// Most files whose changes are counted. When there are more, all are forgotten. Default 1,024.
const MAX_FILES: usize = 1024;

/// Counts of changes during requests, by [`kind`] of file.
#[derive(Default)]
pub(super) struct BackendFiles(HashMap<String, Changes>);

struct Changes {
    count: u32,
    first: Instant,
}

impl BackendFiles {
    /// Counts changes of files, given by their URL paths. Returns whether the backend probably made all of
    /// them.
    pub(super) fn count<'a>(
        &mut self,
        paths: impl Iterator<Item = &'a str>,
        writes: Option<BackendWrites>,
    ) -> bool {
        let Some(writes) = writes else {
            // Someone else writes them too.
            for path in paths {
                self.0.remove(&kind(path));
            }
            return false;
        };
        let mut all = true;
        for path in paths {
            let is_repeated = self.count_one(path);
            all &= is_repeated || writes == BackendWrites::Likely;
        }
        all
    }

    fn count_one(&mut self, path: &str) -> bool {
        if self.0.len() >= MAX_FILES {
            self.0.clear();
        }
        let now = Instant::now();
        let changes = self.0.entry(kind(path)).or_insert(Changes {
            count: 0,
            first: now,
        });
        if changes.count < MIN_CHANGES && changes.first.elapsed() > REPEAT_TIME {
            *changes = Changes {
                count: 0,
                first: now,
            };
        }
        changes.count += 1;
        changes.count >= MIN_CHANGES
    }
}

/// Returns a path in which all words with digits are alike: those of sessions, uploads and rotated logs are
/// new each time.
fn kind(path: &str) -> String {
    let words = path.split_inclusive(|c: char| !c.is_alphanumeric());
    let words = words.map(|word| {
        let end = word.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
        if word.contains(|c: char| c.is_ascii_digit()) {
            format!("0{}", &word[end..])
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const POSSIBLE: Option<BackendWrites> = Some(BackendWrites::Possible);
    const LIKELY: Option<BackendWrites> = Some(BackendWrites::Likely);

    #[tokio::test(start_paused = true)]
    async fn a_file_that_changes_with_one_request_after_another_is_the_backends() {
        let mut files = BackendFiles::default();
        let mut count = |path, writes| files.count([path].into_iter(), writes);
        for expected in [false, false, true, true] {
            assert_eq!(count("/access.txt", POSSIBLE), expected);
        }
        for (path, expected) in [
            ("/sessions/4f2a.json", false),
            ("/sessions/99.json", false),
            ("/sessions/b1.json", true),
            ("/sessions/index.json", false),
        ] {
            assert_eq!(count(path, POSSIBLE), expected, "{path}");
        }
        // Also after a while, until it is saved without a request.
        advance(REPEAT_TIME * 100).await;
        assert!(count("/access.txt", POSSIBLE));
        assert!(!count("/access.txt", None));
        assert!(!count("/access.txt", POSSIBLE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_saved_now_and_then_during_requests_of_pages_is_not_the_backends() {
        let mut files = BackendFiles::default();
        for _ in 0..10 {
            assert!(!files.count(["/a.css"].into_iter(), POSSIBLE));
            assert!(!files.count(["/a.css", "/b.css"].into_iter(), POSSIBLE));
            advance(REPEAT_TIME + Duration::from_millis(1)).await;
        }
        assert!(files.count(["/a.css"].into_iter(), LIKELY));
    }

    #[test]
    fn the_number_of_files_is_bounded() {
        let mut files = BackendFiles::default();
        for number in 0..2 * MAX_FILES {
            // Letters only, so that each is a kind of its own.
            let name: String = number
                .to_string()
                .bytes()
                .map(|digit| char::from(digit - b'0' + b'a'))
                .collect();
            files.count([name.as_str()].into_iter(), POSSIBLE);
            assert!(files.0.len() <= MAX_FILES);
        }
    }
}

//! Responses that the failure of a plugin replaced, as pages and subscribers get them.

use super::heap::HeapSize;
use serde::Serialize;
use std::fmt;

/// Response that the failure of a plugin replaced.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct FailedResource {
    /// The plugin that failed.
    pub plugin: String,
    /// The hook that failed; none = the plugin is required, but not ready.
    pub hook: Option<FailedHook>,
    /// Path and query as requested, without the base path.
    pub url: String,
    /// HTTP status.
    pub status: u16,
    /// What the plugin reports, or what the daemon says of a call without an answer.
    pub message: String,
    /// The source file with the cause; empty = unknown.
    pub file: String,
    /// 1-based; 0 = unknown.
    pub line: u32,
    /// 1-based; 0 = unknown.
    pub column: u32,
    /// The lines around that position.
    pub frame: String,
    /// The call stack.
    pub stack: String,
    /// Whether it was requested as a script or a stylesheet: then the page shows the failure.
    #[serde(skip)]
    pub is_code: bool,
}

/// Hook that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailedHook {
    Serve,
    Transform,
    ResolveImport,
}

impl FailedHook {
    /// Returns the name in the page protocol and in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Transform => "transform",
            Self::ResolveImport => "resolve_import",
        }
    }
}

impl HeapSize for FailedResource {
    fn heap_size(&self) -> usize {
        let texts = [&self.plugin, &self.url, &self.message, &self.file];
        let more = [&self.frame, &self.stack];
        texts.into_iter().chain(more).map(String::heap_size).sum()
    }
}

/// Formats as what failed, why and where.
impl fmt::Display for FailedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hook = self.hook.map_or("not ready", FailedHook::name);
        let (plugin, url, message) = (&self.plugin, &self.url, &self.message);
        write!(f, "plugin {plugin} failed, {hook} of {url}: {message}")?;
        if !self.file.is_empty() {
            write!(f, " at {}:{}:{}", self.file, self.line, self.column)?;
        }
        Ok(())
    }
}

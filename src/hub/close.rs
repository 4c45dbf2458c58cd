//! How a connection ends.

/// Close frame of a connection, and why the connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    /// WebSocket close code.
    pub code: u16,
    /// At most 123 bytes.
    pub reason: String,
    pub cause: CloseCause,
}

/// Why a connection ended, as the event log reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseCause {
    /// The page closed it: it navigated, or its tab was closed.
    PageUnloaded,
    /// It broke without a close frame.
    ConnectionLost,
    /// Two pings went unanswered.
    NoPong,
    /// Two pings went unanswered, and the page had not even read them.
    Slow,
    /// A program requested it.
    ClosedByApi,
    /// The daemon is stopping.
    ServerStopping,
    /// The page violated the WebSocket protocol or one of the daemon's limits.
    ProtocolError,
}

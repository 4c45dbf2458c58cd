//! Tests of plugins: what a handler gets and returns, and a daemon of their own. Needs the feature `testing`.
//!
//! A handler is an ordinary function. [`request`], [`response`], [`imports`], [`message`], [`socket`] and
//! [`context`] make what it gets; `into_parts` of [`Content`](crate::Content), [`Change`](crate::Change),
//! [`Resolved`](crate::Resolved) and [`Failure`](crate::Failure), and [`failure`], show what it returned. A
//! [`Daemon`] is the real one, for the whole plugin.
//!
//! ```
//! use pagewire_client::{Content, HandlerResult, Request, testing::request};
//!
//! async fn serve(request: Request) -> HandlerResult<Content> {
//!     Ok(Content::text(format!("you asked for {}", request.path())))
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let content = serve(request("/a").build()).await?.into_parts();
//! assert_eq!(content.body, "you asked for /a");
//! assert_eq!(content.content_type, "text/plain");
//! # HandlerResult::Ok(()) }).unwrap();
//! ```

mod arguments;
mod daemon;
mod http;
mod process;
mod results;

pub use arguments::{
    ContextBuilder, MessageBuilder, RequestBuilder, ResponseBuilder, binary_message, client,
    context, imports, message, request, response, socket,
};
pub use daemon::{Daemon, RunningPlugin};
pub use http::HttpResponse;
pub use results::{ChangeParts, ContentParts, FailureParts, ResolvedParts, failure};

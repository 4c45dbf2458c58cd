//! The load generator: HTTP requests, and connected pages.

pub(crate) mod http;
mod pages;
mod requests;

pub(crate) use pages::Pages;
pub(crate) use requests::{CONNECTIONS, Exchange, Measurement, each, repeat};

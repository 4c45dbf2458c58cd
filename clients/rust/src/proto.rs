//! The contract as generated code: every message, and the raw gRPC client.
//!
//! For RPCs that the library does not cover. [`crate::Client::raw`] returns a connected
//! [`ControlServiceClient`](control_service_client::ControlServiceClient). The comments are those of
//! the `.proto` files.

// Generated code, with comments written for all languages.
#![allow(clippy::all, clippy::pedantic)]
#![allow(missing_docs, unreachable_pub, rustdoc::all)]

tonic::include_proto!("pagewire.v1");

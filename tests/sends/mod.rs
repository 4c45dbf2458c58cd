//! Sends from programs to pages: which pages are reached, and what is reported of the others.

mod payloads;
mod receipts;
mod targets;

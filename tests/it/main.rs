//! The only integration test binary: each one that links the SDK costs a minute and 100 MB.

// Tests unwrap; clippy.toml allows it in functions marked as tests only.
#![allow(clippy::unwrap_used)]

mod account;
mod cases;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod cli;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod daemon;
mod docs;
mod documents;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod git;
mod import;
mod legal;
mod metrics;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod notify;
mod places;
mod properties;
mod reconcile;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod sandbox;
#[cfg(feature = "daemon")]
mod serve;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod stores;
mod support;
mod watch;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod wire;

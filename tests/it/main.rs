//! The only integration test binary.

mod metrics;
#[cfg(feature = "daemon")]
mod serve;
mod support;

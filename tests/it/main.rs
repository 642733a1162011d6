//! The only integration test binary.

mod metrics;
mod support;

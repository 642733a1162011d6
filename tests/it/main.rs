//! The only integration test binary: each one that links the SDK costs a minute and 100 MB.

// Everything here is a test.
#![allow(clippy::unwrap_used)]

#[cfg(all(feature = "aws", feature = "daemon"))]
mod git;
mod support;

//! The only integration test binary: each one that links the SDK costs a minute and 100 MB.

mod documents;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod git;
//! The only integration test binary: one module per area.

#[cfg(all(feature = "aws", feature = "daemon"))]
mod sandbox;
mod support;

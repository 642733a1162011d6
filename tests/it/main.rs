mod documents;
//! The only integration test binary: each one that links the SDK costs a minute and 100 MB.

#[cfg(all(feature = "aws", feature = "daemon"))]
mod git;
mod support;

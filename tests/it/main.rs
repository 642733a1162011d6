//! The only integration test binary: one module per area.

#[cfg(all(feature = "aws", feature = "daemon"))]
mod sandbox;

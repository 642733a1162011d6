#[cfg(all(feature = "aws", feature = "daemon"))]
mod sandbox;

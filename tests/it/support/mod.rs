//! What the integration tests share.

#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod git_http;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod git_repo;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod git_ssh;

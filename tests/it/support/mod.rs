//! What the integration tests share.

#[cfg(feature = "daemon")]
pub mod collector;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod daemon;
pub mod fleet;
#[cfg(feature = "daemon")]
pub mod git_http;
#[cfg(feature = "daemon")]
pub mod git_repo;
#[cfg(feature = "daemon")]
pub mod git_ssh;
#[cfg(feature = "daemon")]
pub mod http;
pub mod looped;
#[cfg(feature = "daemon")]
pub mod receiver;

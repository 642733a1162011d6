//! What the integration tests share.

#[cfg(feature = "daemon")]
pub mod git_http;
#[cfg(feature = "daemon")]
pub mod git_repo;
#[cfg(feature = "daemon")]
pub mod git_ssh;

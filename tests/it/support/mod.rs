//! What the integration tests share.

pub mod fleet;
#[cfg(feature = "daemon")]
pub mod http;

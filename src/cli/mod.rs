//! The commands, one file each.

#[cfg(feature = "daemon")]
pub mod history;

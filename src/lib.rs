//! driftless keeps S3 buckets exactly as git says and policy demands.
//!
//! The modules read as the pipeline: a [`source`] gives documents, [`spec`] turns them into
//! values, [`desired`] says what each bucket should be, [`observed`] what it is, [`plan`]
//! (pure) the difference, [`apply`] removes it, [`report`] tells. [`reconcile`] joins them.

pub mod account;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod agent;
pub mod alertmanager;
pub mod apply;
pub mod board;
pub mod bucket;
pub mod capability;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod desired;
pub mod doc;
pub mod expression;
pub mod finding;
#[cfg(feature = "daemon")]
pub mod history;
pub mod import;
pub mod metrics;
pub mod notify;
pub mod observed;
pub mod past;
pub mod plan;
pub mod policy;
pub mod reconcile;
pub mod report;
#[cfg(feature = "daemon")]
pub mod sandbox;
#[cfg(feature = "daemon")]
pub mod serve;
pub mod setting;
pub mod settings;
pub mod source;
pub mod spec;
#[cfg(feature = "daemon")]
pub mod telemetry;
pub mod verdict;

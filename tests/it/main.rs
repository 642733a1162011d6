//! The integration tests: everything that is tested from outside.

mod documents;

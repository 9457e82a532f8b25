//! What the tool knows and decides about: values only, no I/O, no async.

pub mod credential;
pub mod customer;
pub mod failure;
pub mod health;
pub mod identity;
pub mod kind;
pub mod name;
pub mod outcome;
pub mod policy;
pub mod target;
pub mod version;

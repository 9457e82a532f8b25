//! What the tool knows and decides about: values only, no I/O, no async.

pub mod alert;
pub mod credential;
pub mod customer;
pub mod failure;
pub mod health;
pub mod identity;
pub mod kind;
pub mod name;
pub mod outcome;
pub mod policy;
pub mod receiver;
pub mod target;
pub mod version;

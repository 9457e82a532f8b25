//! Tells people what a run found: each receiver is a pure function from a digest to messages, and one place sends them.

pub mod condition;
pub mod digest;
pub mod example;
pub mod filter;
pub mod gather;
pub mod heartbeat;
pub mod message;
pub mod missed;
pub mod receiver;
pub mod remember;
pub mod send;
pub mod tell;
pub mod words;

mod alertmanager;
mod command;
mod email;
mod pager_duty;
mod slack;
mod teams;
mod webhook;

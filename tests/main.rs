//! One binary of integration tests: the real executable against the embedded services, over TLS, on loopback.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, reads what it likes, and prints its counts"
)]

mod support;
mod timelapse;

mod access;
mod alerts;
mod bad_input;
mod catalogue;
mod chaos;
mod clouds;
mod command_line;
mod consent;
mod crashes;
mod credentials;
mod customers;
mod doctor;
mod faults;
mod foreign;
mod house;
mod identity;
mod lifecycle;
mod limits;
mod nothing_lost;
mod pages;
mod partner_center;
mod recordings;
mod redaction;
mod report;
mod requests;
mod rotate;
mod sandbox;
mod signals;

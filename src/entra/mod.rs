//! Entra ID: requests and answers as values, and the one place that sends them.

pub mod answer;
pub mod catalogue;
pub mod claims;
pub mod client;
pub mod cloud;
pub mod preset;
pub mod request;
pub mod tenant;

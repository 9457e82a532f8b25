//! An Entra ID: the v2.0 token endpoint, discovery and signing keys.

mod answer;
pub mod certificate;
pub mod client;
pub mod directory;
pub(crate) mod jwt;
mod refusal;

pub(crate) use answer::answer;

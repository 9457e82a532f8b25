//! An Entra ID: the v2.0 token endpoint, the sign-in of people, discovery and signing keys.

mod answer;
pub mod certificate;
pub mod client;
pub mod directory;
pub(crate) mod jwt;
mod refusal;
pub mod sign_in;

pub(crate) use answer::answer;

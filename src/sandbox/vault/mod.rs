//! A Key Vault: secrets of the data plane, api-version 2025-07-01 and its neighbours.

mod answer;
mod list;
pub mod right;
pub mod store;

pub(crate) use answer::answer;

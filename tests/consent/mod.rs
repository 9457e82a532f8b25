//! The sign-in of a person, from the address in the terminal to the page in the browser and the version in the vault.

mod browser;
mod device;
pub(crate) mod import;
mod judgement;
mod listener;
mod paste;
mod race;

pub(crate) use import::import;

//! `rotator completions` and `rotator man`: what a shell and `man` know of the command line.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::command::{Usage, stdout};

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rotator", &mut text);
    stdout::print(&String::from_utf8_lossy(&text));
    0
}

/// Writes a page for each command into a folder, which must be there.
pub(super) fn man(folder: &Path) -> Result<u8, Usage> {
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| {
        Usage(format!("{}: {error}\n    fix: name a folder that is there and can be written to", folder.display()))
    })?;
    Ok(0)
}

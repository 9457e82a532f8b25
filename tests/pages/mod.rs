//! The pages: their links lead somewhere, their commands are commands, their configurations are right, and what they
//! promise happens.

mod links;
mod migrating;
mod recipes;
mod reference;

use std::path::{Path, PathBuf};

use clap::Parser as _;
use rotator::cli::Cli;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All pages, with their paths from the root.
fn pages() -> Vec<(String, String)> {
    fn files(folder: &Path) -> Vec<PathBuf> {
        let kept = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            !["target", ".git", "node_modules"].contains(&name.as_str())
        };
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(kept);
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }
    let pages = files(root()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "md"));
    let pages = pages.filter(|path| !path.starts_with(root().join("tests")));
    let mut pages: Vec<(String, String)> = pages
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().display().to_string().replace('\\', "/");
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    pages.sort();
    assert!(pages.len() > 15);
    pages
}

/// The blocks of a language on a page, without the indentation of a list.
fn blocks<'a>(page: &'a str, language: &'a str) -> impl Iterator<Item = String> + 'a {
    page.split("```").skip(1).step_by(2).filter_map(move |block| {
        let (first, text) = block.split_once('\n')?;
        let indent = text.lines().next()?.chars().take_while(|c| *c == ' ').count();
        let lines = text.lines().map(|line| line.get(indent..).unwrap_or_default());
        (first == language).then(|| lines.collect::<Vec<_>>().join("\n"))
    })
}

/// The configurations that are whole.
fn configurations() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, page) in pages() {
        all.extend(blocks(&page, "toml").filter(|text| text.contains("[[token]]")).map(|text| (name.clone(), text)));
    }
    all
}

/// The commands of rotator in these lines, as far as a shell or PowerShell ends them.
fn commands<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Vec<String>> {
    let each = lines.flat_map(|line| line.match_indices("rotator ").map(move |(at, _)| (&line[..at], &line[at..])));
    let each = each.filter(|(before, _)| {
        let before = before.trim_end();
        before.is_empty() || before.ends_with(['$', '|', '=', '('])
    });
    each.map(|(_, command)| {
        let end = command.find(['|', ')', '#', '<', ';', '…', '>']).unwrap_or(command.len());
        command[..end].split_whitespace().map(|word| word.trim_matches(['"', '\'', ',']).to_owned()).collect()
    })
    .collect()
}

/// In a block, where it is to be typed; of a transcript, what was.
fn typed(page: &str) -> Vec<Vec<String>> {
    let blocks = page.split("```").skip(1).step_by(2);
    commands(blocks.flat_map(|block| {
        let shown = block.starts_with("text");
        block.lines().filter(move |line| !shown || line.starts_with("$ "))
    }))
}

/// In the text, where the name of a command may stand for it.
fn named(page: &str) -> Vec<Vec<String>> {
    let prose: String = page.split("```").step_by(2).collect();
    let inline: Vec<String> = prose.split('`').skip(1).step_by(2).map(|code| code.replace('\n', " ")).collect();
    commands(inline.iter().map(String::as_str))
}

/// A word in capitals stands for something, and is taken where the command line takes anything.
#[test]
fn every_command_of_a_page_is_one() {
    use clap::error::ErrorKind::{
        DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion, InvalidValue, MissingRequiredArgument,
    };
    let (mut wrong, mut count) = (Vec::new(), 0);
    let mut check = |name: &str, command: Vec<String>, also: &[clap::error::ErrorKind]| {
        count += 1;
        if let Err(error) = Cli::try_parse_from(&command)
            && ![&[DisplayHelp, DisplayVersion], also].concat().contains(&error.kind())
        {
            wrong.push(format!("{name}: {}: {error}", command.join(" ")));
        }
    };
    for (name, page) in pages() {
        for command in typed(&page) {
            check(&name, command, &[]);
        }
        let also = [MissingRequiredArgument, InvalidValue, DisplayHelpOnMissingArgumentOrSubcommand];
        for command in named(&page) {
            check(&name, command, &also);
        }
    }
    println!("{count} commands");
    assert!(wrong.is_empty() && count > 100, "{count}: {}", wrong.join("\n"));
}

#[test]
fn every_whole_configuration_of_a_page_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rotator.toml");
    let all = configurations();
    assert!(all.len() >= 5, "{all:?}");
    for (name, text) in all {
        std::fs::write(&file, text).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rotator"));
        let output = command.env_clear().args(["config", "check", "--config"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

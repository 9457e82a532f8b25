//! A prepared world, the real binary in it, and what came out.

pub(crate) mod person;

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use rotator::report::{Report, Row};
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::seed::{self, Seed, VAULT};
use rotator::sandbox::setting::{self, Setting};
use rotator::sandbox::state::State;
use rotator::sandbox::{Sandbox, World};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const TOKEN: &str = "contoso-partner";

/// A token that is due.
pub(crate) fn due() -> Vec<Seed> {
    vec![Seed::new(TOKEN).days_old(8)]
}

/// A world and the configuration of its tokens.
pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    config: PathBuf,
    setting: &'static Setting,
    environment: Vec<(String, String)>,
}

impl Rig {
    pub(crate) async fn new(seeds: &[Seed]) -> Self {
        Self::with(seeds, |_| {}).await
    }

    /// With changes to the records before anything runs.
    pub(crate) async fn with(seeds: &[Seed], prepare: impl FnOnce(&mut State)) -> Self {
        Self::within(&setting::USUAL, seeds, prepare).await
    }

    /// In another setting than that of managed identity and client secret.
    pub(crate) async fn within(setting: &'static Setting, seeds: &[Seed], prepare: impl FnOnce(&mut State)) -> Self {
        let mut state = seed::state(seeds);
        (setting.prepare)(&mut state);
        prepare(&mut state);
        let sandbox = Sandbox::start(World::new(state)).await.unwrap();
        let text = sandbox.filled(&seed::config_of(seeds, setting, &sandbox.ca_file()));
        let config = sandbox.folder().join("rotator.toml");
        let rig = Self { config, sandbox, setting, environment: Vec::new() };
        rig.configure(&text);
        rig
    }

    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(&self.config, text).unwrap();
    }

    pub(crate) fn config_text(&self) -> String {
        std::fs::read_to_string(&self.config).unwrap()
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        &self.sandbox.world
    }

    pub(crate) fn fault(&self, rule: Rule) -> &Self {
        self.world().fault(rule);
        self
    }

    /// Lets requests wait, each until it is told to go on.
    pub(crate) fn pause(&self, on: impl FnOnce(Rule) -> Rule) -> Paused {
        let (sender, arrived) = mpsc::unbounded_channel();
        self.fault(on(Rule::new(Phase::Before, Fault::Pause(sender))));
        Paused(arrived)
    }

    /// Lets one request wait while the records change under it. The handle ends when that has happened.
    pub(crate) fn meanwhile<T: Send + 'static>(
        &self,
        on: impl FnOnce(Rule) -> Rule,
        act: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let mut paused = self.pause(|rule| on(rule).times(1));
        let world = Arc::clone(self.world());
        tokio::spawn(async move {
            let resume = paused.arrived().await;
            let done = act(&mut world.state());
            resume.send(()).unwrap();
            done
        })
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rotator"));
        command
            .env_clear()
            .envs(self.sandbox.environment_of(self.setting))
            .env("ROTATOR_CONFIG", &self.config)
            .envs(self.environment.iter().cloned())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(crate) async fn call(&self, arguments: &[&str]) -> Outcome {
        let output = soon(self.command(arguments).output()).await.unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// `rotator run` with these arguments, and its report.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        let arguments = [&["run", "--output", "json"], arguments].concat();
        let outcome = self.call(&arguments).await;
        let report = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
        Ran { outcome, report }
    }

    /// Runs once, and returns its only row.
    pub(crate) async fn run_one(&self, arguments: &[&str]) -> Row {
        self.run(arguments).await.only()
    }

    pub(crate) fn accepted(&self, secret: &str) -> bool {
        self.world().state().newest_is_accepted(VAULT, secret)
    }

    pub(crate) fn version_count(&self, secret: &str) -> usize {
        self.world().state().vault(VAULT).versions(secret).len()
    }

    pub(crate) fn newest_value(&self, secret: &str) -> String {
        self.world().state().vault(VAULT).newest(secret).unwrap().value.clone()
    }
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Requests that wait.
pub(crate) struct Paused(UnboundedReceiver<oneshot::Sender<()>>);

impl Paused {
    /// Waits for the next one. It goes on when it is sent to.
    pub(crate) async fn arrived(&mut self) -> oneshot::Sender<()> {
        soon(self.0.recv()).await.unwrap()
    }
}

/// A run and its report.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) report: Report,
}

impl Ran {
    pub(crate) fn only(mut self) -> Row {
        assert_eq!(self.report.tokens.len(), 1);
        assert_eq!(self.outcome.code, Some(i32::from(self.report.summary.exit_code)));
        self.report.tokens.remove(0)
    }

    pub(crate) fn row(&self, name: &str) -> &Row {
        self.report.tokens.iter().find(|row| row.name == name).unwrap()
    }
}

/// The text of all transcripts.
pub(crate) fn transcripts() -> String {
    let folder = std::fs::read_dir("tests/transcripts").unwrap();
    folder.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

/// The slug of a row's failure, or nothing.
pub(crate) fn kind(row: &Row) -> &str {
    row.failure.as_ref().map_or("", |failure| failure.kind.as_str())
}

/// What must happen soon, or the test has failed: nothing here may hang a whole run of tests.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(30), what).await.expect("this should have happened by now")
}

/// A terminal that a command writes to.
#[cfg(unix)]
pub(crate) struct Terminal;

/// The keyboard of a terminal that a command reads from.
#[cfg(unix)]
pub(crate) struct Keyboard(std::os::fd::OwnedFd);

#[cfg(unix)]
impl Keyboard {
    pub(crate) fn types(&self, text: &str) {
        rustix::io::write(&self.0, text.as_bytes()).unwrap();
    }
}

#[cfg(unix)]
impl Terminal {
    /// Gives a command a keyboard.
    pub(crate) fn of_stdin(command: &mut Command) -> Keyboard {
        let (master, terminal) = Self::open();
        command.stdin(Stdio::from(terminal));
        Keyboard(master)
    }

    /// Runs a command whose stdout is a terminal, and returns what that shows and the exit code.
    pub(crate) async fn play(command: &mut Command) -> (String, Option<i32>) {
        let (master, terminal) = Self::open();
        command.stdout(Stdio::from(terminal));
        Self::watch(command, master).await
    }

    /// The same for stderr.
    pub(crate) async fn of_stderr(command: &mut Command) -> (String, Option<i32>) {
        let (master, terminal) = Self::open();
        command.stderr(Stdio::from(terminal));
        Self::watch(command, master).await
    }

    fn open() -> (std::os::fd::OwnedFd, std::fs::File) {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let terminal = std::fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
        let size = rustix::termios::Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&terminal, size).unwrap();
        (master, terminal)
    }

    async fn watch(command: &mut Command, master: std::os::fd::OwnedFd) -> (String, Option<i32>) {
        let child = command.spawn().unwrap();
        // This side's copies of the terminal go, so that reading ends with the child.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let output = soon(child.wait_with_output()).await.unwrap();
        let shown = soon(tokio::task::spawn_blocking(move || {
            let (mut all, mut part) = (Vec::new(), [0; 4096]);
            while let Ok(length @ 1..) = rustix::io::read(&master, &mut part) {
                all.extend_from_slice(&part[..length]);
            }
            String::from_utf8_lossy(&all).into_owned()
        }));
        (shown.await.unwrap(), output.status.code())
    }
}

//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::access::form::Form;
use crate::config::Source;
use crate::report::Output;

/// Keeps delegated Entra ID refresh tokens in Azure Key Vault alive
///
/// Exit codes of `run` and `status`: 0 every token is safe, 2 usage or configuration (nothing was sent), 3 a person
/// must act, 4 try again later.
#[derive(Debug, Parser)]
#[command(name = "rotator", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub log: Log,
}

impl Cli {
    /// Reads the command line and its variables; ends the process where they are wrong, or ask for help.
    #[must_use]
    pub fn read() -> Self {
        let matches = Self::command().get_matches();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let mut last = &matches;
        while let Some((_, deeper)) = last.subcommand() {
            last = deeper;
        }
        cli.source.mark(last);
        cli
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Rotate what is due, probe what is not, report
    Run(Run),
    /// Show the health of every token from metadata alone: nothing is read, redeemed or changed
    Status(Status),
    /// Sign in once, with MFA, and store the refresh token
    Consent(Consent),
    /// Exchange a stored refresh token for an access token, and hand that over; nothing is stored
    Token(Token),
    /// Ask whether a token carries MFA: by its own claim, and by Partner Center's word
    Mfa(Mfa),
    /// Consent to the app in the tenants of a partner's customers (GDAP), list them, or take it back
    Customers {
        #[command(subcommand)]
        what: Customers,
    },
    /// Walk everything the job depends on, and name what is broken with its fix; nothing is stored
    Doctor(Doctor),
    /// Try the receivers of alerts, or see what they would be told
    Alert {
        #[command(subcommand)]
        what: Alert,
    },
    /// Take a token out of service: disable all its versions, and stop reporting it
    Retire(Retire),
    /// Print an example of the configuration, or its JSON Schema
    Config {
        #[command(subcommand)]
        what: ConfigWhat,
    },
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Write a page for man for each command
    Man {
        /// A folder that is there
        folder: PathBuf,
    },
    /// Run the job in an embedded world of Entra ID, Key Vault and managed identity on loopback
    #[cfg(feature = "sandbox")]
    Sandbox(Sandbox),
}

#[derive(Debug, Args)]
pub struct Run {
    /// Only these tokens, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Rotate whatever the age
    #[arg(long)]
    pub force: bool,
    /// Read metadata, say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Disable old versions that somebody else stored as well
    #[arg(long)]
    pub retire_foreign: bool,
    /// When the run must have ended
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = humantime::parse_duration, env = "ROTATOR_DEADLINE")]
    pub deadline: Duration,
    /// Form of the report on stdout
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// Write metrics to this file, for the textfile collector of Prometheus' node exporter
    #[arg(long, value_name = "FILE", env = "ROTATOR_METRICS_FILE")]
    pub metrics_file: Option<PathBuf>,
    /// Exit 3 on warnings as well: a token at `warn_before`, MFA missing, a right missing; exit 4 where somebody was not told
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub fail_on: Vec<FailOn>,
}

#[derive(Debug, Args)]
pub struct Status {
    /// Only these tokens, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// When the command must have ended
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration, env = "ROTATOR_DEADLINE")]
    pub deadline: Duration,
    /// Form of the report on stdout
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// Write metrics to this file, for the textfile collector of Prometheus' node exporter
    #[arg(long, value_name = "FILE", env = "ROTATOR_METRICS_FILE")]
    pub metrics_file: Option<PathBuf>,
    /// Speak as a plugin of Nagios: one line, performance data, exit codes 0 OK, 1 warning, 2 critical, 3 unknown
    #[arg(long, conflicts_with_all = ["output", "fail_on"])]
    pub nagios: bool,
    /// Exit 3 on warnings as well
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub fail_on: Vec<FailOn>,
}

#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
#[derive(Debug, Args)]
pub struct Consent {
    /// The token, by name
    pub name: String,
    /// Sign in on any machine, and paste the address that the browser ends at
    #[arg(long, conflicts_with_all = ["device_code", "import"])]
    pub paste: bool,
    /// Sign in on another device by a code; some Conditional Access policies end such tokens
    #[arg(long, conflicts_with = "import")]
    pub device_code: bool,
    /// Take over a refresh token from stdin
    #[arg(long)]
    pub import: bool,
    /// Have the password and MFA asked again, whatever session the browser has
    #[arg(long, conflicts_with_all = ["device_code", "import"])]
    pub fresh: bool,
    /// Print the address, and open no browser
    #[arg(long, conflicts_with_all = ["paste", "device_code", "import"])]
    pub no_browser: bool,
    /// The port that the browser comes back to; the first free one of 8400 to 8999 if absent
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), conflicts_with_all = ["device_code", "import"])]
    pub port: Option<u16>,
    /// Store the token without being asked
    #[arg(long)]
    pub yes: bool,
    /// With --import: say whether Entra ID accepts the token, and store nothing, such as for one that leaked
    #[arg(long, requires = "import", conflicts_with = "recover")]
    pub dry_run: bool,
    /// Accept a sign-in without MFA where the policy wants it
    #[arg(long)]
    pub allow_no_mfa: bool,
    /// Accept another user than the stored token's
    #[arg(long)]
    pub replace_identity: bool,
    /// Take back the deletion of the secret, if it was deleted
    #[arg(long)]
    pub recover: bool,
    /// How long the sign-in is waited for
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = humantime::parse_duration)]
    pub deadline: Duration,
}

#[derive(Debug, Args)]
pub struct Token {
    /// The refresh token, by name
    pub name: String,
    /// The API that the access token is for: arm, graph, partner-center, exchange, key-vault, aks, teams, manage, …
    ///
    /// Anything else is named by --scope
    #[arg(long = "for", value_name = "API")]
    pub api: Option<String>,
    /// The tenant that it is for: its id or a domain; the app's own if absent
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// How it is handed over
    #[arg(long, value_enum, value_name = "FORM", conflicts_with = "exec")]
    pub output: Option<Form>,
    /// Hand it over on a terminal as well
    #[arg(long, conflicts_with = "exec")]
    pub show: bool,
    /// Write it to a file that only its owner can read
    #[arg(long, value_name = "FILE", conflicts_with_all = ["show", "exec"])]
    pub out: Option<PathBuf>,
    /// Name of the variable, in forms that have one
    #[arg(long, value_name = "NAME", default_value = "ACCESS_TOKEN")]
    pub variable: String,
    /// When the command must have ended
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration, env = "ROTATOR_DEADLINE")]
    pub deadline: Duration,
    /// Run a command with the access token in its environment and nowhere else: --exec -- ./report.sh
    #[arg(long, requires = "command")]
    pub exec: bool,
    /// The command of --exec, and its arguments
    #[arg(last = true, value_name = "COMMAND", requires = "exec")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Mfa {
    /// The refresh token, by name
    pub name: String,
    /// When the command must have ended
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration, env = "ROTATOR_DEADLINE")]
    pub deadline: Duration,
}

#[derive(Debug, Subcommand)]
pub enum Customers {
    /// List the customers of the partner
    List(CustomerList),
    /// Consent to what [[apps.NAME.grants]] names
    Consent(CustomerConsent),
    /// Take the consent back
    Revoke(CustomerChoice),
}

#[derive(Debug, Args)]
pub struct CustomerList {
    /// The refresh token, by name
    pub name: String,
    /// Form of the list on stdout
    #[arg(long, value_enum, default_value_t)]
    pub output: PlainOutput,
    /// When the command must have ended
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = humantime::parse_duration, env = "ROTATOR_DEADLINE")]
    pub deadline: Duration,
}

#[derive(Debug, Args)]
pub struct CustomerConsent {
    #[command(flatten)]
    pub choice: CustomerChoice,
    /// Take a consent that is there back first, so that grants that were changed take effect
    #[arg(long)]
    pub renew: bool,
}

#[derive(Debug, Args)]
pub struct CustomerChoice {
    /// The refresh token, by name
    pub name: String,
    /// Customers: tenant ids, domains or company names
    #[arg(value_name = "CUSTOMER", required_unless_present = "all")]
    pub customers: Vec<String>,
    /// All customers
    #[arg(long, conflicts_with = "customers")]
    pub all: bool,
    /// Do it without being asked
    #[arg(long)]
    pub yes: bool,
    /// Form of the results on stdout
    #[arg(long, value_enum, default_value_t)]
    pub output: PlainOutput,
    /// How long the work may take; the same command goes on where it ended
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = humantime::parse_duration, env = "ROTATOR_DEADLINE")]
    pub deadline: Duration,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// Only these tokens and what they depend on, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Write the newest value of each secret again as a new version, to prove the right to
    #[arg(long)]
    pub write_probe: bool,
    /// When the command must have ended
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = humantime::parse_duration, env = "ROTATOR_DEADLINE")]
    pub deadline: Duration,
    /// Form of the findings on stdout
    #[arg(long, value_enum, default_value_t)]
    pub output: PlainOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PlainOutput {
    /// For a person at a terminal
    #[default]
    Text,
    /// One document
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Alert {
    /// Send a message that says that it is a test
    Test(AlertTest),
    /// Print what would be sent for an example of each severity; nothing is sent, and keys are left out
    Preview(AlertPreview),
}

#[derive(Debug, Args)]
pub struct AlertTest {
    /// The receiver, by name; all if absent
    pub receiver: Option<String>,
    /// When the command must have ended
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration, env = "ROTATOR_DEADLINE")]
    pub deadline: Duration,
}

#[derive(Debug, Args)]
pub struct AlertPreview {
    /// The receiver, by name; all if absent
    pub receiver: Option<String>,
}

#[derive(Debug, Args)]
pub struct Retire {
    /// The token, by name
    pub name: String,
    /// Do it without being asked
    #[arg(long)]
    pub yes: bool,
    /// When the command must have ended
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration, env = "ROTATOR_DEADLINE")]
    pub deadline: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Warning,
    Notify,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigWhat {
    /// Read the configuration, and say what is wrong with it or what it names; nothing is sent
    Check,
    /// A commented example with every key
    Example,
    /// The JSON Schema of the configuration file
    Schema,
    /// The JSON Schema of the report
    ReportSchema,
    /// The JSON Schema of what `doctor` finds
    DoctorSchema,
}

/// The sandbox.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub struct Sandbox {
    /// Leave it running after the job and print the settings for other clients
    #[arg(long)]
    pub keep: bool,
    /// The world to prepare; `list` shows all
    #[arg(long, value_name = "NAME", default_value = "demo")]
    pub scenario: String,
    /// A command of rotator to run there in place of the demonstration: -- run --output json
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logs")]
pub struct Log {
    /// Form of the log on stderr
    #[arg(long, value_enum, default_value_t, env = "ROTATOR_LOG_FORMAT", global = true)]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace, or parts as in rotator=debug
    #[arg(long, value_name = "LEVEL", default_value = "warn,rotator=info", env = "ROTATOR_LOG", global = true)]
    pub log_level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

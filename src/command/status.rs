//! `rotator status`: how long every token has to live, from metadata alone.

use std::sync::Arc;

use futures::future::join_all;

use crate::cli::{FailOn, Status as Arguments};
use crate::command::{Usage, connect, publish, stdout};
use crate::config::Source;
use crate::credential::proof;
use crate::model::credential::SecretSource;
use crate::model::failure::{Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::outcome::{Hold, Outcome, Verdict};
use crate::model::target::Target;
use crate::renew::{self, Inventory, Run, plan};
use crate::report::{self, Expiries, Facts, nagios};

pub(super) async fn status(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    match looked(source, arguments).await {
        // A plugin says on stdout what it cannot tell, and 3 is its word for that.
        Err(Usage(text)) if arguments.nagios => {
            stdout::print(&format!(
                "ROTATOR UNKNOWN - {}\n",
                text.lines().next().unwrap_or_default().replace('|', "/")
            ));
            Ok(UNKNOWN)
        }
        other => other,
    }
}

const UNKNOWN: u8 = 3;

async fn looked(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load()?;
    let targets = connect::chosen(&config, &arguments.only)?;
    let run = connect::connect(&config, arguments.deadline)?;
    let started = run.clock.now();
    let outcomes = join_all(targets.iter().map(|target| look(target, &run))).await;
    let expiries = credential_expiries(&targets, &run).await;
    let finished = run.clock.now();
    let report = report::report(Facts {
        run_id: &run.id,
        started,
        finished,
        fail_on_warning: arguments.fail_on.contains(&FailOn::Warning),
        fail_on_notify: false,
        is_whole_run: false,
        not_told: Vec::new(),
        tokens: targets.iter().zip(outcomes).collect(),
        apps: report::app::rows(&targets, &expiries, finished),
    });
    publish::metrics(&report, &config, arguments.metrics_file.as_deref());
    if arguments.nagios {
        let (text, code) = nagios::render(&report);
        stdout::print(&text);
        return Ok(code);
    }
    stdout::print(&report.render(arguments.output, stdout::style()));
    Ok(report.summary.exit_code)
}

/// When the credentials of the apps end, by the metadata of their secrets and the configuration. What cannot be found
/// out is not known.
async fn credential_expiries(targets: &[Arc<Target>], run: &Run) -> Expiries {
    let mut expiries = Expiries::new();
    for app in targets.iter().map(|target| &target.app) {
        if expiries.contains_key(&app.name) {
            continue;
        }
        let mut end = Some(proof::local_expiry(app).or(app.credential_expires));
        if let Some(SecretSource::Vault { vault, secret }) = app.credential.source()
            && let Some(vault) = run.vaults.get(&vault.name)
        {
            let seen = Inventory::glance(vault.as_ref(), secret).await;
            end = seen.ok().map(|seen| seen.newest().expires.or(app.credential_expires));
        }
        expiries.extend(end.map(|end| (app.name.clone(), end)));
    }
    expiries
}

async fn look(target: &Arc<Target>, run: &Run) -> Outcome {
    let failed = |cause| renew::unseen(Failure { stage: Stage::Inventory, cause });
    let Some(vault) = run.vaults.get(&target.vault.name) else {
        return failed(Cause::new(Kind::Panicked, format!("no connection to vault {}", target.vault.name)));
    };
    let mut inventory = match Inventory::glance(vault.as_ref(), &target.secret).await {
        Ok(inventory) => inventory,
        Err(cause) => return failed(cause),
    };
    inventory.issues_from_expiry(target.policy.expire_after);
    let mut outcome = renew::begin(target, &inventory, run.clock.now());
    let aside = plan::set_aside(inventory.newest(), target.suspended_until, run.clock.now());
    let is_aside = aside.is_some();
    outcome.verdict = Verdict::Held(aside.unwrap_or(Hold::Looked));
    if !is_aside && !inventory.newest().enabled {
        let cause = Cause::new(Kind::SecretDisabled, "the newest version is disabled");
        outcome.verdict = Verdict::Held(Hold::Disabled(Failure { stage: Stage::Inventory, cause }));
    }
    outcome
}

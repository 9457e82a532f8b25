//! `rotator customers`: the app in the tenants of a partner's customers.

use std::sync::Arc;

use crate::cli::{CustomerChoice, CustomerList, Customers as What, PlainOutput};
use crate::command::desk::Desk;
use crate::command::{DECLINED, Usage, connect, failed, question, signal, stdout};
use crate::config::Source;
use crate::model::customer::{self, Customer};
use crate::model::failure::{AtStage as _, Failure, Stage};
use crate::model::target::Target;
use crate::partner_center::customer::Act;
use crate::report::{customers as report, progress};
use crate::secret::AccessToken;

pub(super) async fn customers(source: &Source, what: &What) -> Result<u8, Usage> {
    match what {
        What::List(arguments) => list(source, arguments).await,
        What::Consent(arguments) if arguments.renew => each(source, &arguments.choice, Act::Renew).await,
        What::Consent(arguments) => each(source, &arguments.choice, Act::Consent).await,
        What::Revoke(choice) => each(source, choice, Act::Revoke).await,
    }
}

async fn list(source: &Source, arguments: &CustomerList) -> Result<u8, Usage> {
    let config = source.load_by_hand()?;
    let target = connect::named(&config, &arguments.name)?;
    let desk = Desk::prepare(connect::open(&config, arguments.deadline)?, Arc::clone(&target))?;
    let found = async { desk.partner_center(&desk.enter().await?).customers().await.at(Stage::Inspect) };
    match found.await {
        Ok(customers) => stdout::print(&match arguments.output {
            PlainOutput::Json => format!("{:#}\n", report::list_document(&customers)),
            PlainOutput::Text => report::list(&customers),
        }),
        Err(failure) => return Ok(failed(&failure, &target)),
    }
    Ok(0)
}

async fn each(source: &Source, choice: &CustomerChoice, act: Act) -> Result<u8, Usage> {
    let config = source.load_by_hand()?;
    let target = connect::named(&config, &choice.name)?;
    if act != Act::Revoke && target.app.grants.is_empty() {
        return Err(no_grants(&target));
    }
    if !choice.yes {
        question::attended()?;
    }
    let desk = Desk::prepare(connect::open(&config, choice.deadline)?, Arc::clone(&target))?;
    let entered = async {
        let access = desk.enter().await?;
        let chosen = chosen(&desk, &access, choice).await?;
        Ok((access, chosen))
    };
    let (access, chosen) = match entered.await {
        Ok(entered) => entered,
        Err(failure) => return Ok(failed(&failure, &target)),
    };
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(unclear) => {
            let text = format!("not the name of one customer: {}", unclear.join(", "));
            stdout::complain(&format!("{text}\n    fix: name them by id: rotator customers list {}", target.name));
            return Ok(UNCLEAR);
        }
    };
    if !choice.yes && !question::confirmed(&asked(&target, act, &chosen)).await {
        stdout::complain("nothing was changed");
        return Ok(DECLINED);
    }
    let deadline = &desk.connected.run.deadline;
    deadline.restart(choice.deadline);
    let listener = tokio::spawn(signal::end(deadline.clone()));
    let bar = progress::bar(chosen.len(), "customers");
    let done = |customer: &Customer| {
        bar.set_message(customer.name.clone());
        bar.inc(1);
    };
    let all = desk.partner_center(&access).each(&chosen, &target.app, act, done).await;
    bar.finish_and_clear();
    listener.abort();
    stdout::print(&match choice.output {
        PlainOutput::Json => format!("{:#}\n", report::document(&target, &all)),
        PlainOutput::Text => report::text(&target, &all),
    });
    Ok(customer::exit_code(&all))
}

/// Somebody must say which customers are meant.
const UNCLEAR: u8 = 3;
/// So many are named in the question, and more are counted.
const FEW: usize = 5;

fn no_grants(target: &Target) -> Usage {
    let app = &target.app.name;
    Usage(format!(
        "nothing says what customers are to grant app {app}\n    \
         fix: add [[apps.{app}.grants]] with api = \"graph\" and scopes = [\"Directory.Read.All\"]"
    ))
}

fn asked(target: &Target, act: Act, chosen: &[Customer]) -> String {
    let app = format!("app {} ({})", target.app.name, target.app.client_id);
    let grants: Vec<String> =
        target.app.grants.iter().map(|grant| format!("{} of {}", grant.scopes.join(", "), grant.api)).collect();
    let named: Vec<&str> = chosen
        .iter()
        .map(|customer| if customer.domain.is_empty() { customer.id.as_str() } else { &customer.domain })
        .collect();
    let there = match named.as_slice() {
        few @ [_, ..] if few.len() <= FEW => format!("in the tenants of {}?", few.join(", ")),
        _ => format!("in the tenants of {}?", report::counted(chosen.len())),
    };
    match act {
        Act::Revoke => format!("Take back the consent to {app} {there}"),
        Act::Consent | Act::Renew => format!("Grant {app} {} {there}", grants.join("; ")),
    }
}

/// The customers that were named, or the names that are nobody's or more than one's. All are looked up, so that no id is taken on trust.
async fn chosen(
    desk: &Desk,
    access: &AccessToken,
    choice: &CustomerChoice,
) -> Result<Result<Vec<Customer>, Vec<String>>, Failure> {
    let all = desk.partner_center(access).customers().await.at(Stage::Inspect)?;
    Ok(if choice.all { Ok(all) } else { customer::named(&all, &choice.customers) })
}

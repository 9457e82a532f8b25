//! What a person does at the sign-in, and customers that an app is consented to.

use time::Duration;

use super::Scenario;
use super::entra::{FABRIKAM, NORTHWIND};
use crate::sandbox::entra::directory::USER;
use crate::sandbox::entra::sign_in::{Decision, DeviceHabits, Person};
use crate::sandbox::seed::{CLIENT, VAULT};
use crate::sandbox::setting;
use crate::sandbox::state::State;

fn person(state: &mut State, decision: Decision) {
    state.directory.device_habits = DeviceHabits { interval: 1, then: Some((0, decision)), ..DeviceHabits::default() };
}

fn ada(mfa: bool) -> Decision {
    Decision::SignedIn(Person { user: USER.to_owned(), mfa })
}

fn customers(state: &mut State) {
    let consented: &[&str] =
        &["https://graph.microsoft.com", "https://outlook.office365.com", "https://management.azure.com"];
    state.directory.add_customer(FABRIKAM, "Fabrikam", "fabrikam.example", &[(CLIENT, consented)]);
    state.directory.add_customer(NORTHWIND, "Northwind", "northwind.example", &[]);
}

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("signs-in", "somebody signs in with MFA at another device").prepare(|state| {
        person(state, ada(true));
        state.vault(VAULT).secrets.remove("contoso-partner");
    }),
    Scenario::new("signs-in-without-mfa", "somebody signs in without MFA at another device")
        .prepare(|state| person(state, ada(false))),
    Scenario::new("declines", "somebody declines the sign-in at another device")
        .prepare(|state| person(state, Decision::Declined)),
    Scenario::new("does-not-come", "nobody signs in before the code for another device expires").prepare(|state| {
        state.directory.device_habits =
            DeviceHabits { lifetime: Duration::seconds(1), interval: 1, ..DeviceHabits::default() };
    }),
    Scenario::new("customers", "a partner with two customers: one that consented, and one that did not")
        .within(&setting::PARTNER)
        .prepare(customers),
    Scenario::new("no-relationship", "a partner whose relationship with one of two customers has ended")
        .within(&setting::PARTNER)
        .prepare(|state| {
            customers(state);
            if let Some(customer) = state.directory.customers.get_mut(NORTHWIND) {
                customer.unrelated = true;
            }
        }),
];

//! The customers of a partner, and what becomes of the consent to an app in their tenants.

use crate::model::failure::Failure;
use crate::model::kind::Remedy;

/// A customer's tenant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Customer {
    pub id: String,
    pub name: String,
    pub domain: String,
}

/// What became of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Given,
    /// It was there already.
    Present,
    Revoked,
    /// There was none.
    Absent,
}

/// A customer and what became of it.
#[derive(Debug)]
pub struct Tried {
    pub customer: Customer,
    /// Nothing where the time was over before its turn.
    pub result: Option<Result<Consent, Failure>>,
}

impl Tried {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match &self.result {
            Some(Ok(Consent::Given)) => "consented",
            Some(Ok(Consent::Present)) => "present",
            Some(Ok(Consent::Revoked)) => "revoked",
            Some(Ok(Consent::Absent)) => "absent",
            Some(Err(_)) => "failed",
            None => "untried",
        }
    }

    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.result.as_ref()?.as_ref().err()
    }
}

/// 3 where a person must act, else 4 where it may be tried again.
#[must_use]
pub fn exit_code(all: &[Tried]) -> u8 {
    let failures = || all.iter().filter_map(Tried::failure);
    let untried = all.iter().any(|tried| tried.result.is_none());
    match () {
        () if failures().any(|failure| failure.remedy() != Remedy::Retry) => 3,
        () if untried || failures().next().is_some() => 4,
        () => 0,
    }
}

/// The customers that were named by id, else domain, else company name, each once.
///
/// # Errors
/// The names that are nobody's or more than one customer's.
pub fn named(all: &[Customer], names: &[String]) -> Result<Vec<Customer>, Vec<String>> {
    let (mut found, mut unclear): (Vec<Customer>, Vec<String>) = (Vec::new(), Vec::new());
    let parts: [fn(&Customer) -> &str; 3] = [|one| &one.id, |one| &one.domain, |one| &one.name];
    for name in names {
        let of_part = |part: &fn(&Customer) -> &str| -> Vec<&Customer> {
            all.iter().filter(|known| !name.is_empty() && part(known).eq_ignore_ascii_case(name)).collect()
        };
        let matches = parts.iter().map(of_part).find(|matches| !matches.is_empty()).unwrap_or_default();
        match matches.as_slice() {
            [one] if found.iter().any(|other| other.id == one.id) => {}
            [one] => found.push((*one).clone()),
            _ => unclear.push(name.clone()),
        }
    }
    if unclear.is_empty() { Ok(found) } else { Err(unclear) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_goes_before_a_domain_and_a_domain_before_a_name() {
        let customer =
            |id: &str, domain: &str, name: &str| Customer { id: id.into(), domain: domain.into(), name: name.into() };
        let all = [
            customer("1", "a.example", "b.example"),
            customer("2", "b.example", "Twins"),
            customer("3", "c.example", "Twins"),
        ];
        let ids = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            named(&all, &names).map(|found| found.into_iter().map(|customer| customer.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(&["B.example", "2", "1"]), Ok(vec!["2".to_owned(), "1".to_owned()]));
        assert_eq!(ids(&["Twins", "nobody", "3"]), Err(vec!["Twins".to_owned(), "nobody".to_owned()]));
    }
}

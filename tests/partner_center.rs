//! Partner Center: whether it sees MFA.

use crate::support::{Rig, TOKEN, due};
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::Seed;

#[tokio::test]
async fn mfa_is_asked_by_the_tokens_claim_and_by_partner_centers_word() {
    for (mfa, code, word) in [(true, 0, "yes"), (false, 3, "no")] {
        let seed = Seed::new(TOKEN).days_old(8);
        let rig = Rig::new(&[if mfa { seed } else { seed.without_mfa() }]).await;
        let outcome = rig.call(&["mfa", TOKEN]).await;
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        for line in ["own claim (amr)", "Partner Center (isMfaCompliant)"] {
            assert!(outcome.stdout.contains(&format!("{line}: {word}\n")), "{}", outcome.stdout);
        }
        assert_eq!(outcome.stdout.contains("→ sign in again"), !mfa);
        assert_eq!(rig.version_count(TOKEN), 1);
    }
}

#[tokio::test]
async fn a_partner_center_that_does_not_say_is_not_taken_for_either() {
    let rig = Rig::with(&due(), |state| state.directory.quirks.silent_on_mfa = true).await;
    let outcome = rig.call(&["mfa", TOKEN]).await;
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("(isMfaCompliant): it does not say"), "{}", outcome.stdout);
}

#[tokio::test]
async fn a_passing_failure_is_tried_again() {
    let rig = Rig::new(&due()).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::PartnerCenter).times(2));
    let outcome = rig.call(&["mfa", TOKEN, "--log-level", "trace"]).await;
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    crate::redaction::check("mfa", &outcome, &crate::redaction::secrets(&rig));
}

//! The requests of one rotation, by route and in order: the path makes none that it does not need. The page on architecture shows
//! the same list.

use crate::support::{Rig, TOKEN, due};
use rotator::sandbox::seed::Seed;

const ROTATION: &str = "\
GET /secrets/contoso-partner/versions 401
GET /msi/token 200
GET /secrets/contoso-partner/versions 200
GET /secrets/partner-client-secret/ 200
GET /secrets/contoso-partner/ 200
POST /00000000-0000-0000-0000-000000000001/oauth2/v2.0/token 200
POST /00000000-0000-0000-0000-000000000001/oauth2/v2.0/token 200
GET /secrets/contoso-partner/ 200
PUT /secrets/contoso-partner 200
GET /secrets/contoso-partner/{version} 200
GET /secrets/contoso-partner/versions 200";

#[tokio::test]
async fn of_a_rotation_with_one_version() {
    let rig = Rig::new(&due()).await;
    rig.run_one(&[]).await;
    assert_eq!(rig.world().journal().lines().join("\n"), ROTATION);
    let page = include_str!("../docs/architecture.md");
    for line in ROTATION.lines() {
        let shown = line.replace("00000000-0000-0000-0000-000000000001", "{tenant}");
        assert!(page.contains(&shown), "docs/architecture.md does not show: {shown}");
    }
}

#[tokio::test]
async fn of_a_rotation_with_60_versions() {
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(8).older(59)], |state| {
        let versions = &mut state.vault(rotator::sandbox::seed::VAULT).secret_mut(TOKEN).versions;
        versions.iter_mut().take(58).for_each(|version| version.enabled = false);
    })
    .await;
    rig.run_one(&[]).await;
    let lines = rig.world().journal().lines();
    let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    // Two more pages in each of the two lists, and one old version to disable.
    assert_eq!(lines.len(), ROTATION.lines().count() + 5, "{lines:#?}");
    assert_eq!((count("/versions 200"), count("PATCH ")), (6, 1));
}

#[tokio::test]
async fn of_a_probe() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(1)]).await;
    rig.run_one(&[]).await;
    let lines = rig.world().journal().lines();
    assert_eq!(lines, ROTATION.lines().take(6).collect::<Vec<_>>());
}

//! The national clouds and custom ones: one key leads to the right authority.

use crate::support::{Rig, TOKEN, due};
use rotator::report::OutcomeName;
use rotator::sandbox::seed::VAULT;

#[tokio::test]
async fn each_cloud_is_asked_at_its_own_authority() {
    let clouds = [
        ("cloud = \"public\"", "login.microsoftonline.com", "contoso-kv.vault.azure.net"),
        ("cloud = \"us-government\"", "login.microsoftonline.us", "contoso-kv.vault.usgovcloudapi.net"),
        ("cloud = \"china\"", "login.partner.microsoftonline.cn", "contoso-kv.vault.azure.cn"),
        ("authority = \"https://login.custom-cloud.example\"", "login.custom-cloud.example", VAULT),
    ];
    for (line, authority, vault) in clouds {
        let rig = Rig::with(&due(), |state| {
            let records = state.vaults.remove(VAULT).unwrap();
            state.vaults.insert(vault.to_owned(), records);
        })
        .await;
        let text = rig.config_text().replace(VAULT, vault);
        rig.configure(&text.replace("tenant_id = ", &format!("{line}\ntenant_id = ")));
        let row = rig.run_one(&[]).await;
        assert_eq!(row.outcome, OutcomeName::Rotated, "{line}: {:?}", row.failure);
        let hosts: Vec<String> = rig.world().journal().entries().iter().map(|entry| entry.host.clone()).collect();
        let unexpected = hosts.iter().find(|host| ![authority, vault, "identity"].contains(&host.as_str()));
        assert_eq!(unexpected, None, "{line}");
        assert!(rig.world().state().newest_is_accepted(vault, TOKEN));
        let audiences: Vec<String> = rig.world().state().access.values().map(|grant| grant.audience.clone()).collect();
        let suffix = vault.split_once('.').unwrap().1;
        assert_eq!(audiences, [format!("https://{suffix}")]);
    }
}

#[tokio::test]
async fn two_vaults_each_with_its_own_tokens() {
    let other = "emea-kv.vault.azure.net";
    let rig = Rig::with(&due(), |state| {
        let mut records = rotator::sandbox::vault::store::Vault::default();
        let secret = state.vault(VAULT).secrets.remove(TOKEN).unwrap();
        records.secrets.insert(TOKEN.to_owned(), secret);
        state.vaults.insert(other.to_owned(), records);
    })
    .await;
    let table = format!(
        "[vaults.emea]\nurl = \"https://{other}\"\ncredential = \"managed-identity\"\n\n[[token]]\nvault = \"emea\""
    );
    rig.configure(&rig.config_text().replace("[[token]]", &table));
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, row.vault.as_str()), (OutcomeName::Rotated, other));
}

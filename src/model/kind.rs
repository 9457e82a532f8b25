//! Every way the job can fail: a stable slug, the class of its remedy, and the fix. One table, no catch-all.

/// What must be done about a failure, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Nothing: it passes, the next run tries again.
    Retry,
    /// A person signs in again.
    Reconsent,
    /// A client secret, certificate or managed identity is renewed or repaired.
    FixCredential,
    /// An administrator grants a right, a consent or an exception from a policy.
    GrantAccess,
    /// The configuration, or the stored value it points at, is corrected.
    FixConfig,
}

impl Remedy {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Reconsent => "reconsent",
            Self::FixCredential => "fix-credential",
            Self::GrantAccess => "grant-access",
            Self::FixConfig => "fix-config",
        }
    }
}

macro_rules! kinds {
    ($($variant:ident $slug:literal $remedy:ident $hint:expr;)*) => {
        /// The kind of a failure. The slug is part of the public contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($variant,)* }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The kind of this slug, if there is one.
            #[must_use]
            pub fn of_slug(slug: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.slug() == slug)
            }

            /// The stable name that scripts and alerts go by.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            #[must_use]
            pub const fn remedy(self) -> Remedy {
                match self { $(Self::$variant => Remedy::$remedy,)* }
            }

            /// The fix, with `{vault}`, `{secret}`, `{name}`, `{tenant}`, `{client_id}` and `{scope}` to be filled in.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint,)* }
            }
        }
    };
}

/// How a person replaces a refresh token that is lost.
pub const SIGN_IN_AGAIN: &str = "sign in again as the same user, with MFA: rotator consent {name}";
const WAIT: &str = "nothing to do: the stored token is untouched and the next run tries again";
const NEW_SECRET: &str = "make a new client secret (az ad app credential reset --id {client_id} --append) and store its value where \
    the configuration points; the refresh token is still good, nobody needs to sign in";
const GRANT_ROLE: &str = "give the job's identity a role with the data actions getSecret, setSecret, readMetadata and update (docs/configuration.md, \
    Rights): az role assignment create --assignee <principal id> --role <role> --scope <vault resource id>";
const SHOW_SECRET: &str = "look at the secret: az keyvault secret list-versions --vault-name {vault} --name {secret}";

kinds! {
    VaultUnauthorized      "vault.unauthorized"        FixCredential "the vault did not accept the job's access token: check that [vault] url and the identity belong to the same tenant";
    VaultRbac              "vault.forbidden.rbac"      GrantAccess   GRANT_ROLE;
    VaultPolicy            "vault.forbidden.policy"    GrantAccess   "az keyvault set-policy --name {vault} --object-id <principal id> --secret-permissions get set list";
    VaultFirewall          "vault.forbidden.firewall"  GrantAccess   "let the job's network in: az keyvault network-rule add --name {vault} --ip-address <outbound address>";
    VaultForbidden         "vault.forbidden"           GrantAccess   GRANT_ROLE;
    SecretMissing          "vault.secret.missing"      FixConfig     "correct `secret` in the configuration, or sign in for the first time: rotator consent {name}";
    SecretDeleted          "vault.secret.deleted"      FixConfig     "az keyvault secret recover --vault-name {vault} --name {secret}; or sign in anew, and recover it with that: rotator consent {name} --recover";
    SecretDisabled         "vault.secret.disabled"     FixConfig     "someone disabled the newest version; if that was not meant: az keyvault secret set-attributes --vault-name {vault} --name {secret} --enabled true";
    VaultConflict          "vault.conflict"            Retry         WAIT;
    VaultThrottled         "vault.throttled"           Retry         WAIT;
    VaultUnavailable       "vault.unavailable"         Retry         WAIT;
    VaultRejected          "vault.rejected"            FixConfig     SHOW_SECRET;
    VaultChallenge         "vault.challenge"           FixConfig     "the answer came from something that is not this Key Vault: check [vault] url and the cloud it belongs to";
    VaultAnswer            "vault.answer"              Retry         "something between the job and the vault changed the answer: check HTTPS_PROXY and the network; the next run tries again";
    ValueEmpty             "vault.value.empty"         FixConfig     SIGN_IN_AGAIN;
    ValueTooLong           "vault.value.too-long"      FixConfig     "Key Vault stores up to 25 KB, so this is no refresh token; sign in for the right one: rotator consent {name}";
    ReadBack               "vault.read-back"           Retry         "the version before is untouched and enabled; the next run tries again";
    IdentityUnassigned     "identity.unassigned"       FixCredential "assign the managed identity to this host, or correct `identity_client_id`: az identity show --name <identity> --resource-group <group> --query clientId";
    IdentityUnavailable    "identity.unavailable"      Retry         "the managed identity endpoint did not answer: outside Azure there is none; the next run tries again";
    IdentityUnsupported    "identity.unsupported"      FixConfig     "this host has a managed identity of a kind that the Azure SDK for Rust does not speak yet (Arc, Cloud Shell, Service Fabric, Machine Learning); run on Container Apps, App Service, Functions, AKS or a virtual machine";
    IdentityRefused        "identity.refused"          FixCredential "Entra ID refused what the job signs in to the vault with; check the tenant, the client id and its secret, certificate or federation: rotator doctor";
    IdentityCredential     "identity.credential"       FixCredential "what the job signs in to the vault with cannot be used: correct client_secret or certificate of [vault], or AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH";
    IdentityCli            "identity.cli"              FixCredential "install the Azure CLI and sign in to the vault's tenant: az login";
    FederationFile         "federation.token-file"     FixCredential "the pod has no token of its service account: label it azure.workload.identity/use: \"true\", and let this user read the file that AZURE_FEDERATED_TOKEN_FILE names";
    FederationRefused      "federation.refused"        FixCredential "the pipeline may not issue this token: GitHub Actions needs `permissions: id-token: write`, Azure Pipelines a service connection that this pipeline is allowed to use";
    FederationAnswer       "federation.answer"         Retry         WAIT;
    ClockSkew              "clock.skew"                FixConfig     "set this machine's clock: timedatectl set-ntp true";
    NetworkDns             "network.dns"               Retry         "the name does not resolve: check the host name in the configuration and the DNS of this machine";
    NetworkRefused         "network.refused"           Retry         "nothing listens there: check the address, the firewall and HTTPS_PROXY";
    NetworkTls             "network.tls"               FixConfig     "the certificate is not trusted: where a proxy or firewall inspects TLS, add its root to [network] ca_file";
    NetworkTlsExpired      "network.tls.expired"       FixConfig     "the certificate is outside its time: check this machine's clock first (timedatectl), then the proxy or firewall that sent it";
    NetworkTlsName         "network.tls.name"          FixConfig     "the certificate is for another host: something stands between, such as a captive portal or a wrong DNS answer; check HTTPS_PROXY and the DNS of this machine";
    NetworkTimeout         "network.timeout"           Retry         WAIT;
    NetworkReset           "network.reset"             Retry         WAIT;
    NetworkProxy           "network.proxy"             Retry         "the proxy did not connect: allow the host there, set NO_PROXY, or wait until the other side is back";
    NetworkProxyLogin      "network.proxy-login"       FixConfig     "put the proxy's user and password into HTTPS_PROXY, as in http://user:password@proxy:3128";
    AppSecretMissing       "app.secret.missing"        FixConfig     "correct `credential` in [apps], or store the client secret or certificate there: az keyvault secret set --vault-name {vault} --name {secret} --file <file>";
    AppSecretEnv           "app.secret.env"            FixConfig     "set the environment variable that the configuration names for the app's credential";
    AppSecretFile          "app.secret.file"           FixConfig     "make the file that the configuration names for the app's credential readable for this user";
    AppSecretEmpty         "app.secret.empty"          FixConfig     "store the app's client secret or certificate where the configuration points; the refresh token is still good, nobody needs to sign in";
    AppCertificate         "app.certificate"           FixCredential "store one PEM text with the certificate and its unencrypted RSA key where the configuration points; in Key Vault make the certificate with the content type application/x-pem-file: az keyvault certificate create";
    EntraExpired           "entra.expired"             Reconsent     SIGN_IN_AGAIN;
    EntraSinglePage        "entra.single-page"         Reconsent     SIGN_IN_AGAIN;
    EntraRevoked           "entra.revoked"             Reconsent     SIGN_IN_AGAIN;
    EntraSignInFrequency   "entra.sign-in-frequency"   Reconsent     SIGN_IN_AGAIN;
    EntraSession           "entra.session"             Reconsent     SIGN_IN_AGAIN;
    EntraDevice            "entra.device"              Reconsent     SIGN_IN_AGAIN;
    EntraBadToken          "entra.bad-token"           Reconsent     SIGN_IN_AGAIN;
    EntraProof             "entra.proof"               Reconsent     "the stored token is untouched and the next run tries again; if this stays, sign in again: rotator consent {name}";
    EntraCode              "entra.code"                Reconsent     SIGN_IN_AGAIN;
    EntraMfa               "entra.mfa"                 Reconsent     SIGN_IN_AGAIN;
    EntraPolicy            "entra.policy"              GrantAccess   "Entra admin center > Protection > Conditional Access > Sign-in logs: find the policy by the correlation id and exclude the account or this host";
    EntraConsent           "entra.consent"             GrantAccess   "az ad app permission admin-consent --id {client_id}";
    EntraResource          "entra.resource"            FixConfig     "correct `scope` ({scope}), or add the API to the app: az ad app permission list --id {client_id}";
    EntraScope             "entra.scope"               FixConfig     "correct `scope` in the configuration: one resource, as in https://api.partnercenter.microsoft.com/user_impersonation";
    EntraSecretInvalid     "entra.client-secret.invalid" FixCredential NEW_SECRET;
    EntraSecretExpired     "entra.client-secret.expired" FixCredential NEW_SECRET;
    EntraSecretMissing     "entra.client-secret.missing" FixCredential "the app is a confidential client: give it a `credential` in the configuration, { secret = { vault_secret = \"NAME\" } } or a certificate";
    EntraPublicClient      "entra.client.public"       FixCredential "the app registration is a public client, which sends no credential: set credential = \"none\", or use a Web redirect: Entra admin center > App registrations > Authentication";
    EntraAssertion         "entra.assertion"           FixCredential "check the certificate of the app: az ad app credential list --id {client_id} --cert";
    EntraFederation        "entra.federation"          FixCredential "check issuer, subject and audience: az ad app federated-credential list --id {client_id}";
    EntraApp               "entra.app"                 FixConfig     "correct client_id or tenant_id in [apps]: az ad app show --id {client_id}";
    EntraTenant            "entra.tenant"              FixConfig     "correct tenant_id ({tenant}), or `cloud` where the tenant lives in another one";
    EntraUser              "entra.user"                GrantAccess   "the account was removed, blocked or locked: Entra admin center > Users; restore it, or sign in again as another user";
    EntraThrottled         "entra.throttled"           Retry         WAIT;
    EntraUnavailable       "entra.unavailable"         Retry         WAIT;
    EntraRequest           "entra.request"             FixConfig     "Entra ID did not understand the request: check scope, tenant_id and client_id, then look the code up at https://login.microsoftonline.com/error?code=<number>";
    EntraRefusedGrant      "entra.refused.grant"       Reconsent     SIGN_IN_AGAIN;
    EntraRefusedClient     "entra.refused.client"      FixCredential "check what the app proves itself with (az ad app credential list --id {client_id}): rotator doctor; the refresh token is still good";
    EntraUnknown           "entra.unknown"             FixConfig     "look the code up, and open a support request with the correlation id: https://entra.microsoft.com > Learn & support";
    EntraAnswer            "entra.answer"              Retry         "something between the job and Entra ID changed the answer: check HTTPS_PROXY and the network; the next run tries again";
    NoRefreshToken         "entra.answer.no-refresh-token" FixConfig "the app must be allowed offline_access: az ad app permission list --id {client_id}; the stored token is untouched";
    SameRefreshToken       "entra.answer.same-refresh-token" FixConfig "the authority gave the same refresh token back, so nothing was renewed: check that `authority` is an Entra ID; the stored token is untouched";
    AnswerTooLong          "entra.answer.too-long"     FixConfig     "the new refresh token does not fit into Key Vault's 25 KB; the stored token is untouched";
    TenantContradiction    "identity.contradiction.tenant" FixConfig "the stored token belongs to another tenant than the configuration says; correct tenant_id, or sign in for the right token: rotator consent {name}";
    UserContradiction      "identity.contradiction.user"   FixConfig "the token now belongs to another user; if that is meant, set user_id in the configuration; if not, find out who wrote it: az keyvault secret list-versions --vault-name {vault} --name {secret}";
    AppContradiction       "identity.contradiction.app"    FixConfig "the token was issued to another app than client_id ({client_id}) says; correct the configuration";
    AccessTenant           "access.tenant"             FixConfig     "name the tenant by its id: rotator token {name} --for graph --tenant <id>";
    AccessAudience         "access.audience"           FixConfig     "name the API by --for, or its resource by --scope https://<resource>/.default";
    ConsentListener        "consent.listener"          FixConfig     "free a port, name one (rotator consent {name} --port 8500), or do without: rotator consent {name} --paste";
    ConsentTimeout         "consent.timeout"           Reconsent     "start again, with more time if that is what it takes: rotator consent {name} --deadline 30m";
    ConsentDeclined        "consent.declined"          Reconsent     "nothing was stored; start again: rotator consent {name}";
    ConsentExpired         "consent.expired"           Reconsent     "start again for a new code: rotator consent {name} --device-code";
    ConsentMfa             "consent.mfa"               Reconsent     "sign in again with MFA (rotator consent {name} --fresh); only if nothing asks for it: rotator consent {name} --allow-no-mfa";
    PartnerCenterMfa       "partner-center.mfa"        Reconsent     "Partner Center wants MFA, and renewing a token does not add it; sign in again as the same user, with MFA: rotator consent {name}";
    PartnerCenterRefused   "partner-center.refused"    GrantAccess   "the user needs a role in Partner Center (AdminAgents or SalesAgent), and the app the delegated permission user_impersonation of Microsoft Partner Center: az ad app permission list --id {client_id}";
    PartnerCenterCustomer  "partner-center.customer"   GrantAccess   "Partner Center does this only with an active GDAP relationship (Global, Privileged Role or Cloud Application Administrator), for a user in AdminAgents and in that relationship's security group: Partner Center > Customers > Admin relationships";
    PartnerCenterUnavailable "partner-center.unavailable" Retry      "nothing to do: it passes, try again later";
    PartnerCenterAnswer    "partner-center.answer"     Retry         "something between the job and Partner Center changed the answer: check HTTPS_PROXY and the network, then try again";
    NotifyAddress          "notify.address"            FixConfig     "correct the address of the receiver: https, or http on this machine; try it: rotator alert test";
    NotifyRefused          "notify.refused"            FixConfig     "the receiver does not take it: correct its address or key, then try it: rotator alert test";
    NotifyUnavailable      "notify.unavailable"        Retry         "nothing to do: the next run tells it again";
    NotifyMail             "notify.mail"               FixConfig     "correct smtp, username, password, from and to of the receiver, then try it: rotator alert test";
    NotifyCommand          "notify.command"            FixConfig     "the program of the receiver must be there and end with 0; try it: rotator alert test";
    Deadline               "run.deadline"              Retry         "give it more time, by --deadline 10m";
    Interrupted            "run.interrupted"           Retry         "start it again";
    Panicked               "run.panicked"              FixConfig     "this is a bug of rotator: run again with --log-level debug and report what it prints; other tokens are not affected";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn slugs_are_distinct_and_hints_are_filled() {
        let slugs: HashSet<&str> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(!kind.hint().is_empty(), "{}", kind.slug());
        }
    }
}

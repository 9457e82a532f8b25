//! What became of one token in one run.

use time::OffsetDateTime;

use crate::model::alert::Before;
use crate::model::failure::Failure;
use crate::model::health::Health;
use crate::model::identity::Mfa;
use crate::model::kind::{Kind, Remedy};
use crate::model::version::VersionId;

/// One token's result. There is exactly one for every token of a run.
#[derive(Debug)]
pub struct Outcome {
    pub verdict: Verdict,
    /// The newest version as far as it is known.
    pub version: Option<VersionId>,
    /// The version that was replaced.
    pub previous: Option<VersionId>,
    /// When the token in `version` was issued.
    pub issued: Option<OffsetDateTime>,
    pub mfa: Mfa,
    /// How many versions the secret has.
    pub versions: Option<usize>,
    pub retired: Vec<VersionId>,
    pub user_id: Option<String>,
    /// What a person should know though nothing failed.
    pub notes: Vec<Note>,
    /// What people were told of it before, where the newest version could be looked at.
    pub before: Before,
}

impl Outcome {
    #[must_use]
    pub fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            version: None,
            previous: None,
            issued: None,
            mfa: Mfa::Unknown,
            versions: None,
            retired: Vec::new(),
            user_id: None,
            notes: Vec::new(),
            before: Before::Unknown,
        }
    }
}

#[derive(Debug)]
pub enum Verdict {
    /// A new token was stored.
    Rotated,
    /// Not due; the stored token was redeemed and is accepted.
    Probed,
    /// Nothing was done.
    Held(Hold),
    /// Someone else stored a version meanwhile, which stays the newest.
    Superseded,
    /// The newest value was damaged; the version before was renewed in its place.
    Recovered,
    Failed(Failure),
}

impl Verdict {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Probed => "probed",
            Self::Held(_) => "held",
            Self::Superseded => "superseded",
            Self::Recovered => "recovered",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether the run redeemed it and Entra ID took it.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self, Self::Rotated | Self::Probed | Self::Recovered)
    }

    /// Whether nobody needs to be told of this token, whatever its age.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        matches!(self, Self::Held(Hold::Suspended(_) | Hold::Retired(_)))
    }
}

/// Why nothing was done.
#[derive(Debug)]
pub enum Hold {
    /// Not due, and the policy does not probe.
    NotDue,
    /// Only looked at.
    Looked,
    /// `--dry-run`: this is what would have been done.
    DryRun(&'static str),
    /// The run ended before this token's turn.
    NoTime(Failure),
    /// A person disabled the newest version.
    Disabled(Failure),
    /// Its owner said in the configuration that it is left alone until then.
    Suspended(OffsetDateTime),
    /// It was taken out of service then.
    Retired(OffsetDateTime),
}

/// What a person should know though nothing failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The access token says that the sign-in had no MFA, and the policy wants it.
    MfaMissing,
    /// Nothing tells whose token it is: it was stored unchecked.
    IdentityUnknown,
    /// The first version this tool writes: the identity is trusted as it is.
    FirstUse,
    /// The version list may not be read: no tie is settled, no foreign version seen, nothing retired.
    ListRefused,
    /// The versions could not be listed after the write.
    ListFailed,
    /// Old versions may not be disabled.
    RetireFailed(Kind),
    /// Fifteen tags do not hold ours as well; these were left out.
    TagsDropped(Vec<String>),
    /// Backup fails past 500 versions, and versions cannot be deleted one by one.
    ManyVersions(usize),
    /// The scope is of Azure AD Graph, which was retired in 2025.
    RetiredScope,
    /// The sign-in is so many days old, which is more than the policy wants.
    ReconsentDue(i64),
    /// The policy limits the age of the sign-in, and no tag tells it.
    ReconsentUnknown,
    /// This machine's clock is so many minutes ahead of Entra ID's.
    ClockSkew(i64),
    /// What the app proves itself with lives by other rules: a public client.
    PublicClient,
}

impl Note {
    /// Whether `--fail-on warning` counts it.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        !matches!(self, Self::FirstUse | Self::ReconsentUnknown | Self::PublicClient)
    }

    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::MfaMissing => "signed in without MFA: Partner Center refuses such tokens (900421); sign in again with MFA".into(),
            Self::IdentityUnknown => "the answer does not say whose token it is: stored unchecked".into(),
            Self::FirstUse => "first version written by rotator: its identity is trusted from now on".into(),
            Self::ListRefused => {
                "the right to list versions is missing (readMetadata): foreign versions are not seen, old ones not retired".into()
            }
            Self::ListFailed => "the versions could not be listed after the write: the next run retires old ones".into(),
            Self::RetireFailed(kind) if kind.remedy() == Remedy::GrantAccess => {
                format!("old versions could not be disabled ({}): grant update on secrets", kind.slug())
            }
            Self::RetireFailed(kind) => {
                format!("old versions could not be disabled ({}): the next rotation tries again", kind.slug())
            }
            Self::TagsDropped(tags) => {
                format!("Key Vault allows 15 tags a version: left out {}", tags.join(", "))
            }
            Self::ManyVersions(count) => format!(
                "{count} versions: backup of the secret fails past 500; store the token under a new name and rotate weekly, not daily"
            ),
            Self::ReconsentDue(days) => {
                format!("the sign-in is {days} days old, reconsent_after is over: sign in again as the same user, with MFA")
            }
            Self::ReconsentUnknown => "reconsent_after is set, and no tag tells when the person signed in".into(),
            Self::ClockSkew(minutes) => {
                let side = if *minutes < 0 { "behind" } else { "ahead" };
                format!("this machine's clock is {} minutes {side}: set it (timedatectl set-ntp true)", minutes.abs())
            }
            Self::PublicClient => {
                "public client: a change or reset of the user's password ends its token, and so does a sign-in frequency policy".into()
            }
            Self::RetiredScope => "graph.windows.net was retired in 2025: use https://graph.microsoft.com/.default".into(),
        }
    }
}

/// What one outcome means for the exit code: 0, 3 or 4. A token left for want of time is safe while it is fresh.
#[must_use]
pub fn exit_code(verdict: &Verdict, health: Health) -> u8 {
    match verdict {
        Verdict::Failed(failure) if failure.remedy() == Remedy::Retry => 4,
        Verdict::Failed(_) | Verdict::Held(Hold::Disabled(_)) => 3,
        Verdict::Held(Hold::NotDue | Hold::Looked | Hold::DryRun(_)) if health == Health::Expired => 3,
        Verdict::Held(Hold::NoTime(_)) if health != Health::Fresh => 4,
        _ => 0,
    }
}

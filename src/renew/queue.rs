//! Many tokens at once: each isolated from the others, the one nearest its end first.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument as _;

use crate::model::failure::{Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::outcome::{Hold, Outcome, Verdict};
use crate::model::target::Target;
use crate::ports::Vault;
use crate::renew::{self, Inventory, Options, Run, Step, Survey, plan};

/// Tokens under way at once in one vault, so that a slow vault holds up its own. Each holds at most one connection.
const AT_ONCE: usize = 32;
/// How long renewals wait for all inventories, so that the token nearest its end goes first. A vault that is slower than
/// this holds up its own tokens only.
const PATIENCE: Duration = Duration::from_secs(3);

/// Renews all targets and returns one outcome for each, in their order. `done` hears of each as it ends.
pub async fn run(targets: &[Arc<Target>], run: &Arc<Run>, options: Options, done: impl Fn(&Target)) -> Vec<Outcome> {
    let mut queue = Queue {
        targets,
        run,
        options,
        now: run.clock.now(),
        open: false,
        outcomes: targets.iter().map(|_| None).collect(),
        unseen: (0..targets.len()).rev().collect(),
        due: BTreeMap::new(),
    };
    let mut surveys = Tasks::default();
    let mut renewals = Tasks::default();
    let patience = tokio::time::sleep(PATIENCE);
    tokio::pin!(patience);
    loop {
        queue.start(&mut surveys, &mut renewals);
        tokio::select! {
            Some((index, survey)) = surveys.next() => queue.surveyed(index, survey),
            Some((index, outcome)) = renewals.next() => queue.renewed(index, outcome),
            () = &mut patience, if !queue.open => queue.open = true,
            else => break,
        }
        queue.announce(&done);
    }
    queue.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost).0).collect()
}

struct Queue<'a> {
    targets: &'a [Arc<Target>],
    run: &'a Arc<Run>,
    options: Options,
    /// The instant that all plans are made for.
    now: OffsetDateTime,
    /// Whether renewals may start.
    open: bool,
    /// An outcome, and whether it was announced.
    outcomes: Vec<Option<(Outcome, bool)>>,
    /// Targets whose inventory is still to be taken, the first one last.
    unseen: Vec<usize>,
    /// Surveyed ones, by the time they end: a token of unknown age goes first.
    due: BTreeMap<(Option<OffsetDateTime>, usize), Survey>,
}

impl Queue<'_> {
    /// Starts what may be started. Once the run is closed, what is left is held.
    fn start(&mut self, surveys: &mut Tasks<Result<Survey, Failure>>, renewals: &mut Tasks<Outcome>) {
        if let Some(cause) = self.run.deadline.closed() {
            self.hold_the_rest(&cause);
        }
        while let Some(place) = self.unseen.iter().rposition(|index| self.has_room(surveys, *index)) {
            let index = self.unseen.remove(place);
            let (target, run, options) = (Arc::clone(&self.targets[index]), Arc::clone(self.run), self.options);
            let now = self.now;
            let span = renew::steps::stage_span(&run, &target, Stage::Inventory);
            surveys.spawn(index, async move { survey(&target, &run, options, now).await }.instrument(span));
        }
        self.open |= self.unseen.is_empty() && surveys.len() == 0;
        while self.open
            && let Some(key) = self.due.keys().find(|(_, index)| self.has_room(renewals, *index)).copied()
            && let Some(survey) = self.due.remove(&key)
        {
            let (_, index) = key;
            let (target, run, options) = (Arc::clone(&self.targets[index]), Arc::clone(self.run), self.options);
            let work = async move {
                match vault_of(&target, &run) {
                    Ok(vault) => Box::pin(renew::renew(&target, vault.as_ref(), survey, &run, options)).await,
                    Err(failure) => renew::unseen(failure),
                }
            };
            renewals.spawn(index, work);
        }
    }

    /// Whether the vault of a target may have one more under way.
    fn has_room<T>(&self, tasks: &Tasks<T>, index: usize) -> bool {
        let vault = &self.targets[index].vault.name;
        tasks.owners.values().filter(|owner| self.targets[**owner].vault.name == *vault).count() < AT_ONCE
    }

    fn hold_the_rest(&mut self, cause: &Cause) {
        let failure = |stage| Failure { stage, cause: cause.clone() };
        for index in std::mem::take(&mut self.unseen) {
            self.outcomes[index] = Some((renew::unseen(failure(Stage::Inventory)), false));
        }
        for ((_, index), survey) in std::mem::take(&mut self.due) {
            let mut outcome = renew::begin(&self.targets[index], &survey.inventory, self.now);
            outcome.verdict = match survey.step {
                Step::Hold(hold) => Verdict::Held(hold),
                Step::Rotate | Step::Probe | Step::Uncover(_) => Verdict::Held(Hold::NoTime(failure(Stage::Run))),
            };
            self.outcomes[index] = Some((outcome, false));
        }
    }

    fn surveyed(&mut self, index: usize, result: Result<Result<Survey, Failure>, JoinError>) {
        match result {
            Ok(Ok(survey)) => {
                let issued = survey.inventory.newest().record.issued;
                let end = issued.map(|issued| issued + self.targets[index].policy.expire_after);
                self.due.insert((end, index), survey);
            }
            Ok(Err(failure)) => self.outcomes[index] = Some((renew::unseen(failure), false)),
            Err(error) => self.outcomes[index] = Some((panicked(error), false)),
        }
    }

    fn renewed(&mut self, index: usize, result: Result<Outcome, JoinError>) {
        self.outcomes[index] = Some((result.unwrap_or_else(panicked), false));
    }

    fn announce(&mut self, done: &impl Fn(&Target)) {
        for (target, outcome) in self.targets.iter().zip(&mut self.outcomes) {
            if let Some((_, announced @ false)) = outcome {
                *announced = true;
                done(target);
            }
        }
    }
}

/// Inventory and plan of one token.
async fn survey(target: &Target, run: &Run, options: Options, now: OffsetDateTime) -> Result<Survey, Failure> {
    let vault = vault_of(target, run)?;
    let at = |cause| Failure { stage: Stage::Inventory, cause };
    let mut inventory = Inventory::take(vault.as_ref(), &target.secret).await.map_err(at)?;
    inventory.issues_from_expiry(target.policy.expire_after);
    let step = plan::plan(&inventory, target, options, now);
    tracing::debug!(?step, versions = inventory.versions.len(), "planned");
    Ok(Survey { inventory, step })
}

fn vault_of(target: &Target, run: &Run) -> Result<Arc<dyn Vault>, Failure> {
    run.vaults.get(&target.vault.name).cloned().ok_or_else(|| {
        let cause = Cause::new(Kind::Panicked, format!("no connection to vault {}", target.vault.name));
        Failure { stage: Stage::Inventory, cause }
    })
}

/// A panic is the failure of the one token it happened to.
fn panicked(error: JoinError) -> Outcome {
    let text = match error.try_into_panic() {
        Ok(panic) => {
            let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
        }
        Err(cancelled) => cancelled.to_string(),
    };
    Outcome::new(Verdict::Failed(Failure { stage: Stage::Run, cause: Cause::new(Kind::Panicked, text) }))
}

fn lost() -> (Outcome, bool) {
    let cause = Cause::new(Kind::Panicked, "the token was lost sight of");
    (Outcome::new(Verdict::Failed(Failure { stage: Stage::Run, cause })), false)
}

/// A set of tasks that knows whose each is, also when it panics.
struct Tasks<T> {
    set: JoinSet<T>,
    owners: HashMap<Id, usize>,
}

impl<T> Default for Tasks<T> {
    fn default() -> Self {
        Self { set: JoinSet::new(), owners: HashMap::new() }
    }
}

impl<T: Send + 'static> Tasks<T> {
    fn len(&self) -> usize {
        self.set.len()
    }

    fn spawn(&mut self, index: usize, work: impl Future<Output = T> + Send + 'static) {
        self.owners.insert(self.set.spawn(work).id(), index);
    }

    async fn next(&mut self) -> Option<(usize, Result<T, JoinError>)> {
        let (id, result) = match self.set.join_next_with_id().await? {
            Ok((id, value)) => (id, Ok(value)),
            Err(error) => (error.id(), Err(error)),
        };
        self.owners.remove(&id).map(|index| (index, result))
    }
}

//! The branches of one call out: which are called when, which one wins, and what is made of their refusals
//! (RFC 3261 16.7). One branch is one INVITE with a dialog of its own.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::VecDeque;
use std::time::Duration;

use ringway_model::Moment;

/// Most branches that live at once.
pub const BRANCHES_MAX: u16 = 20;

/// How long a target may be silent before the next one is tried (contract, runtime.md 5).
pub const FAILOVER_AFTER: Duration = Duration::from_secs(4);

/// One branch, numbered in the order of the places that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BranchId(pub u16);

/// Where a call goes: so many branches at once, and when they all failed so that others may do better, the next
/// so many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stages(Vec<u16>);

impl Stages {
    /// All at once; those beyond [`BRANCHES_MAX`] are left out.
    pub fn parallel(places: usize) -> Self {
        Self(vec![u16::try_from(places).unwrap_or(u16::MAX).min(BRANCHES_MAX)])
    }

    /// One after the other, each when the one before failed as RFC 3263 4.3 means it, or kept silent.
    pub fn failover(places: usize) -> Self {
        Self(vec![1; places.min(usize::from(BRANCHES_MAX))])
    }
}

/// A final answer that is no 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// 300 to 699; 408 for silence, 503 for a network that could not carry it.
    pub status: u16,
    /// Whether anybody said so, rather than the transaction's own end.
    pub heard: bool,
    /// `X-` headers of the answer.
    pub headers: Vec<(String, String)>,
}

/// What is heard of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Any 1xx but 100.
    Alerted,
    /// A 2xx; its ACK is sent.
    Answered,
    /// A final answer that is no 2xx.
    Refused(Refused),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send the INVITE of this branch.
    Start(BranchId),
    /// End this branch, whatever its state: CANCEL, or BYE when its answer crossed.
    End(BranchId),
    /// This branch is the call.
    Won(BranchId),
    /// There is no call; this is the best of the answers.
    Failed(Refused),
}

/// The branches of a call.
#[derive(Debug)]
pub(crate) struct Fork {
    /// Those that have no final answer.
    open: Vec<Branch>,
    stages: VecDeque<u16>,
    /// The first branch of the next stage.
    next: u16,
    best: Option<Refused>,
    settled: bool,
}

#[derive(Debug)]
struct Branch {
    id: BranchId,
    /// Until when silence is borne; no end while there is nobody else to ask, or once it was alerted.
    silent_until: Option<Moment>,
}

impl Fork {
    /// Nothing is called yet.
    pub(crate) fn new(stages: Stages) -> Self {
        let stages: VecDeque<u16> = stages.0.into_iter().filter(|count| *count > 0).collect();
        Self { open: Vec::new(), stages, next: 0, best: None, settled: false }
    }

    /// Calls the first stage. No place at all is a failure.
    pub(crate) fn start(&mut self, now: Moment) -> Vec<Step> {
        let mut steps = Vec::new();
        self.next_stage(now, &mut steps);
        steps
    }

    /// Takes what was heard. What comes of a branch after the fork is settled changes nothing, but an answer that
    /// crossed our CANCEL is hung up.
    pub(crate) fn heard(&mut self, now: Moment, id: BranchId, heard: Heard) -> Vec<Step> {
        let mut steps = Vec::new();
        let known = self.open.iter().position(|branch| branch.id == id);
        match (known, heard) {
            (Some(place), Heard::Alerted) => {
                if let Some(branch) = self.open.get_mut(place) {
                    branch.silent_until = None;
                }
            }
            (Some(place), Heard::Answered) if !self.settled => {
                self.open.remove(place);
                steps.extend(self.end().into_iter().map(Step::End));
                steps.push(Step::Won(id));
            }
            (_, Heard::Answered) => steps.push(Step::End(id)),
            (Some(place), Heard::Refused(refused)) => {
                self.open.remove(place);
                self.refused(now, refused, &mut steps);
            }
            (None, Heard::Alerted | Heard::Refused(_)) => (),
        }
        steps
    }

    /// Gives up the branches that were silent for too long.
    pub(crate) fn timeout(&mut self, now: Moment) -> Vec<Step> {
        let mut steps = Vec::new();
        let silent = |branch: &Branch| branch.silent_until.is_some_and(|until| now >= until);
        let given_up: Vec<BranchId> =
            self.open.iter().filter(|branch| silent(branch)).map(|branch| branch.id).collect();
        for id in given_up {
            self.open.retain(|branch| branch.id != id);
            steps.push(Step::End(id));
            self.refused(now, Refused { status: 408, heard: false, headers: Vec::new() }, &mut steps);
        }
        steps
    }

    /// When [`Fork::timeout`] is due.
    pub(crate) fn next_timeout(&self) -> Option<Moment> {
        self.open.iter().filter_map(|branch| branch.silent_until).min()
    }

    /// Ends every branch: nobody wants the call any more.
    pub(crate) fn end(&mut self) -> Vec<BranchId> {
        self.settled = true;
        self.open.drain(..).map(|branch| branch.id).collect()
    }

    /// A 6xx speaks for everybody; any other refusal waits for the rest of its stage.
    fn refused(&mut self, now: Moment, refused: Refused, steps: &mut Vec<Step>) {
        if self.settled {
            return;
        }
        let global = refused.status >= 600;
        let others_may_help = may_fail_over(refused.status);
        if self.best.as_ref().is_none_or(|best| rank(refused.status) < rank(best.status)) {
            self.best = Some(refused);
        }
        if global || !others_may_help {
            self.stages.clear();
        }
        if global {
            steps.extend(self.open.drain(..).map(|branch| Step::End(branch.id)));
        }
        if self.open.is_empty() {
            self.next_stage(now, steps);
        }
    }

    /// Calls the next stage; without one the fork has failed.
    fn next_stage(&mut self, now: Moment, steps: &mut Vec<Step>) {
        let Some(count) = self.stages.pop_front() else {
            self.settled = true;
            let nobody = Refused { status: 480, heard: false, headers: Vec::new() };
            return steps.push(Step::Failed(self.best.take().unwrap_or(nobody)));
        };
        let silent_until = (!self.stages.is_empty()).then(|| now + FAILOVER_AFTER);
        for _ in 0..count {
            let id = BranchId(self.next);
            self.next = self.next.saturating_add(1);
            self.open.push(Branch { id, silent_until });
            steps.push(Step::Start(id));
        }
    }
}

/// Whether another target may do better: never when the called person has spoken (contract, runtime.md 5).
fn may_fail_over(status: u16) -> bool {
    status == 408 || (500..600).contains(&status)
}

/// The smaller the better (RFC 3261 16.7 point 6): a 6xx before all, then the lowest class; within 4xx those that
/// say how to do better, then what a person said, and silence last; 503 is the last of its class.
fn rank(status: u16) -> (u16, u16) {
    match status {
        600.. => (0, 0),
        401 | 407 | 415 | 420 | 484 => (4, 0),
        486 => (4, 1),
        408 | 430 => (4, 3),
        503 => (5, 3),
        _ => (status / 100, 2),
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::from_start(Duration::from_millis(ms))
    }

    fn refused(status: u16) -> Heard {
        Heard::Refused(Refused { status, heard: true, headers: Vec::new() })
    }

    /// The steps in short.
    fn shown(steps: &[Step]) -> Vec<String> {
        let show = |step: &Step| match step {
            Step::Start(id) => format!("start {}", id.0),
            Step::End(id) => format!("end {}", id.0),
            Step::Won(id) => format!("won {}", id.0),
            Step::Failed(refused) => format!("failed {}", refused.status),
        };
        steps.iter().map(show).collect()
    }

    fn started(stages: Stages) -> Fork {
        let mut fork = Fork::new(stages);
        fork.start(at(0));
        fork
    }

    #[test]
    fn the_first_answer_wins_and_the_others_end() {
        let mut fork = Fork::new(Stages::parallel(3));
        assert_eq!(shown(&fork.start(at(0))), ["start 0", "start 1", "start 2"]);
        assert!(fork.heard(at(1), BranchId(0), Heard::Alerted).is_empty());
        assert!(fork.heard(at(2), BranchId(2), refused(486)).is_empty());
        assert_eq!(shown(&fork.heard(at(3), BranchId(1), Heard::Answered)), ["end 0", "won 1"]);
    }

    #[test]
    fn an_answer_that_crossed_is_hung_up_and_late_refusals_are_nothing() {
        let mut fork = started(Stages::parallel(2));
        fork.heard(at(1), BranchId(1), Heard::Answered);
        assert_eq!(shown(&fork.heard(at(2), BranchId(0), Heard::Answered)), ["end 0"]);
        assert!(fork.heard(at(3), BranchId(0), refused(487)).is_empty());
        let mut given_up = started(Stages::parallel(2));
        assert_eq!(given_up.end(), [BranchId(0), BranchId(1)]);
        assert_eq!(shown(&given_up.heard(at(2), BranchId(1), Heard::Answered)), ["end 1"]);
        assert!(given_up.heard(at(2), BranchId(0), refused(487)).is_empty());
    }

    #[test]
    fn rfc_3261_16_7_the_best_response() {
        for (answers, best) in [
            ([404, 486, 480], 486),
            ([503, 500, 503], 500),
            ([500, 404, 503], 404),
            ([486, 401, 404], 401),
            ([302, 404, 486], 302),
            ([408, 480, 408], 480),
        ] {
            let mut fork = started(Stages::parallel(3));
            let mut last = Vec::new();
            for (branch, status) in answers.into_iter().enumerate() {
                last = fork.heard(at(1), BranchId(branch as u16), refused(status));
            }
            assert_eq!(shown(&last), [format!("failed {best}")], "{answers:?}");
        }
    }

    #[test]
    fn a_6xx_speaks_for_all() {
        let mut fork = started(Stages::parallel(3));
        fork.heard(at(1), BranchId(0), refused(486));
        assert_eq!(shown(&fork.heard(at(2), BranchId(1), refused(603))), ["end 2", "failed 603"]);
        assert!(fork.heard(at(3), BranchId(2), refused(487)).is_empty());
    }

    #[test]
    fn targets_are_tried_in_turn_unless_the_called_person_spoke() {
        let mut fork = Fork::new(Stages::failover(3));
        assert_eq!(shown(&fork.start(at(0))), ["start 0"]);
        assert_eq!(shown(&fork.heard(at(1), BranchId(0), refused(503))), ["start 1"]);
        assert_eq!(shown(&fork.heard(at(2), BranchId(1), refused(486))), ["failed 486"]);
        for (status, next) in [(500, "start 1"), (408, "start 1"), (600, "failed 600"), (603, "failed 603")] {
            let mut fork = started(Stages::failover(2));
            assert_eq!(shown(&fork.heard(at(1), BranchId(0), refused(status))), [next], "{status}");
        }
    }

    #[test]
    fn a_silent_target_is_given_up_after_four_seconds_but_the_last_is_not() {
        let mut fork = started(Stages::failover(2));
        assert_eq!(fork.next_timeout(), Some(at(4000)));
        assert!(fork.timeout(at(3999)).is_empty());
        assert_eq!(shown(&fork.timeout(at(4000))), ["end 0", "start 1"]);
        assert_eq!(fork.next_timeout(), None);
        assert_eq!(shown(&fork.heard(at(5000), BranchId(0), Heard::Answered)), ["end 0"], "too late");
        assert_eq!(shown(&fork.heard(at(6000), BranchId(1), Heard::Answered)), ["won 1"]);
    }

    #[test]
    fn a_target_that_rings_has_all_the_time() {
        let mut fork = started(Stages::failover(2));
        fork.heard(at(100), BranchId(0), Heard::Alerted);
        assert_eq!(fork.next_timeout(), None);
    }

    #[test]
    fn no_place_is_a_failure_and_too_many_are_cut() {
        assert_eq!(shown(&Fork::new(Stages::parallel(0)).start(at(0))), ["failed 480"]);
        assert_eq!(Fork::new(Stages::parallel(50)).start(at(0)).len(), usize::from(BRANCHES_MAX));
    }

    proptest::proptest! {
        /// Whatever comes in whatever order: each branch that was started is ended, refused or wins, once the
        /// fork is settled; it is settled at most once, and nothing starts afterwards.
        #[test]
        fn no_branch_outlives_the_fork(
            stages in proptest::collection::vec(0_u16..4, 0..4),
            events in proptest::collection::vec((0_u16..10, 0_u8..8), 0..40),
        ) {
            let mut fork = Fork::new(Stages(stages));
            let (mut live, mut settled) = (std::collections::HashSet::new(), 0);
            let mut steps = fork.start(at(0));
            let mut time = 0;
            let mut events = events.into_iter();
            loop {
                for step in steps {
                    match step {
                        Step::Start(id) => {
                            proptest::prop_assert_eq!(settled, 0);
                            proptest::prop_assert!(live.insert(id));
                        }
                        Step::End(id) => { live.remove(&id); }
                        Step::Won(id) => { proptest::prop_assert!(live.remove(&id)); settled += 1; }
                        Step::Failed(_) => settled += 1,
                    }
                }
                if settled > 0 {
                    proptest::prop_assert!(live.is_empty(), "{:?}", live);
                    proptest::prop_assert_eq!(settled, 1);
                }
                let Some((branch, kind)) = events.next() else { break };
                time += 700;
                let id = BranchId(branch);
                steps = match kind {
                    0 => fork.heard(at(time), id, Heard::Alerted),
                    1 if live.contains(&id) => fork.heard(at(time), id, Heard::Answered),
                    2..=5 => {
                        live.remove(&id);
                        fork.heard(at(time), id, refused([486, 503, 404, 603][usize::from(kind) - 2]))
                    }
                    _ => fork.timeout(at(time)),
                };
            }
        }
    }
}

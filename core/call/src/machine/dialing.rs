//! A call out until it is answered: it waits for its turn, finds its places, calls them, and takes the first that
//! answers (contract, runtime.md 2.3).

use ringway_model::{CallStatus, Moment, Now};
use ringway_twiml::HttpMethod;

use super::program::{Program, Step};
use super::{Activity, CallMachine, Phase};
use crate::child::{ChildNews, EndReason};
use crate::effect::{CallbackRequest, Effect, EffectId, Purpose};
use crate::fork::{self, BranchId, Fork, Heard, Refused, Stages};
use crate::input::{BranchAnswer, BranchNews, Unroutable};
use crate::leg::CallFacts;
use crate::{params, status};

/// The number of a far end that could not be reached, or said nothing.
const UNREACHABLE: u32 = 32011;
/// The number of one that sends us elsewhere, where we do not go.
const REDIRECTED: u32 = 32219;
/// The number of one that wants a login, or a better one.
const NO_LOGIN: u32 = 13244;

/// A call out that is under way and not answered.
#[derive(Debug)]
pub(super) struct Dialing {
    stage: Stage,
    /// When it has rung for long enough.
    until: Moment,
    rang: bool,
}

#[derive(Debug)]
enum Stage {
    Routing(EffectId),
    Calling(Fork),
}

/// What is executed first, once it is answered.
#[derive(Debug)]
pub(super) enum FirstDocument {
    /// Nothing: a call that has nothing to do by itself.
    None,
    Url(String, HttpMethod),
    Twiml(String),
}

impl Dialing {
    pub(super) fn status(&self) -> CallStatus {
        if self.rang { CallStatus::Ringing } else { CallStatus::Initiated }
    }

    pub(super) fn next_timeout(&self) -> Moment {
        match &self.stage {
            Stage::Routing(_) => self.until,
            Stage::Calling(fork) => fork.next_timeout().map_or(self.until, |due| due.min(self.until)),
        }
    }
}

impl FirstDocument {
    pub(super) fn of(facts: &CallFacts) -> Self {
        let Some(outgoing) = facts.outgoing() else { return Self::None };
        match (&outgoing.urls.url, &outgoing.twiml) {
            (Some(url), _) => Self::Url(url.clone(), outgoing.urls.method),
            (None, Some(twiml)) => Self::Twiml(twiml.clone()),
            (None, None) => Self::None,
        }
    }
}

impl CallMachine {
    /// A call out, to be dialled at `dial_at`. Its first state is `queued` when that is not now.
    pub fn outgoing(facts: CallFacts, now: Now, dial_at: Moment) -> Self {
        let mut machine = Self::in_phase(Phase::Queued { until: dial_at }, facts, now);
        if dial_at <= now.monotonic {
            machine.dial(now);
        }
        machine
    }

    /// Its turn has come.
    fn dial(&mut self, now: Now) {
        let timeout = self.facts.outgoing().map(|outgoing| outgoing.timeout).unwrap_or_default();
        let id = self.out.id();
        let until = now.monotonic + timeout;
        self.phase = Phase::Dialing(Box::new(Dialing { stage: Stage::Routing(id), until, rang: false }));
        self.out.push(Effect::Status(CallStatus::Initiated));
        self.tell_progress(now, self.facts.events().initiated);
        self.out.push(Effect::Route { id });
    }

    /// Takes where it goes.
    pub(super) fn routed(&mut self, now: Now, id: EffectId, result: Result<Stages, Unroutable>) {
        let Phase::Dialing(dialing) = &mut self.phase else { return };
        if !matches!(dialing.stage, Stage::Routing(expected) if expected == id) {
            return;
        }
        match result {
            Ok(stages) => {
                let mut fork = Fork::new(stages);
                let steps = fork.start(now.monotonic);
                dialing.stage = Stage::Calling(fork);
                self.follow_fork(now, steps);
            }
            Err(Unroutable { code, message }) => {
                self.out.notify(self.program.notification(code, message));
                self.finish(now, CallStatus::Failed, None);
            }
        }
    }

    /// Takes what was heard of a branch. An answer that comes when the call is not dialled any more is hung up.
    pub(super) fn branch(&mut self, now: Now, branch: BranchId, news: BranchNews) {
        let Phase::Dialing(dialing) = &mut self.phase else {
            if matches!(news, BranchNews::Answered(_)) {
                self.out.push(Effect::EndBranch { branch, reason: EndReason::AnsweredElsewhere.header() });
            }
            return;
        };
        let Stage::Calling(fork) = &mut dialing.stage else { return };
        let rings = matches!(news, BranchNews::Ringing) && !std::mem::replace(&mut dialing.rang, true);
        let heard = match news {
            BranchNews::Ringing => Heard::Alerted,
            BranchNews::Answered(BranchAnswer { sip_call_id, source_ip, headers }) => {
                let leg = &mut self.facts.leg;
                leg.sip_call_id = Some(sip_call_id);
                leg.source_ip = Some(source_ip);
                leg.headers = headers;
                Heard::Answered
            }
            BranchNews::Refused { sip_call_id, refused } => {
                self.facts.leg.sip_call_id = Some(sip_call_id);
                Heard::Refused(refused)
            }
        };
        let steps = fork.heard(now.monotonic, branch, heard);
        if rings {
            self.rings(now);
        }
        self.follow_fork(now, steps);
    }

    /// Its turn, the end of patience, or of that with one branch.
    pub(super) fn dialing_timeout(&mut self, now: Now) {
        match &mut self.phase {
            Phase::Queued { until } if now.monotonic >= *until => self.dial(now),
            Phase::Dialing(dialing) if now.monotonic >= dialing.until => {
                self.give_up(now, CallStatus::NoAnswer, None);
            }
            Phase::Dialing(dialing) => {
                if let Stage::Calling(fork) = &mut dialing.stage {
                    let steps = fork.timeout(now.monotonic);
                    self.follow_fork(now, steps);
                }
            }
            _ => (),
        }
    }

    /// Nobody wants it any more, or nobody took it.
    pub(super) fn give_up(&mut self, now: Now, status: CallStatus, reason: Option<&'static str>) {
        let mut code = None;
        if let Phase::Dialing(dialing) = &mut self.phase
            && let Stage::Calling(fork) = &mut dialing.stage
        {
            code = Some(487);
            let branches = fork.end();
            branches.into_iter().for_each(|branch| self.out.push(Effect::EndBranch { branch, reason }));
        }
        self.finish(now, status, code);
    }

    /// Media flow: what the called side is to hear first.
    pub(super) fn connected(&mut self, now: Now) {
        self.tell_progress(now, self.facts.events().answered);
        if !matches!(self.activity, Activity::Idle) {
            return;
        }
        let digits = self.facts.outgoing().and_then(|outgoing| outgoing.send_digits.clone());
        match digits {
            Some(digits) => {
                self.program = Program::of_digits(digits);
                self.advance(now);
            }
            None => self.first_document(now),
        }
    }

    /// Executes what was meant to be executed first.
    pub(super) fn first_document(&mut self, now: Now) {
        match std::mem::replace(&mut self.first_document, FirstDocument::None) {
            FirstDocument::None => {
                self.program = Program::nothing();
                self.advance(now);
            }
            FirstDocument::Url(url, method) => self.ask(now, Purpose::Voice, &url, method, Vec::new()),
            FirstDocument::Twiml(text) => self.run_inline(now, &text),
        }
    }

    /// A callback about a call that goes on, when somebody wants it.
    fn tell_progress(&mut self, now: Now, wanted: bool) {
        let urls = self.facts.urls();
        let (true, Some(url)) = (wanted, urls.status_callback_url.clone()) else { return };
        let method = urls.status_callback_method;
        let standard = params::standard(&self.facts, self.status());
        let params = params::progress(standard, now.unix, self.callbacks_sent);
        self.callbacks_sent += 1;
        self.out.push(Effect::Callback(Box::new(CallbackRequest { url, method, params })));
    }

    fn rings(&mut self, now: Now) {
        self.out.push(Effect::Status(CallStatus::Ringing));
        self.tell_progress(now, self.facts.events().ringing);
        if self.has_parent {
            self.out.push(Effect::TellParent(ChildNews::Ringing));
        }
    }

    fn follow_fork(&mut self, now: Now, steps: Vec<fork::Step>) {
        let won = steps.iter().any(|step| matches!(step, fork::Step::Won(_)));
        let reason = won.then(|| EndReason::AnsweredElsewhere.header()).flatten();
        for step in steps {
            match step {
                fork::Step::Start(branch) => self.out.push(Effect::Invite { branch }),
                fork::Step::End(branch) => self.out.push(Effect::EndBranch { branch, reason }),
                fork::Step::Won(branch) => {
                    self.phase = Phase::Answering;
                    self.acknowledged = true;
                    self.sip_response_code = Some(200);
                    self.out.push(Effect::Accept { branch });
                }
                fork::Step::Failed(refused) => return self.refused(now, refused),
            }
        }
    }

    fn refused(&mut self, now: Now, refused: Refused) {
        let rang = self.status() == CallStatus::Ringing;
        let to = &self.facts.leg.to;
        let told = match refused.status {
            408 if !refused.heard && !rang => Some((UNREACHABLE, format!("{to} did not answer at all"))),
            503 if !refused.heard => Some((UNREACHABLE, format!("{to} could not be reached"))),
            300..=399 => Some((
                REDIRECTED,
                format!("{to} redirects calls ({}), which is not followed", refused.status),
            )),
            401 | 407 => {
                Some((NO_LOGIN, format!("{to} asks for a login ({}), and took none of ours", refused.status)))
            }
            _ => None,
        };
        if let Some((code, message)) = told {
            self.out.notify(self.program.notification(code, message));
        }
        self.last_headers = refused.headers;
        self.finish(now, status::of_refusal(refused.status, rang), Some(refused.status));
    }
}

impl Program {
    /// Keys to be pressed, and then the first document.
    fn of_digits(digits: String) -> Self {
        Self::of_steps([Step::digits(digits), Step::First])
    }
}

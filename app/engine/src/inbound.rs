//! Requests from outside, on the SIP driver's thread: who may come in, and which task gets what is heard of
//! a call. Nothing here waits, queries or starts a task for a request that is refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringway_call::abuse::{Abuse, Screened};
use ringway_call::admit::{self, Admission, Admitted, Decision, Refusal, Suspicion};
use ringway_model::sid::DomainSid;
use ringway_model::{Moment, Now};
use ringway_sip::endpoint::{Event, FlowId, Policy, Reply, Screening, Source, TransactionKey, Verdict};
use ringway_sip::message::{Message, Method};
use ringway_sip::registrar::{Registrar, Registration};
use ringway_sip_net::EventSink;
use ringway_store::StoreDirectory;
use tokio::runtime::Handle;

use crate::lines::Line;
use crate::mailbox::Mailbox;
use crate::notifications;
use crate::refusals::{self, RefusalRecord};
use crate::runner::Runner;
use crate::shared::{Shared, seed};

/// The number of a failure of our own.
const INTERNAL_FAILURE: u32 = 12400;
/// How long a refused caller is asked to wait while we cannot take calls.
const RETRY_AFTER_S: u32 = 5;

/// At most one notification for each domain and reason in so long: whoever knocks often must not fill the
/// developer's list, or the disk.
const NOTIFY_INTERVAL: Duration = Duration::from_secs(60);
/// How many pairs of domain and reason are remembered for that.
const NOTIFIED_MAX: usize = 1024;

/// Why a user with the right password is refused.
const GUESSED: &str =
    "The password of this user is being guessed, and the user was never accepted at this address";

/// Decides who may come in.
pub(crate) struct Gatekeeper {
    admission: Admission,
    abuse: Abuse,
    /// What is done with those who are banned.
    banned: Screening,
    directory: Arc<StoreDirectory>,
    shared: Arc<Shared>,
    notified: HashMap<(DomainSid, u32), Moment>,
    registrar: Registrar,
}

impl Gatekeeper {
    pub(crate) fn new(
        admission: Admission,
        (abuse, banned): (Abuse, Screening),
        shared: Arc<Shared>,
    ) -> Self {
        let directory = shared.store.directory();
        let bindings = Arc::clone(&shared.registrations);
        let registrar = Registrar::new(shared.config.registrar.clone(), bindings, seed());
        Self { admission, abuse, banned, directory, shared, notified: HashMap::new(), registrar }
    }
}

impl Policy for Gatekeeper {
    /// The call that may come in; none for OPTIONS.
    type Ticket = Option<Box<Admitted>>;

    fn screen(&mut self, now: Now, request: &Message, source: &Source) -> Screening {
        for lifted in self.shared.bans.take_lifted() {
            self.abuse.lift(lifted);
        }
        let (admission, directory) = (&self.admission, &self.directory);
        let domain = || admission.domain(&**directory, request, source).map(|gate| gate.sid);
        let screened = self.abuse.screen(now, source.remote.ip(), request, domain);
        self.treat(screened)
    }

    fn screen_malformed(&mut self, now: Now, source: &Source) -> Screening {
        let screened = self.abuse.malformed(now, source.remote.ip());
        self.treat(screened)
    }

    fn admit(&mut self, now: Now, request: &Message, source: &Source) -> Verdict<Self::Ticket> {
        if let Some((code, reason)) = self.unavailable(request) {
            self.turn_away(now, request, source, code, reason);
            let reply =
                Reply::new(503).with_reason(reason).with_header("Retry-After", RETRY_AFTER_S.to_string());
            return Verdict::Reply(reply);
        }
        match self.admission.admit(now, &*self.directory, request, source) {
            Decision::Accept(admitted) => self.enter(now, request, source, admitted),
            // REGISTER comes by `register` below.
            Decision::Abilities | Decision::Register(_) => Verdict::Accept(None),
            Decision::Challenge(reply) => Verdict::Reply(reply),
            Decision::Refuse { reply, refusal } => {
                self.suspect(now, &refusal, request, source);
                self.record(now, *refusal, request);
                Verdict::Reply(reply)
            }
        }
    }

    /// A repetition is recognised first: its nonce count is used already, and it is no new attempt.
    fn register(
        &mut self,
        now: Now,
        transaction: TransactionKey,
        request: &Message,
        source: &Source,
    ) -> Verdict<Self::Ticket> {
        if let Some(reply) = self.registrar.repeated(now, transaction, request, source) {
            return Verdict::Reply(reply);
        }
        match self.admission.admit(now, &*self.directory, request, source) {
            Decision::Register(gate) => {
                if self.is_guessed(now, source, gate.sid, request, 32212) {
                    return Verdict::Reply(Reply::new(403));
                }
                let user = admit::registered_user(request).unwrap_or_default();
                let registration =
                    Registration { transaction, domain: &gate.sid, user: &user, request, source };
                Verdict::Reply(match self.registrar.register(now, &registration) {
                    Ok(reply) => reply,
                    Err(refused) => {
                        let (reply, refusal) = admit::refused_registration(refused, request, source, &gate);
                        self.record(now, refusal, request);
                        reply
                    }
                })
            }
            Decision::Challenge(reply) => Verdict::Reply(reply),
            Decision::Refuse { reply, refusal } => {
                self.suspect(now, &refusal, request, source);
                self.record(now, *refusal, request);
                Verdict::Reply(reply)
            }
            // These are for other methods.
            Decision::Accept(_) | Decision::Abilities => Verdict::Accept(None),
        }
    }

    fn flow_closed(&mut self, flow: FlowId) {
        self.registrar.flow_closed(flow);
    }

    fn refused(&mut self, now: Now, request: &Message, source: &Source, status: u16) {
        let why = match status {
            400 => (32105, "The request has no Contact"),
            420 => (0, "The request requires an extension that is not supported"),
            422 => (0, "The session timer that the request asks for is below 90 s"),
            482 => (0, "The same request came by another way already"),
            483 => (32006, "The request has come by too many hops: its Max-Forwards is 0"),
            _ => (0, "The server is behind with its work, or full"),
        };
        self.keep(now, request, source, status, why);
    }
}

impl Gatekeeper {
    /// What is done with a sender; whoever is banned from now on is told to the operator.
    fn treat(&self, screened: Screened) -> Screening {
        match screened {
            Screened::Welcome => Screening::Welcome,
            Screened::Banned(begun) => {
                if let Some(ban) = begun {
                    self.shared.bans.begin(*ban);
                }
                self.banned
            }
        }
    }

    fn enter(
        &mut self,
        now: Now,
        request: &Message,
        source: &Source,
        admitted: Box<Admitted>,
    ) -> Verdict<<Self as Policy>::Ticket> {
        if self.is_guessed(now, source, admitted.gate.sid, request, 32202) {
            return Verdict::Reply(Reply::new(403));
        }
        Verdict::Accept(Some(admitted))
    }

    /// Whether a right password is not enough, because strangers are guessing it. Whoever gave one and is not
    /// held up is trusted at this address from now on.
    fn is_guessed(
        &mut self,
        now: Now,
        source: &Source,
        domain: DomainSid,
        request: &Message,
        code: u32,
    ) -> bool {
        let ip = source.remote.ip();
        let guessed = self.abuse.is_throttled(now, ip, domain, request);
        match guessed {
            true => self.keep(now, request, source, 403, (code, GUESSED)),
            false => self.abuse.accepted(now, ip, domain, request),
        }
        guessed
    }

    /// What a refusal says about its sender may end in a ban.
    fn suspect(&mut self, now: Now, refusal: &Refusal, request: &Message, source: &Source) {
        let ip = source.remote.ip();
        let screened = match (refusal.suspicion, refusal.domain) {
            (Suspicion::None, _) => return,
            (Suspicion::WrongAnswer, Some((domain, _))) => self.abuse.wrong_answer(now, ip, domain, request),
            (Suspicion::Stranger | Suspicion::WrongAnswer, _) => self.abuse.refused(now, ip, request),
        };
        self.treat(screened);
    }

    /// Why new calls cannot be taken, while the process is ending or full, and the number of it (0 for none).
    fn unavailable(&self, request: &Message) -> Option<(u32, &'static str)> {
        if request.method() != Method::Invite {
            None
        } else if self.shared.draining.load(Ordering::Relaxed) {
            Some((0, "Shutting Down"))
        } else if self.shared.calls.len() >= self.shared.config.calls_max {
            Some((INTERNAL_FAILURE, "Too Many Calls"))
        } else {
            None
        }
    }

    /// Keeps why a call is answered 503. One that nobody planned is told to the domain's owner.
    fn turn_away(&mut self, now: Now, request: &Message, source: &Source, code: u32, reason: &str) {
        if code != 0
            && let Some(gate) = self.admission.domain(&*self.directory, request, source)
            && self.is_new(now.monotonic, (gate.sid, code))
        {
            let most = self.shared.config.calls_max;
            let text = format!("A call was refused: there are media ports and descriptors for {most} calls.");
            let notification = notifications::of_shortage(gate.account_sid, code, text, now.unix);
            drop(self.shared.store.insert_notification(notification));
        }
        self.keep(now, request, source, 503, (code, reason));
    }

    /// Keeps a reason that has nothing to do with the domain, its number (0 for none) and its text.
    fn keep(&self, now: Now, request: &Message, source: &Source, status: u16, (code, reason): (u32, &str)) {
        self.shared.refusals.add(RefusalRecord {
            time: now.unix,
            source: source.remote,
            method: if request.method() == Method::Invite { "INVITE" } else { "REGISTER" },
            status,
            code,
            reason: reason.to_owned(),
            domain_sid: None,
            from: refusals::short(request.from().uri),
            to: refusals::short(request.uri()),
        });
    }

    fn record(&mut self, now: Now, refusal: Refusal, request: &Message) {
        if let Some((domain_sid, account_sid)) = refusal.domain
            && self.is_new(now.monotonic, (domain_sid, refusal.code))
        {
            let notification = notifications::of_refusal(account_sid, &refusal, now.unix);
            drop(self.shared.store.insert_notification(notification));
        }
        self.shared.refusals.add(RefusalRecord {
            time: now.unix,
            source: refusal.source,
            method: refusal.method,
            status: refusal.status,
            code: refusal.code,
            reason: refusal.reason,
            domain_sid: refusal.domain.map(|(domain_sid, _)| domain_sid),
            from: refusals::short(request.from().uri),
            to: refusals::short(request.uri()),
        });
    }

    /// Whether this reason was not told of this domain a moment ago.
    fn is_new(&mut self, now: Moment, reason: (DomainSid, u32)) -> bool {
        if self.notified.get(&reason).is_some_and(|told| now.since(*told) < NOTIFY_INTERVAL) {
            return false;
        }
        if self.notified.len() >= NOTIFIED_MAX {
            self.notified.retain(|_, told| now.since(*told) < NOTIFY_INTERVAL);
        }
        self.notified.len() < NOTIFIED_MAX && self.notified.insert(reason, now).is_none_or(|told| told < now)
    }
}

/// Gives every accepted call a task, and the task what is heard of its dialog.
pub(crate) struct Arrivals {
    pub(crate) shared: Arc<Shared>,
    pub(crate) runtime: Handle,
}

impl EventSink<Option<Box<Admitted>>> for Arrivals {
    fn deliver(&mut self, event: Event<Option<Box<Admitted>>>) {
        match event {
            Event::Incoming { dialog, request, source, ticket } => {
                let Some(admitted) = ticket else { return };
                let mailbox = Arc::new(Mailbox::default());
                self.shared.lines.insert(dialog, Line::Call(Arc::clone(&mailbox)));
                let runner =
                    Runner::new(Arc::clone(&self.shared), mailbox, dialog, request, source, *admitted);
                self.runtime.spawn(runner.run());
            }
            Event::Dialog { dialog, event } => self.shared.lines.deliver(dialog, event),
        }
    }
}

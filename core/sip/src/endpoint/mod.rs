//! One value that owns all transactions and dialogs of a shard. It reads no clock and no socket: packets,
//! commands and time go in, packets and events come out.
//!
//! A message goes `receive` -> `new_request` or `in_dialog` or `response`; a command goes to `incoming`,
//! `outgoing`, `change` or `hangup`; all of them send through `send`.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod change;
mod config;
mod counters;
mod failover;
mod hangup;
mod ids;
mod in_dialog;
mod incoming;
mod input;
mod new_request;
mod outgoing;
mod output;
mod receive;
mod refer;
mod reliable;
mod response;
mod send;
mod session;
mod table;
mod target;
mod timeout;

use std::collections::VecDeque;

use ringway_model::{Moment, Now, Random};

pub use config::{Advertise, EndpointConfig, Overload, Policy, Reply, Screening, TransactionKey, Verdict};
pub use counters::Counters;
pub use ids::shard_of;
pub use input::{
    Body, Command, Credentials, DialogId, FlowId, Input, NewInvite, OfferId, ReferId, ServerName, Source,
    Target, Transport,
};
pub use output::{DialogEvent, Event, FlowOrder, Output, Transmit};

use crate::dialog::reliable::Said;
use crate::dialog::{Dialog, Phase};
use crate::transaction::key::{Key, KeyMap, Keyring};
use crate::transaction::timers::{TimerQueue, TimerValues};
use table::{ClientTransaction, ServerTransaction, Wake};

/// The endpoint of one shard; `T` is the ticket of its policy.
pub struct Endpoint<T> {
    config: EndpointConfig,
    values: TimerValues,
    keyring: Keyring,
    random: Random,
    timers: TimerQueue<Wake>,
    servers: KeyMap<Key, ServerTransaction>,
    merged: KeyMap<Key, Key>,
    clients: KeyMap<Key, ClientTransaction>,
    dialogs: KeyMap<DialogId, Box<Dialog>>,
    dialog_keys: KeyMap<Key, DialogId>,
    output: VecDeque<Output<T>>,
    counters: Counters,
    last_dialog: u64,
    last_offer: u64,
}

/// What becomes of a dialog after something happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Continues,
    Over,
}

impl<T> Endpoint<T> {
    /// An endpoint without anything in it; `seed` feeds its ids and its keyed hashes.
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        let mut random = Random::from_seed(seed);
        Self {
            values: TimerValues { t1: config.t1, t2: config.t2, t4: config.t4 },
            config,
            keyring: Keyring::new(random.bytes()),
            random,
            timers: TimerQueue::new(),
            servers: KeyMap::default(),
            merged: KeyMap::default(),
            clients: KeyMap::default(),
            dialogs: KeyMap::default(),
            dialog_keys: KeyMap::default(),
            output: VecDeque::new(),
            counters: Counters::default(),
            last_dialog: 0,
            last_offer: 0,
        }
    }

    /// Takes one input; ask [`Endpoint::poll_output`] afterwards until it has nothing more.
    pub fn handle_input<P>(&mut self, now: Now, input: Input, policy: &mut P)
    where
        P: Policy<Ticket = T> + ?Sized,
    {
        match input {
            Input::Received { source, bytes } => self.receive(now, source, bytes, policy),
            Input::FlowClosed(flow) => {
                policy.flow_closed(flow);
                self.fail_sends(now.monotonic, |target| target.flow == Some(flow));
            }
            Input::SendFailed { target } => self.fail_sends(now.monotonic, |other| *other == target),
            Input::Returned { remote, datagram } => self.returned(now.monotonic, remote, &datagram),
            Input::Command(Command::Invite(invite)) => self.invite(now.monotonic, invite),
            Input::Command(command) => self.command(now.monotonic, command),
            Input::Timeout => self.timeout(now.monotonic),
        }
        self.counters.server_transactions = self.servers.len();
        self.counters.client_transactions = self.clients.len();
        self.counters.dialogs = self.dialogs.len();
    }

    /// The next thing to send or to know.
    pub fn poll_output(&mut self) -> Option<Output<T>> {
        self.output.pop_front()
    }

    /// When [`Input::Timeout`] is due; none when nothing waits.
    pub fn next_timeout(&self) -> Option<Moment> {
        self.timers.next()
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A fresh id for [`NewInvite::dialog`].
    pub fn reserve_dialog(&mut self) -> DialogId {
        self.last_dialog += 1;
        DialogId::minted(self.config.shard, self.last_dialog)
    }

    fn command(&mut self, now: Moment, command: Command) {
        let known = self.with_dialog(now, command.dialog(), |endpoint, dialog| {
            match &dialog.phase {
                Phase::Confirmed if dialog.hangup.is_some() => {
                    // Superseded; not gone, for the ACK or the want of it is still to be told.
                    Fate::Continues
                }
                Phase::Ending | Phase::Outgoing(_) if dialog.is_given_up() => {
                    endpoint.event(dialog.id, DialogEvent::Gone);
                    Fate::Continues
                }
                _ => endpoint.dialog_command(now, dialog, command),
            }
        });
        if !known {
            self.counters.late_commands += 1;
        }
    }

    fn dialog_command(&mut self, now: Moment, dialog: &mut Dialog, command: Command) -> Fate {
        match command {
            Command::Respond { status, reason, headers, body, .. } => {
                self.respond(now, dialog, Said { status, reason, headers, body })
            }
            Command::AnswerOffer { offer, result, .. } => self.answer_offer(now, dialog, offer, result),
            Command::Hangup { reason, headers, .. } => self.hang_up(now, dialog, reason, headers),
            Command::Reinvite { body, .. } => self.reinvite(now, dialog, body),
            Command::Update { body, .. } => self.update(now, dialog, body),
            Command::Info { body, .. } => self.info(now, dialog, body),
            Command::Refer { refer_to, headers, .. } => self.refer(now, dialog, refer_to, headers),
            Command::AnswerRefer { refer, status, .. } => self.answer_refer(now, dialog, refer, status),
            Command::Notify { refer, status, reason, .. } => {
                self.notify(now, dialog, refer, status, reason.as_deref())
            }
            Command::Invite(_) => Fate::Continues,
        }
    }

    /// Lends a dialog out, so that the endpoint stays usable meanwhile; false when there is none.
    fn with_dialog<F>(&mut self, now: Moment, id: DialogId, act: F) -> bool
    where
        F: FnOnce(&mut Self, &mut Dialog) -> Fate,
    {
        let Some(mut dialog) = self.dialogs.remove(&id) else { return false };
        match act(self, &mut dialog) {
            Fate::Continues => self.keep(dialog),
            Fate::Over => self.bury(now, *dialog),
        }
        true
    }

    /// Puts a dialog where it lives, with its timer.
    fn keep(&mut self, mut dialog: Box<Dialog>) {
        let (id, next) = (dialog.id, dialog.next_timeout());
        self.timers.reschedule(&mut dialog.timer, next, Wake::Dialog(id));
        self.dialogs.insert(id, dialog);
    }

    /// Ends what still belongs to a dialog that is over, and says so.
    fn bury(&mut self, now: Moment, mut dialog: Dialog) {
        self.timers.cancel(dialog.timer);
        self.dialog_keys.remove(&dialog.key);
        self.refuse_offer(now, &mut dialog);
        self.refuse_refer(now, &mut dialog);
        if let Some(key) = dialog.open_invite() {
            self.abandon(now, key);
        }
        self.event(dialog.id, DialogEvent::Terminated);
    }

    fn event(&mut self, dialog: DialogId, event: DialogEvent) {
        self.output.push_back(Output::Event(Event::Dialog { dialog, event }));
    }

    fn reschedule_server(&mut self, key: Key) {
        if let Some(server) = self.servers.get_mut(&key) {
            let next = server.machine.next_timeout();
            self.timers.reschedule(&mut server.timer, next, Wake::Server(key));
        }
    }

    fn reschedule_client(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(&key) {
            let next = client.machine.next_timeout();
            self.timers.reschedule(&mut client.timer, next, Wake::Client(key));
        }
    }
}

impl<T> std::fmt::Debug for Endpoint<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("counters", &self.counters).finish_non_exhaustive()
    }
}

//! What the passing of time brings, and what happens when the network refuses to carry a message.

use ringway_model::Moment;

use super::input::Target;
use super::output::Transmit;
use super::table::Wake;
use super::{Endpoint, Fate};
use crate::dialog::uas::SentAnswer;
use crate::dialog::{Dialog, Phase};
use crate::transaction::Fired;
use crate::transaction::key::Key;
use crate::transaction::timers::Due;

impl<T> Endpoint<T> {
    pub(super) fn timeout(&mut self, now: Moment) {
        while let Some((_, wake)) = self.timers.pop_due(now) {
            match wake {
                Wake::Server(key) => self.server_timeout(now, key),
                Wake::Client(key) => self.client_timeout(now, key),
                Wake::Dialog(id) => {
                    self.with_dialog(now, id, |endpoint, dialog| {
                        dialog.timer = None;
                        endpoint.dialog_timeout(now, dialog)
                    });
                }
            }
        }
    }

    fn server_timeout(&mut self, now: Moment, key: Key) {
        let Some(server) = self.servers.get_mut(&key) else { return };
        server.timer = None;
        match server.machine.timeout(now) {
            Fired::Repeat => {
                let (target, method, status) =
                    (Target::from(&server.source), server.method, server.last_status);
                if let Some(bytes) = server.machine.repeated() {
                    self.send_response(target, method, status, bytes);
                }
                self.reschedule_server(key);
            }
            Fired::Ended | Fired::TimedOut => self.remove_server(key),
            Fired::Nothing => self.reschedule_server(key),
        }
    }

    fn remove_server(&mut self, key: Key) {
        if let Some(server) = self.servers.remove(&key) {
            self.timers.cancel(server.timer);
            if let Some(merged) = server.merged {
                self.merged.remove(&merged);
            }
        }
    }

    fn client_timeout(&mut self, now: Moment, key: Key) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        client.timer = None;
        match client.machine.timeout(now) {
            Fired::Repeat => {
                let method = client.purpose.method();
                let transmit = Transmit { target: client.target, bytes: client.request.clone() };
                self.send_request(method, transmit);
                self.reschedule_client(key);
            }
            Fired::TimedOut => self.client_failed(now, key, 408),
            Fired::Ended => {
                self.clients.remove(&key);
            }
            Fired::Nothing => self.reschedule_client(key),
        }
    }

    fn dialog_timeout(&mut self, now: Moment, dialog: &mut Dialog) -> Fate {
        match &mut dialog.phase {
            Phase::Outgoing(_) => {
                self.leave_silent_place(now, dialog);
                Fate::Continues
            }
            Phase::Incoming(_) => self.provisional_timeout(now, dialog),
            Phase::Confirmed | Phase::Ending => {
                self.answered_timeout(now, dialog);
                Fate::Continues
            }
        }
    }

    fn answered_timeout(&mut self, now: Moment, dialog: &mut Dialog) {
        match dialog.answer.as_mut().and_then(|answer| answer.take_due(now)) {
            Some(Due::Repeat) => {
                if let Some(SentAnswer { transmit, .. }) = &dialog.answer {
                    let Transmit { target, bytes } = transmit.clone();
                    self.send_response(target, "INVITE", 200, bytes);
                }
            }
            Some(Due::Expired) => {
                dialog.answer = None;
                self.acknowledge_timeout(now, dialog);
            }
            None => {
                if let Some(change) = dialog.change.as_mut() {
                    change.stop_waiting(now);
                }
                self.session_timeout(now, dialog);
                self.try_change(now, dialog);
            }
        }
    }
}

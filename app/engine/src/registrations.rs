//! Keeps the bindings on disk, at most half a second behind, and gives back the memory of those that ended:
//! a thread of its own, so that neither the driver nor a call waits for the disk.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ringway_model::Now;
use ringway_model::sid::{DomainSid, RegistrationSid};
use ringway_sip::registrar::{Binding, Bindings, Listed};
use ringway_sip_net::clock::now;
use ringway_store::RegistrationLog;

/// The registered phones, for the REST API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registrations(Arc<Bindings>);

impl Registrations {
    /// What is in `bindings`, as of now whenever it is asked.
    pub fn new(bindings: Arc<Bindings>) -> Self {
        Self(bindings)
    }

    /// Which registrations a domain has, the last one first.
    pub fn of_domain(&self, domain: &DomainSid) -> Vec<Listed> {
        self.0.of_domain(now(), domain)
    }

    /// One of them with its user; none when it ended meanwhile.
    pub fn get(&self, listed: &Listed) -> Option<(String, Binding)> {
        self.0.get(now(), listed)
    }

    /// A registration of a domain by its SID, with its user.
    pub fn find(&self, domain: &DomainSid, sid: &RegistrationSid) -> Option<(String, Binding)> {
        self.0.find(now(), domain, sid)
    }

    /// Ends one; false when there is none. Nothing keeps the phone from registering again.
    pub fn remove(&self, domain: &DomainSid, sid: &RegistrationSid) -> bool {
        self.0.remove(now(), domain, sid)
    }
}

/// How often the disk is brought up to date.
const INTERVAL: Duration = Duration::from_millis(500);

/// The thread; when this is dropped it writes what is left, and ends.
pub(crate) struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Takes back what the last run had bound, then keeps it.
pub(crate) fn keep(bindings: Arc<Bindings>, mut log: RegistrationLog) -> std::io::Result<Keeper> {
    let start = now();
    log.restore(|registered| bindings.restore(start, registered))?;
    renew(&mut log, &bindings, start)?;
    let (stop, stopped) = mpsc::channel();
    let thread = thread::Builder::new().name("registrations".to_owned()).spawn(move || {
        let mut turn = 0;
        while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            write(&mut log, &bindings, now());
            bindings.sweep(now(), turn);
            turn += 1;
        }
        write(&mut log, &bindings, now());
    })?;
    Ok(Keeper { stop: Some(stop), thread: Some(thread) })
}

/// Nothing of a failure is lost: the whole file is written anew as soon as that succeeds.
fn write(log: &mut RegistrationLog, bindings: &Bindings, now: Now) {
    bindings.changed(now, |registered| log.note(&registered));
    if log.is_noted()
        && let Err(error) = log.write()
    {
        tracing::error!(%error, "registrations could not be written");
    }
    if log.wants_renewal()
        && let Err(error) = renew(log, bindings, now)
    {
        tracing::error!(%error, "registrations could not be written anew");
    }
}

fn renew(log: &mut RegistrationLog, bindings: &Bindings, now: Now) -> std::io::Result<()> {
    log.renew(|each| bindings.all(now, each))
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper of the registrations had died");
        }
    }
}

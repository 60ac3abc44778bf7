//! The thread that owns the endpoint. It alone hands it packets, commands and the time, sends what comes
//! out, and sleeps until a socket, a command or a timer wakes it. It waits for nothing else.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use ringway_model::Moment;
use ringway_sip::endpoint::{
    Command, Endpoint, Event, FlowId, FlowOrder, Input, Output, Policy, Source, Target, Transmit, Transport,
};
use ringway_sip::stun::{self, is_stun};

use crate::clock;
use crate::handle::{Driver, DriverHandle, Shared, Snapshot};
use crate::listen::{ListenSpec, choose};
use crate::listeners::{Listeners, NetConfig};
use crate::meters::Meters;
use crate::poller::{Interest, Poller, Ready, Token};
use crate::streams::{StreamConfig, Streams};
use crate::stun_limit::StunLimit;
use crate::udp::{Arena, BATCH, Datagram, UdpSocket, would_block};
use crate::udp_errors::{is_unreachable, returned};
use crate::waker::Waker;

/// Batches read from one socket before the others get their turn.
const BATCHES_PER_TURN: usize = 4;
/// Commands carried out before the sockets get their turn.
const COMMANDS_PER_TURN: usize = 512;
/// How often connections are looked at for silence.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The longest sleep; only a bound for the arithmetic.
const SLEEP_MAX: Duration = Duration::from_secs(3600);
/// Reports of earlier datagrams that one batch of messages may meet before it is taken for unsendable itself.
const REPORTS_MAX: u32 = 8;
/// A datagram this short is a keep-alive of a phone behind a NAT, not a message.
const KEEP_ALIVE_BYTES: usize = 4;

/// Takes what happens in the endpoint. Called on the driver's thread: it must neither block nor panic.
pub trait EventSink<T> {
    /// Something happened.
    fn deliver(&mut self, event: Event<T>);

    /// A message came or is about to leave; for ladders and traces. Does nothing unless implemented.
    fn observe(&mut self, _direction: Observed, _transport: Transport, _remote: SocketAddr, _message: &[u8]) {
    }
}

/// Which way an observed message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// From `remote` to us.
    Received,
    /// From us to `remote`.
    Sent,
}

/// Starts the thread.
pub(crate) fn start<P, S>(
    listeners: Listeners,
    endpoint: Endpoint<P::Ticket>,
    policy: P,
    sink: S,
) -> io::Result<Driver>
where
    P: Policy + Send + 'static,
    P::Ticket: Send + 'static,
    S: EventSink<P::Ticket> + Send + 'static,
{
    let shared = Arc::new(Shared {
        waker: Waker::new()?,
        stop: AtomicBool::new(false),
        snapshot: Mutex::new(Snapshot::default()),
    });
    let (sender, commands) = mpsc::channel();
    let core = Core {
        endpoint,
        policy,
        sink,
        inputs: VecDeque::new(),
        outgoing: Vec::new(),
        flow_orders: Vec::new(),
        stun: StunLimit::new(),
    };
    let mut turner = Turner::new(listeners, core, commands, Arc::clone(&shared))?;
    let thread = thread::Builder::new().name("ringway-sip".to_owned()).spawn(move || {
        let _guard = AbortOnPanic;
        turner.run();
    })?;
    Ok(Driver { handle: DriverHandle { commands: sender, shared }, thread: Some(thread) })
}

/// No call can go on without the driver, and no one could see why: the process ends at once, and its
/// supervisor starts another.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("the SIP driver panicked; the process ends");
            std::process::abort();
        }
    }
}

/// The endpoint and those it talks with.
struct Core<P: Policy, S> {
    endpoint: Endpoint<P::Ticket>,
    policy: P,
    sink: S,
    /// What the sockets had to say and the endpoint has not heard yet.
    inputs: VecDeque<Input>,
    /// What the endpoint wants sent.
    outgoing: Vec<Transmit>,
    /// Connections whose peers are not welcome.
    flow_orders: Vec<(FlowId, FlowOrder)>,
    stun: StunLimit,
}

impl<P: Policy, S: EventSink<P::Ticket>> Core<P, S> {
    fn handle(&mut self, input: Input) {
        if let Input::Received { source, bytes } = &input {
            self.sink.observe(Observed::Received, source.transport, source.remote, bytes);
        }
        self.endpoint.handle_input(clock::now(), input, &mut self.policy);
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) => self.outgoing.push(transmit),
                Output::Flow(flow, order) => self.flow_orders.push((flow, order)),
                Output::Event(event) => self.sink.deliver(event),
            }
        }
    }

    fn datagram(&mut self, datagram: &Datagram<'_>) {
        if datagram.bytes.len() <= KEEP_ALIVE_BYTES {
            return;
        }
        let source = Source {
            transport: Transport::Udp,
            remote: datagram.remote,
            local: datagram.local,
            flow: None,
            arrival: datagram.arrival,
        };
        if is_stun(datagram.bytes) {
            return self.stun(datagram.bytes, &source);
        }
        self.handle(Input::Received { source, bytes: Bytes::copy_from_slice(datagram.bytes) });
    }

    fn stun(&mut self, request: &[u8], source: &Source) {
        let Some(answer) = stun::answer(request, source.remote) else { return };
        if self.stun.allows(source.remote.ip(), source.arrival) {
            self.outgoing.push(Transmit { target: Target::from(source), bytes: Bytes::from(answer) });
        }
    }
}

/// Turns: wait, read, carry out, send.
struct Turner<P: Policy, S> {
    core: Core<P, S>,
    poller: Poller,
    udp: Vec<UdpSocket>,
    udp_specs: Vec<ListenSpec>,
    /// Messages for each datagram socket, sent together.
    outboxes: Vec<Vec<Transmit>>,
    arena: Arena,
    streams: Streams,
    commands: Receiver<Command>,
    shared: Arc<Shared>,
    meters: Meters,
    swept: Moment,
}

impl<P: Policy, S: EventSink<P::Ticket>> Turner<P, S> {
    fn new(
        listeners: Listeners,
        core: Core<P, S>,
        commands: Receiver<Command>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let Listeners { udp, streams, addresses: _, config, tls } = listeners;
        let poller = Poller::new()?;
        poller.add(&shared.waker, Token::Waker, Interest::READ)?;
        for (index, socket) in udp.iter().enumerate() {
            poller.add(socket, Token::Udp(index), Interest::READ)?;
        }
        let NetConfig { tcp: limits, message, names, listen: _ } = config;
        let streams = Streams::new(streams, StreamConfig { limits, message, tls, names });
        streams.register(&poller)?;
        let udp_specs: Vec<ListenSpec> = udp
            .iter()
            .map(|socket| ListenSpec { transport: Transport::Udp, address: socket.local() })
            .collect();
        Ok(Self {
            core,
            poller,
            outboxes: udp.iter().map(|_| Vec::new()).collect(),
            udp,
            udp_specs,
            arena: Arena::new(),
            streams,
            commands,
            shared,
            meters: Meters::default(),
            swept: clock::monotonic(),
        })
    }

    fn run(&mut self) {
        let mut ready = Vec::new();
        let mut commands_left = true;
        loop {
            self.wait(commands_left, &mut ready);
            // Asked before the commands are taken: all that were given before the stop are carried out.
            let stop = self.shared.stop.load(Ordering::SeqCst);
            for Ready { token, writable } in ready.drain(..) {
                self.serve(token, writable);
            }
            commands_left = self.carry_out();
            self.keep_time();
            self.send();
            if stop && !commands_left {
                break;
            }
        }
        let now = clock::monotonic();
        self.meters.publish(now, self.core.endpoint.counters(), self.streams.len(), &self.shared);
    }

    /// Sleeps until something is to be done.
    fn wait(&mut self, commands_left: bool, ready: &mut Vec<Ready>) {
        let mut timeout = if commands_left { Duration::ZERO } else { self.sleep() };
        let mut first = None;
        if !timeout.is_zero() {
            self.shared.waker.rest();
            // A command that came before the line above woke nobody.
            first = self.commands.try_recv().ok();
            if first.is_some() || self.shared.stop.load(Ordering::SeqCst) {
                timeout = Duration::ZERO;
            }
        }
        if let Err(error) = self.poller.wait(timeout, ready) {
            tracing::error!(%error, "cannot wait for sockets");
            thread::sleep(Duration::from_millis(10));
        }
        self.shared.waker.rise();
        if let Some(command) = first {
            self.core.handle(Input::Command(command));
        }
    }

    fn sleep(&self) -> Duration {
        let now = clock::monotonic();
        let sweep = self.streams.needs_sweep().then_some(self.swept + SWEEP_INTERVAL);
        [self.core.endpoint.next_timeout(), self.meters.due(), sweep]
            .into_iter()
            .flatten()
            .map(|due| due.since(now))
            .min()
            .unwrap_or(SLEEP_MAX)
            .min(SLEEP_MAX)
    }

    fn serve(&mut self, token: Token, writable: bool) {
        self.meters.dirty = true;
        match token {
            Token::Waker => self.shared.waker.clear(),
            Token::Udp(index) => {
                if writable {
                    self.read_returned(index);
                }
                self.read_datagrams(index);
            }
            Token::Listener(index) => self.streams.accept(index, &self.poller, clock::monotonic()),
            Token::Flow(id) => {
                let inputs = &mut self.core.inputs;
                self.streams.ready(id, writable, &self.poller, clock::monotonic(), inputs);
                self.send();
                self.streams.settle(id, &self.poller, &mut self.core.inputs);
                self.send();
            }
        }
    }

    fn read_datagrams(&mut self, index: usize) {
        for _ in 0..BATCHES_PER_TURN {
            let Some(socket) = self.udp.get_mut(index) else { return };
            let core = &mut self.core;
            let received = match socket.receive(&mut self.arena, |datagram| core.datagram(&datagram)) {
                Ok(received) => received,
                Err(error) => {
                    tracing::debug!(%error, "cannot read datagrams");
                    return;
                }
            };
            self.meters.receive_drops += u64::from(received.dropped);
            self.send();
            if received.count < BATCH {
                return;
            }
        }
    }

    /// Lets the endpoint know what the network has returned.
    fn read_returned(&mut self, index: usize) {
        let Some(socket) = self.udp.get(index) else { return };
        let inputs = returned(socket.as_fd()).into_iter();
        self.core.inputs.extend(
            inputs.map(|returned| Input::Returned { remote: returned.remote, datagram: returned.datagram }),
        );
    }

    /// Carries out commands; says whether any may be left.
    fn carry_out(&mut self) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            let Ok(command) = self.commands.try_recv() else { return false };
            self.meters.dirty = true;
            self.core.handle(Input::Command(command));
        }
        true
    }

    fn keep_time(&mut self) {
        let now = clock::monotonic();
        if self.core.endpoint.next_timeout().is_some_and(|due| due <= now) {
            self.meters.dirty = true;
            self.core.handle(Input::Timeout);
        }
        if self.streams.needs_sweep() && now >= self.swept + SWEEP_INTERVAL {
            self.swept = now;
            self.streams.sweep(&self.poller, now, &mut self.core.inputs);
            self.meters.dirty = true;
        }
        if self.meters.due().is_some_and(|due| due <= now) {
            self.meters.publish(now, self.core.endpoint.counters(), self.streams.len(), &self.shared);
        }
    }

    /// Lets the endpoint hear what the sockets said and sends what it answers, until both are silent.
    fn send(&mut self) {
        loop {
            while let Some(input) = self.core.inputs.pop_front() {
                self.meters.send_failures += u64::from(matches!(input, Input::SendFailed { .. }));
                self.core.handle(input);
            }
            for (flow, order) in self.core.flow_orders.drain(..) {
                match order {
                    FlowOrder::Close => self.streams.hang_up(flow, &mut self.core.inputs),
                    FlowOrder::Stall => self.streams.stall(flow, &self.poller),
                }
            }
            if self.core.outgoing.is_empty() && self.core.inputs.is_empty() {
                return;
            }
            let mut outgoing = std::mem::take(&mut self.core.outgoing);
            for transmit in outgoing.drain(..) {
                self.dispatch(transmit);
            }
            // The buffer is used again; nothing can have been put into the new one meanwhile.
            self.core.outgoing = outgoing;
            for index in 0..self.outboxes.len() {
                self.flush(index);
            }
        }
    }

    fn dispatch(&mut self, transmit: Transmit) {
        let target = transmit.target;
        self.core.sink.observe(Observed::Sent, target.transport, target.remote, &transmit.bytes);
        match target.transport {
            Transport::Udp => {
                let spec = choose(&self.udp_specs, Transport::Udp, target.local, target.remote);
                let index = spec.and_then(|spec| self.udp_specs.iter().position(|other| other == spec));
                match index.and_then(|index| self.outboxes.get_mut(index)) {
                    Some(outbox) => outbox.push(transmit),
                    None => self.core.inputs.push_back(Input::SendFailed { target }),
                }
            }
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                let inputs = &mut self.core.inputs;
                self.streams.send(transmit, &self.poller, clock::monotonic(), inputs);
            }
        }
    }

    /// Sends what waits for a datagram socket. What does not fit into the kernel's buffer is lost, as the
    /// network might have lost it.
    fn flush(&mut self, index: usize) {
        let mut outbox = self.outboxes.get_mut(index).map(std::mem::take).unwrap_or_default();
        let mut rest = outbox.as_slice();
        let mut reports = 0;
        while !rest.is_empty() {
            let Some(socket) = self.udp.get(index) else { return };
            let done = match socket.send(rest) {
                Ok(sent) => sent.max(1),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) if would_block(&error) => {
                    self.meters.send_failures += rest.len() as u64;
                    rest.len()
                }
                // The report of an earlier datagram comes as the error of this call, and says nothing of it.
                Err(error) if is_unreachable(&error) && reports < REPORTS_MAX => {
                    reports += 1;
                    self.read_returned(index);
                    0
                }
                Err(error) => {
                    if let Some(Transmit { target, .. }) = rest.first() {
                        tracing::debug!(remote = %target.remote, %error, "datagram not sent");
                        self.core.inputs.push_back(Input::SendFailed { target: *target });
                    }
                    1
                }
            };
            rest = rest.get(done..).unwrap_or_default();
        }
        outbox.clear();
        if let Some(slot) = self.outboxes.get_mut(index) {
            *slot = outbox;
        }
    }
}

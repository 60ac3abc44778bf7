//! One call out: the endpoint, a socket, a media session, and a loop that follows what happens.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringway_media::sdp::{LocalMedia, Negotiation, SessionDescription, sdp_from_body};
use ringway_media::{Codec, Latch, Negotiated, PlayId, Prompt, SessionConfig, SessionEvent};
use ringway_model::Now;
use ringway_model::random::Random;
use ringway_rtp_net::prompt::DecodeLimits;
use ringway_rtp_net::{MediaConfig, MediaNet, ReservedPorts, Session};
use ringway_sip::endpoint::{
    Body, Command, Credentials, DialogEvent, DialogId, Endpoint, EndpointConfig, Event, NewInvite, Policy,
    Reply, Source, Transport, Verdict,
};
use ringway_sip::message::Message;
use ringway_sip_net::{
    AdvertiseRule, Driver, DriverHandle, EventSink, ListenSpec, Listeners, NetConfig, Observed,
    local_address_towards,
};

use super::CallOptions;
use super::ladder::Rung;
use super::report::Report;
use super::route::{self, Route};

/// The one dialog there is.
const DIALOG_NUMBER: u64 = 1;
/// How long an unanswered call rings.
const RING_TIMEOUT: Duration = Duration::from_secs(90);
/// How long a call may take to end once it was told to.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// The ports that media may use.
const RTP_PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_998;

/// Places the call and follows it to its end.
pub(super) fn call(options: &CallOptions) -> Result<Report, String> {
    let prompt = options.play.as_deref().map(prompt).transpose()?;
    let mut random = random()?;
    let route = Route::of(options, &mut random)?;
    let remote = route.first.remote;
    let local_ip = local_address_towards(remote).map_err(|error| format!("no way to {remote}: {error}"))?;
    let media = MediaConfig { ports: RTP_PORTS, ..MediaConfig::default() };
    let media = MediaNet::start(media, random.bytes()).map_err(|error| format!("media: {error}"))?;
    let ports = media.reserve(local_ip).map_err(|error| format!("media: {error}"))?;
    let mut local = LocalMedia::new(local_ip, ports.rtp_port(), ports.rtcp_port(), random.u64() >> 2);
    if options.codec == Codec::Pcma {
        local.codecs.reverse();
    }
    let mut negotiation = Negotiation::new(local);
    let (sender, news) = mpsc::channel();
    let start = Instant::now();
    let driver = start_driver(options, &route, local_ip, &mut random, start, &sender)?;
    let invite = invite(options, route, negotiation.offer())?;
    driver.handle().send(Command::Invite(Box::new(invite))).map_err(|error| error.to_string())?;
    let mut caller = Caller {
        options,
        remote,
        start,
        sip: driver.handle(),
        media,
        ports: Some(ports),
        negotiation,
        random,
        prompt,
        news,
        sender,
        session: None,
        report: Report::default(),
        answered_at: None,
        digits_due: None,
        hang_up_at: start + RING_TIMEOUT,
        ending: false,
    };
    caller.follow()?;
    driver.shutdown();
    caller.see_the_last();
    Ok(caller.report)
}

/// What the loop is told.
enum News {
    Sip(DialogEvent),
    Message(Rung),
    Heard(Vec<i16>),
    Key(char),
}

struct Caller<'a> {
    options: &'a CallOptions,
    /// Where the first place of the other side is.
    remote: SocketAddr,
    start: Instant,
    sip: DriverHandle,
    media: MediaNet,
    ports: Option<ReservedPorts>,
    negotiation: Negotiation,
    random: Random,
    prompt: Option<Arc<Prompt>>,
    news: Receiver<News>,
    sender: Sender<News>,
    session: Option<Session>,
    report: Report,
    answered_at: Option<Instant>,
    digits_due: Option<Instant>,
    hang_up_at: Instant,
    ending: bool,
}

impl Caller<'_> {
    /// Until the dialog is over.
    fn follow(&mut self) -> Result<(), String> {
        loop {
            let due = self.digits_due.map_or(self.hang_up_at, |due| due.min(self.hang_up_at));
            match self.news.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(News::Sip(DialogEvent::Terminated)) => {
                    self.close();
                    return Ok(());
                }
                Ok(News::Sip(event)) => self.event(event)?,
                Ok(News::Message(rung)) => self.rung(rung),
                Ok(News::Heard(samples)) => self.report.heard.push(&samples),
                Ok(News::Key(key)) => self.report.keys.push(key),
                Err(RecvTimeoutError::Timeout) => self.time_came()?,
                Err(RecvTimeoutError::Disconnected) => return Err("the SIP driver stopped".to_owned()),
            }
        }
    }

    /// What the driver sent while it stopped: the ACK of a refusal, the response to a BYE.
    fn see_the_last(&mut self) {
        let last: Vec<News> = self.news.try_iter().collect();
        for news in last {
            if let News::Message(rung) = news {
                self.rung(rung);
            }
        }
    }

    fn event(&mut self, event: DialogEvent) -> Result<(), String> {
        match event {
            DialogEvent::Provisional { .. } => self.alerted(),
            DialogEvent::Answered { response } => self.answered(&response)?,
            DialogEvent::Rejected { status, response } => {
                self.alerted();
                self.report.status = status;
                let reason = response.as_ref().map(|response| response.reason().to_owned());
                self.report.reason = reason.unwrap_or_else(|| no_response(status).to_owned());
            }
            DialogEvent::Bye { .. } => {
                self.report.ended_by = "the other side";
                self.close();
            }
            DialogEvent::Offer { offer, request } => {
                let result = self.reoffered(&request);
                let dialog = dialog();
                self.command(Command::AnswerOffer { dialog, offer, result })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn alerted(&mut self) {
        self.report.post_dial_delay.get_or_insert_with(|| self.start.elapsed());
    }

    fn answered(&mut self, response: &Message) -> Result<(), String> {
        self.alerted();
        if self.answered_at.is_some() {
            return Ok(());
        }
        let now = Instant::now();
        self.answered_at = Some(now);
        self.report.status = response.status().unwrap_or(0);
        response.reason().clone_into(&mut self.report.reason);
        self.hang_up_at = now + self.options.duration.unwrap_or(Duration::from_secs(4 * 3600));
        self.digits_due = self.options.digits.as_ref().map(|_| now + self.options.digits_after);
        match self.agree(response) {
            Ok(negotiated) => self.open(negotiated),
            Err(error) => {
                self.report.ended_by = "us: the answer's media cannot be used";
                eprintln!("ringway: {error}");
                self.hang_up()
            }
        }
    }

    fn agree(&mut self, response: &Message) -> Result<Negotiated, String> {
        let content_type = response.content_type().unwrap_or_default();
        let sdp = sdp_from_body(content_type, response.body()).map_err(|error| error.to_string())?;
        let answer = SessionDescription::parse(sdp).map_err(|error| error.to_string())?;
        self.negotiation.apply_answer(&answer).map_err(|error| error.to_string())
    }

    fn open(&mut self, negotiated: Negotiated) -> Result<(), String> {
        let Some(ports) = self.ports.take() else { return Ok(()) };
        let config = SessionConfig {
            negotiated,
            ssrc: self.random.u32(),
            first_sequence: self.random.u32() as u16,
            first_timestamp: self.random.u32(),
            cname: format!("{:016x}", self.random.u64()),
            latch: Latch::Signalled { signalling: self.remote.ip() },
            inactivity: Duration::from_secs(3600),
            listen: true,
            opened_at: ringway_sip_net::clock::wall(),
            seed: self.random.u64(),
        };
        let (keys, heard) = (self.sender.clone(), self.sender.clone());
        let session = self.media.open(
            ports,
            config,
            Box::new(move |event| {
                if let SessionEvent::Digit(key) = event {
                    // The loop may be over already.
                    let _ = keys.send(News::Key(key));
                }
            }),
        );
        session.listen(Box::new(move |samples: &[i16]| {
            // The loop may be over already.
            let _ = heard.send(News::Heard(samples.to_vec()));
        }));
        if let Some(prompt) = &self.prompt {
            session.play(PlayId(0), Arc::clone(prompt), 1);
        }
        self.session = Some(session);
        Ok(())
    }

    /// A re-INVITE or UPDATE of the other side.
    fn reoffered(&mut self, request: &Message) -> Result<Option<Body>, u16> {
        let content_type = request.content_type().unwrap_or("application/sdp");
        if request.body().is_empty() {
            return Ok(Some(body(self.negotiation.offer())));
        }
        let sdp = sdp_from_body(content_type, request.body()).map_err(|_| 415u16)?;
        let offer = SessionDescription::parse(sdp).map_err(|_| 488u16)?;
        let answer = self.negotiation.answer(&offer).map_err(|_| 488u16)?;
        if let Some(session) = &self.session {
            session.renegotiate(answer.negotiated);
        }
        Ok(Some(body(answer.sdp)))
    }

    fn rung(&mut self, rung: Rung) {
        if !self.options.json {
            println!("{}", rung.line());
            // A ladder that nobody can see is no loss.
            let _ = std::io::stdout().flush();
        }
        self.report.ladder.push(rung);
    }

    fn time_came(&mut self) -> Result<(), String> {
        let now = Instant::now();
        if self.digits_due.is_some_and(|due| due <= now) {
            self.digits_due = None;
            if let (Some(session), Some(digits)) = (&self.session, &self.options.digits) {
                session.send_digits(PlayId(1), digits.clone());
            }
        }
        if now < self.hang_up_at {
            return Ok(());
        }
        if self.ending {
            return Err("the call did not end when it was told to".to_owned());
        }
        self.report.ended_by = "us";
        self.hang_up()
    }

    fn hang_up(&mut self) -> Result<(), String> {
        self.ending = true;
        self.hang_up_at = Instant::now() + END_TIMEOUT + Duration::from_secs(32);
        self.close();
        self.command(Command::Hangup { dialog: dialog(), reason: None, headers: Vec::new() })
    }

    fn close(&mut self) {
        if let Some(answered_at) = self.answered_at.take() {
            self.report.talked = answered_at.elapsed();
        }
        if let Some(session) = self.session.take() {
            let (sender, statistics) = mpsc::channel();
            session.close(move |statistics| {
                // Whoever asked may have given up waiting.
                let _ = sender.send(statistics);
            });
            self.report.media = statistics.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        }
    }

    fn command(&self, command: Command) -> Result<(), String> {
        self.sip.send(command).map_err(|error| error.to_string())
    }
}

fn dialog() -> DialogId {
    DialogId::chosen(0, DIALOG_NUMBER)
}

fn body(sdp: Vec<u8>) -> Body {
    Body { content_type: "application/sdp".to_owned(), bytes: Bytes::from(sdp) }
}

fn no_response(status: u16) -> &'static str {
    if status == 408 { "no response" } else { "the network refused" }
}

fn random() -> Result<Random, String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| format!("no random bytes: {error}"))?;
    Ok(Random::from_seed(seed))
}

fn prompt(path: &Path) -> Result<Arc<Prompt>, String> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let prompt = ringway_rtp_net::prompt::prompt(None, path.to_str(), &bytes, DecodeLimits::default());
    prompt.map(Arc::new).map_err(|error| format!("{shown}: {error}"))
}

fn invite(options: &CallOptions, route: Route, sdp: Vec<u8>) -> Result<NewInvite, String> {
    let uri = options.uri.as_ref();
    let domain = uri.host;
    let password = options.password()?;
    let (from, to) = (format!("<sip:{}@{domain}>", options.user), format!("<{}>", options.uri.as_str()));
    Ok(NewInvite {
        alternatives: route.rest,
        contact_user: Some(options.user.clone()),
        headers: options.headers.clone(),
        body: Some(body(sdp)),
        credentials: password.map(|password| Credentials { username: options.user.clone(), password }),
        ..NewInvite::new(dialog(), route.first, options.uri.as_str(), from, to)
    })
}

fn start_driver(
    options: &CallOptions,
    route: &Route,
    local_ip: IpAddr,
    random: &mut Random,
    start: Instant,
    sender: &Sender<News>,
) -> Result<Driver, String> {
    let address = SocketAddr::new(local_ip, 0);
    let listen = [Transport::Udp, Transport::Tcp].map(|transport| ListenSpec { transport, address });
    let names = route.names.clone();
    let listeners = Listeners::bind(NetConfig { listen: listen.into(), names, ..NetConfig::default() });
    let listeners = listeners.map_err(|error| error.to_string())?.with_tls(route::tls(options)?);
    let listening = listeners.addresses().to_vec();
    let mut config =
        EndpointConfig::new(0, Box::new(AdvertiseRule { listening, ..AdvertiseRule::default() }));
    config.server = format!("Ringway/{}", env!("CARGO_PKG_VERSION"));
    let endpoint = Endpoint::new(config, random.bytes());
    let sink = Follower { start, news: sender.clone() };
    listeners
        .start(endpoint, NobodyCallsUs, sink)
        .map_err(|error| format!("cannot start the SIP driver: {error}"))
}

/// A caller takes no calls.
struct NobodyCallsUs;

impl Policy for NobodyCallsUs {
    type Ticket = ();

    fn admit(&mut self, _now: Now, _request: &Message, _source: &Source) -> Verdict<()> {
        Verdict::Reply(Reply::new(480))
    }
}

/// Tells the loop what the driver sees.
struct Follower {
    start: Instant,
    news: Sender<News>,
}

impl EventSink<()> for Follower {
    fn deliver(&mut self, event: Event<()>) {
        if let Event::Dialog { event, .. } = event {
            // The loop may be over already.
            let _ = self.news.send(News::Sip(event));
        }
    }

    fn observe(&mut self, direction: Observed, _transport: Transport, _remote: SocketAddr, message: &[u8]) {
        let _ = self.news.send(News::Message(Rung::new(self.start.elapsed(), direction, message)));
    }
}

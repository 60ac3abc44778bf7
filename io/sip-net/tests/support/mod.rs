//! The driver on the loopback network, and what its tests share.
#![allow(dead_code, unreachable_pub)] // each test binary uses a part of it

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use ringway_model::Now;
use ringway_sip::endpoint::{
    Command, DialogEvent, DialogId, Endpoint, EndpointConfig, Event, NewInvite, Policy, Reply, Source,
    Target, Transport, Verdict,
};
use ringway_sip::message::Message;
use ringway_sip_net::{
    AdvertiseRule, Driver, EventSink, ListenSpec, Listeners, NetConfig, ServerNames, TcpLimits, TlsConfig,
};

/// Long enough for a machine under load; nothing waits this long unless something is broken.
pub const PATIENCE: Duration = Duration::from_secs(10);

struct Welcome;

impl Policy for Welcome {
    type Ticket = ();

    fn admit(&mut self, _now: Now, request: &Message, _source: &Source) -> Verdict<()> {
        match request.method().as_str() {
            "OPTIONS" => Verdict::Reply(Reply::new(200)),
            _ => Verdict::Accept(()),
        }
    }
}

struct Events(Sender<Event<()>>);

impl EventSink<()> for Events {
    fn deliver(&mut self, event: Event<()>) {
        // The test may have ended.
        let _ = self.0.send(event);
    }
}

pub struct World {
    pub driver: Driver,
    pub events: Receiver<Event<()>>,
    pub addresses: Vec<SocketAddr>,
    pub names: ServerNames,
}

pub fn serve(listen: &[&str], tcp: TcpLimits) -> World {
    serve_with(listen, tcp, TlsConfig::default())
}

pub fn serve_with(listen: &[&str], tcp: TcpLimits, tls: TlsConfig) -> World {
    let listen: Vec<ListenSpec> = listen.iter().map(|spec| spec.parse().expect("a listener")).collect();
    let config = NetConfig { listen, tcp, ..NetConfig::default() };
    let names = config.names.clone();
    let listeners = Listeners::bind(config).expect("free loopback ports").with_tls(tls);
    let addresses = listeners.addresses().iter().map(|spec| spec.address).collect();
    let rule = AdvertiseRule { listening: listeners.addresses().to_vec(), ..AdvertiseRule::default() };
    let endpoint = Endpoint::new(EndpointConfig::new(0, Box::new(rule)), [7; 32]);
    let (sender, events) = mpsc::channel();
    let driver = listeners.start(endpoint, Welcome, Events(sender)).expect("a thread");
    World { driver, events, addresses, names }
}

pub fn options(transport: &str, number: u32) -> String {
    format!(
        "OPTIONS sip:test.example SIP/2.0\r\n\
         Via: SIP/2.0/{transport} client.example;branch=z9hG4bK{number};rport\r\n\
         From: <sip:a@client.example>;tag=1\r\nTo: <sip:test.example>\r\nCall-ID: {number}@client\r\n\
         CSeq: {number} OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

pub fn udp_client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

pub fn tcp_client(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Reads until `count` responses have come, and gives back all that came.
pub fn responses(stream: &mut TcpStream, count: usize) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while text.matches("SIP/2.0 ").count() < count || !text.ends_with("\r\n\r\n") {
        let length = stream.read(&mut buffer).expect("a response");
        assert_ne!(length, 0, "closed after {text}");
        text.push_str(std::str::from_utf8(&buffer[..length]).expect("text"));
    }
    text
}

pub fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 512]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

pub fn invite(world: &World, target: Target) -> DialogId {
    let dialog = DialogId::chosen(0, 1);
    let (from, to) = ("<sip:a@test.example>", "<sip:b@test.example>");
    let call = NewInvite::new(dialog, target, "sip:b@test.example", from, to);
    world.driver.handle().send(Command::Invite(Box::new(call))).expect("the driver runs");
    dialog
}

pub fn target(transport: Transport, remote: SocketAddr) -> Target {
    Target { transport, remote, local: None, flow: None, name: None }
}

pub fn rejected(world: &World) -> u16 {
    loop {
        let event = world.events.recv_timeout(PATIENCE).expect("an event");
        if let Event::Dialog { event: DialogEvent::Rejected { status, .. }, .. } = event {
            return status;
        }
    }
}

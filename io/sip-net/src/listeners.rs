//! Binding, apart from serving: the operator learns of a taken port before anything else starts.

use std::io;

use ringway_sip::endpoint::{Endpoint, Policy, Transport};
use ringway_sip::message::Limits;

use crate::driver::{self, EventSink};
use crate::handle::Driver;
use crate::listen::ListenSpec;
use crate::names::ServerNames;
use crate::stream_listener::{StreamListener, TcpLimits};
use crate::tls::TlsConfig;
use crate::udp::UdpSocket;

/// What the network side is told once.
#[derive(Debug, Clone, Default)]
pub struct NetConfig {
    /// Where to listen.
    pub listen: Vec<ListenSpec>,
    /// Limits on stream connections.
    pub tcp: TcpLimits,
    /// Limits on one message, for the framing of streams.
    pub message: Limits,
    /// The names that TLS servers must prove; the resolver's.
    pub names: ServerNames,
}

/// A listener could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {spec}: {failure}")]
pub struct BindError {
    /// Which one.
    pub spec: ListenSpec,
    /// Why.
    #[source]
    pub failure: BindFailure,
}

/// Why a listener could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BindFailure {
    /// Another program has the port.
    #[error(
        "the port is in use by another program (is Ringway running already?); stop it or choose another port"
    )]
    InUse,
    /// The address is not one of this machine's.
    #[error("this machine does not have that address")]
    NoSuchAddress,
    /// We may not have the port.
    #[error("permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)")]
    Denied,
    /// Anything else.
    #[error(transparent)]
    Other(io::Error),
}

impl From<io::Error> for BindFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::InUse,
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Other(error),
        }
    }
}

/// Bound sockets that nobody reads yet.
pub struct Listeners {
    pub(crate) udp: Vec<UdpSocket>,
    pub(crate) streams: Vec<StreamListener>,
    pub(crate) addresses: Vec<ListenSpec>,
    pub(crate) config: NetConfig,
    pub(crate) tls: TlsConfig,
}

impl Listeners {
    /// Binds every listener.
    ///
    /// # Errors
    /// The first one that cannot be had; those bound before it are closed again.
    pub fn bind(config: NetConfig) -> Result<Self, BindError> {
        let mut bound = Self {
            udp: Vec::new(),
            streams: Vec::new(),
            addresses: Vec::new(),
            config,
            tls: TlsConfig::default(),
        };
        for spec in bound.config.listen.clone() {
            bound.bind_one(spec).map_err(|failure| BindError { spec, failure })?;
        }
        Ok(bound)
    }

    /// With certificates and trust; a listener for TLS that starts without refuses every connection.
    pub fn with_tls(self, tls: TlsConfig) -> Self {
        Self { tls, ..self }
    }

    /// The listeners in the order of the configuration, with the ports that the kernel chose.
    pub fn addresses(&self) -> &[ListenSpec] {
        &self.addresses
    }

    /// Starts the thread that owns `endpoint` from now on. `sink` is called on that thread, so it must never
    /// block; a panic there ends the process.
    ///
    /// # Errors
    /// When the system gives no descriptor or no thread.
    pub fn start<P, S>(self, endpoint: Endpoint<P::Ticket>, policy: P, sink: S) -> io::Result<Driver>
    where
        P: Policy + Send + 'static,
        P::Ticket: Send + 'static,
        S: EventSink<P::Ticket> + Send + 'static,
    {
        driver::start(self, endpoint, policy, sink)
    }

    fn bind_one(&mut self, spec: ListenSpec) -> Result<(), BindFailure> {
        let address = match spec.transport {
            Transport::Udp => {
                let socket = UdpSocket::bind(spec.address)?;
                let local = socket.local();
                self.udp.push(socket);
                local
            }
            transport => {
                let listener = StreamListener::bind(transport, spec.address)?;
                let local = listener.local();
                self.streams.push(listener);
                local
            }
        };
        self.addresses.push(ListenSpec { address, ..spec });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(spec: ListenSpec) -> NetConfig {
        NetConfig { listen: vec![spec], ..NetConfig::default() }
    }

    #[test]
    fn a_taken_port_is_said_clearly() {
        for text in ["udp://127.0.0.1:0", "tcp://127.0.0.1:0", "ws://127.0.0.1:0"] {
            let first = Listeners::bind(config(text.parse().expect("a listener"))).expect("a free port");
            let taken = first.addresses()[0];
            assert_ne!(taken.address.port(), 0);
            let error = Listeners::bind(config(taken)).err().expect("taken");
            assert!(matches!(error.failure, BindFailure::InUse), "{error}");
            assert!(error.to_string().contains(&taken.to_string()), "{error}");
        }
    }

    #[test]
    fn an_address_of_another_machine_is_said_clearly() {
        let spec = "udp://192.0.2.1:5060".parse().expect("a listener");
        let error = Listeners::bind(config(spec)).err().expect("not ours");
        assert!(matches!(error.failure, BindFailure::NoSuchAddress), "{error}");
    }
}

//! The resolver against a name server on the loopback network.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};
use ringway_model::uri::UriRef;
use ringway_sip::endpoint::{Target, Transport};
use ringway_sip_net::{ResolveError, Resolver, ServerNames};

/// The records that there are.
fn zone(name: &str) -> Vec<RData> {
    let server = |priority, port, target: &str| {
        RData::SRV(SRV::new(priority, 10, port, Name::from_ascii(target).expect("a name")))
    };
    match name {
        "_sip._udp.both.example." => vec![server(20, 5070, "b.example."), server(10, 5060, "a.example.")],
        "_sip._tcp.both.example." => vec![server(1, 5080, "a.example.")],
        "_sips._tcp.secure.example." => vec![server(1, 5061, "a.example.")],
        "_sip._udp.never.example." => vec![server(0, 0, ".")],
        "a.example." | "never.example." => vec![RData::A(A::new(192, 0, 2, 1))],
        "b.example." => {
            vec![RData::A(A::new(192, 0, 2, 2)), RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2))]
        }
        "inside.example." => vec![RData::A(A::new(10, 0, 0, 1)), RData::A(A::new(192, 0, 2, 3))],
        _ => Vec::new(),
    }
}

fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("bound");
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let query = Message::from_vec(&buffer[..length]).expect("a query");
            // The asker may have given up.
            let _ = socket.send_to(&answer(&query), from);
        }
    });
    address
}

fn answer(query: &Message) -> Vec<u8> {
    let question = query.queries.first().expect("a question");
    let records = zone(&question.name().to_ascii().to_ascii_lowercase());
    let mut reply = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    reply.metadata.authoritative = true;
    reply.metadata.response_code =
        if records.is_empty() { ResponseCode::NXDomain } else { ResponseCode::NoError };
    reply.add_query(question.clone());
    for data in records.into_iter().filter(|data| data.record_type() == question.query_type()) {
        reply.add_answer(Record::from_rdata(question.name().clone(), 60, data));
    }
    reply.to_vec().expect("an answer")
}

fn resolver(listening: &[&str]) -> Resolver {
    let mut connection = ConnectionConfig::udp();
    let server = name_server();
    connection.port = server.port();
    let server = NameServerConfig::new(server.ip(), true, vec![connection]);
    let config = ResolverConfig::from_name_servers(vec![server]);
    let dns = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let listening: Vec<_> = listening.iter().map(|spec| spec.parse().expect("a listener")).collect();
    Resolver::new(dns.build().expect("a client"), &listening, ServerNames::default(), [7; 32])
}

async fn places(resolver: &Resolver, uri: &str) -> Result<Vec<String>, ResolveError> {
    let open = |address: SocketAddr| address.ip() != IpAddr::from([10, 0, 0, 1]);
    let targets = resolver.resolve(&UriRef::parse(uri).expect("a URI"), &open).await?;
    Ok(targets.iter().map(shown).collect())
}

fn shown(target: &Target) -> String {
    assert_eq!(target.name.is_some(), target.transport == Transport::Tls, "{target:?}");
    format!("{} {}", target.transport.via_name(), target.remote)
}

const V4: [&str; 2] = ["udp://0.0.0.0:5060", "tcp://0.0.0.0:5060"];

#[tokio::test]
async fn rfc3263_4_2_servers_come_by_priority_with_all_their_addresses() {
    let resolver = resolver(&["udp://0.0.0.0:5060", "udp://[::]:5060"]);
    let found = places(&resolver, "sip:a@both.example").await.expect("servers");
    assert_eq!(found, ["UDP 192.0.2.1:5060", "UDP 192.0.2.2:5070", "UDP [2001:db8::2]:5070"]);
}

#[tokio::test]
async fn rfc3263_4_1_a_uri_may_choose_the_transport_and_the_port() {
    let resolver = resolver(&V4);
    let of = async |uri| places(&resolver, uri).await.expect("places").join(", ");
    assert_eq!(of("sip:both.example;transport=tcp").await, "TCP 192.0.2.1:5080");
    assert_eq!(of("sip:a.example").await, "UDP 192.0.2.1:5060");
    assert_eq!(of("sip:a.example:5090").await, "UDP 192.0.2.1:5090");
    assert_eq!(of("sip:a.example;transport=tls").await, "TLS 192.0.2.1:5061");
    assert_eq!(of("sip:secure.example").await, "TLS 192.0.2.1:5061");
    assert_eq!(of("sips:secure.example").await, "TLS 192.0.2.1:5061");
}

#[tokio::test]
async fn an_address_needs_no_name_server() {
    let resolver = resolver(&V4);
    assert_eq!(places(&resolver, "sip:a@192.0.2.9:5062").await, Ok(vec!["UDP 192.0.2.9:5062".to_owned()]));
}

#[tokio::test]
async fn only_families_that_a_listener_can_reach_are_found() {
    let by_v4 = resolver(&V4);
    assert_eq!(places(&by_v4, "sip:b.example").await, Ok(vec!["UDP 192.0.2.2:5060".to_owned()]));
    let by_v6 = resolver(&["udp://[::1]:5060"]);
    assert_eq!(places(&by_v6, "sip:b.example").await, Ok(vec!["UDP [2001:db8::2]:5060".to_owned()]));
    assert_eq!(places(&by_v6, "sip:a.example").await, Err(ResolveError::NoRoute));
}

#[tokio::test]
async fn what_leads_nowhere_says_why() {
    let resolver = resolver(&V4);
    assert_eq!(
        places(&resolver, "sip:absent.example").await,
        Err(ResolveError::NotFound("absent.example".to_owned()))
    );
    // The service is decidedly absent, the host is not (RFC 2782): the address is what is left.
    assert_eq!(places(&resolver, "sip:never.example").await, Ok(vec!["UDP 192.0.2.1:5060".to_owned()]));
    assert_eq!(
        places(&resolver, "sip:10.0.0.1").await,
        Err(ResolveError::Refused("10.0.0.1:5060".parse().expect("an address")))
    );
    assert_eq!(places(&resolver, "sip:inside.example").await, Ok(vec!["UDP 192.0.2.3:5060".to_owned()]));
}

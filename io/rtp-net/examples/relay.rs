//! Bridges for `cargo xtask bench relay`: joins pairs of sessions and stays until its input ends. What it costs is
//! what relaying costs a server, without the signalling.
//!
//! Each line of the input names the RTP ports of two phones on 127.0.0.1; each line of the output, the ports of
//! the legs that serve them.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::{BufRead, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ringway_media::sdp::{LocalMedia, Negotiation, SessionDescription};
use ringway_media::{Latch, SessionConfig};
use ringway_model::UnixTime;
use ringway_rtp_net::{MediaConfig, MediaNet, Session, Ways, raise_nofile};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn main() -> Result<(), Box<dyn Error>> {
    raise_nofile()?;
    // Two of these at once must not try the same ports in the same order.
    let seed = [std::process::id() as u8; 32];
    let media = MediaNet::start(MediaConfig::default(), seed)?;
    let mut legs = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut ports = line.split_whitespace().map(str::parse::<u16>);
        let (Some(Ok(caller)), Some(Ok(callee))) = (ports.next(), ports.next()) else {
            return Err(format!("two ports are wanted, not `{line}`").into());
        };
        let first = leg(&media, caller, legs.len())?;
        let second = leg(&media, callee, legs.len() + 1)?;
        first.1.bridge(&second.1.handle(), Ways::Both);
        println!("{} {}", first.0, second.0);
        std::io::stdout().flush()?;
        legs.extend([first.1, second.1]);
    }
    Ok(())
}

/// A session for a phone, and its port.
fn leg(media: &MediaNet, phone: u16, number: usize) -> Result<(u16, Session), Box<dyn Error>> {
    let ports = media.reserve(LOOPBACK)?;
    let port = ports.rtp_port();
    let local = LocalMedia::new(LOOPBACK, port, ports.rtcp_port(), 1);
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {phone} RTP/AVP 0\r\n"
    );
    let offer = SessionDescription::parse(offer.as_bytes()).map_err(|error| format!("{error:?}"))?;
    let answer = Negotiation::new(local).answer(&offer).map_err(|error| format!("{error:?}"))?;
    let config = SessionConfig {
        negotiated: answer.negotiated,
        ssrc: number as u32,
        first_sequence: 0,
        first_timestamp: 0,
        cname: "relay".to_owned(),
        latch: Latch::Signalled { signalling: LOOPBACK },
        inactivity: Duration::from_secs(60),
        listen: false,
        opened_at: UnixTime::from_secs(1_800_000_000),
        seed: number as u64,
    };
    Ok((port, media.open(ports, config, Box::new(|_| ()))))
}

//! What is measured: `cargo xtask bench call | media | register | relay | rest`. docs/benchmarks.md keeps the figures.

pub(crate) mod application;
mod call;
pub(crate) mod generator;
pub(crate) mod http;
pub(crate) mod machine;
mod media;
pub(crate) mod phone;
mod register;
mod relay;
mod rest;
mod rival;
mod rtp;
pub(crate) mod server;

const USAGE: &str = "\
cargo xtask bench call|media|register|relay|rest [OPTION VALUE]...

  call      authenticated INVITE, webhook, one second of Play, BYE; the server on one core
  media     calls with RTP both ways, until the media clock is late; the server on one core
  register  REGISTER and OPTIONS, beside Kamailio on the same core in the same minutes
  relay     a packet from one leg of a bridge to the other, beside rtpengine; the relay on one core
  rest      requests over 64 connections, beside a bare axum on the same core in the same minutes

  --binary FILE     measure this one instead of a release build
  --steps A,B,C     calls a second (call), calls at once (media, relay), flows a second (register),
                    connections (rest)
  --runs N          runs of a step, of which the median counts (5; media 1, relay 3)
  --seconds N       length of a run (5; media and relay 10)
  --users N         register: so many phones (100000)
  --rtp             call: the caller sends RTP too";

/// Options of all.
pub(crate) struct Options {
    pub(crate) binary: Option<String>,
    steps: Option<Vec<u32>>,
    runs: Option<usize>,
    seconds: Option<u32>,
    users: Option<u32>,
    rtp: bool,
}

/// Runs one of them.
pub(crate) fn bench(arguments: &[String]) -> Result<(), String> {
    let (what, rest) = arguments.split_first().ok_or(USAGE)?;
    if let (rival::NAME, [directory]) = (what.as_str(), rest) {
        return rival::serve(directory);
    }
    let options = Options::read(rest)?;
    match what.as_str() {
        "call" => call::call(&options),
        "media" => media::media(&options),
        "register" => register::register(&options),
        "relay" => relay::relay(&options),
        "rest" => rest::rest(&options),
        _ => Err(USAGE.to_owned()),
    }
}

impl Options {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let mut options =
            Self { binary: None, steps: None, runs: None, seconds: None, users: None, rtp: false };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            if name == "--rtp" {
                options.rtp = true;
                continue;
            }
            let value = rest.next().ok_or(USAGE)?;
            let number = |text: &str| text.parse::<u32>().map_err(|error| format!("{name} {text}: {error}"));
            match name.as_str() {
                "--binary" => options.binary = Some(value.clone()),
                "--steps" => options.steps = Some(value.split(',').map(number).collect::<Result<_, _>>()?),
                "--runs" => options.runs = Some(number(value)?.max(1) as usize),
                "--users" => options.users = Some(number(value)?.max(1)),
                "--seconds" => options.seconds = Some(number(value)?.max(1)),
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }
}

/// The middle one; of two, the higher.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

//! A peer that says anything at any time. Nothing it does may panic, and every dialog still ends, once.
#![allow(unreachable_pub, dead_code)] // the bench is shared by test binaries that each use a part of it

mod scripted;

use std::collections::HashMap;

use ringway_model::Random;
use ringway_sip::endpoint::{Command, DialogEvent, DialogId, Event, NewInvite, OfferId, Target, Transport};
use scripted::{Bench, REMOTE, description};

const SEEDS: u64 = 200;
const STEPS: usize = 150;

#[test]
fn whatever_the_peer_says_every_dialog_ends_once_and_nothing_stays() {
    for seed in 0..SEEDS {
        let mut chaos = Chaos::new(seed);
        for _ in 0..STEPS {
            chaos.step();
        }
        chaos.finish();
    }
}

struct Chaos {
    seed: u64,
    random: Random,
    bench: Bench,
    /// What went out, for the peer to quote.
    heard: Vec<String>,
    /// How often each dialog terminated.
    dialogs: HashMap<DialogId, usize>,
    offers: Vec<(DialogId, OfferId)>,
    calls: u64,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            random: Random::from_number(seed),
            bench: Bench::new(),
            heard: Vec::new(),
            dialogs: HashMap::new(),
            offers: Vec::new(),
            calls: 0,
        }
    }

    fn step(&mut self) {
        match self.random.below(10) {
            0..=3 => self.send_request(),
            4..=5 => self.send_response(),
            6..=7 => self.command(),
            8 => self.send_damaged(),
            _ => drop(self.bench.pass([1, 100, 600, 5000, 40_000][self.random.below(5) as usize])),
        }
        self.note();
    }

    /// A request that quotes tags and numbers of what it heard, rightly or not.
    fn send_request(&mut self) {
        let method = self.pick(&["INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "INFO", "OPTIONS", "REFER"]);
        let branch = format!("z9hG4bK{}", self.random.below(12));
        let call = self.random.below(3);
        let tag = self.heard_tag("To: ").unwrap_or_default();
        let to_tag = if self.random.below(3) == 0 { String::new() } else { tag };
        let number = self.random.below(4) + 1;
        let body = if self.random.below(2) == 0 {
            "Content-Length: 0\n\n"
        } else {
            "Content-Type: application/sdp\nContent-Length: 5\n\nv=0\n"
        };
        self.bench.receive(&format!(
            "{method} sip:us@198.51.100.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch={branch}\nMax-Forwards: 9\n\
             From: <sip:them@example.com>;tag=x\nTo: <sip:us@example.com>{to_tag}\nCall-ID: c{call}\n\
             CSeq: {number} {method}\nContact: <sip:them@192.0.2.1>\n{body}"
        ));
    }

    /// Some answer to some request of ours.
    fn send_response(&mut self) {
        let requests: Vec<_> =
            self.heard.iter().filter(|text| !text.starts_with("SIP/2.0")).cloned().collect();
        if requests.is_empty() {
            return;
        }
        let request = &requests[self.random.below(requests.len() as u64) as usize];
        let status = self.pick(&["100", "180", "200", "302", "401", "481", "487", "491", "500", "603"]);
        let headers = request.lines().filter(|line| {
            ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "].iter().any(|name| line.starts_with(name))
        });
        let tag = format!(";tag=y{}", self.random.below(3));
        let tagged = headers.map(|line| match line.starts_with("To: ") && !line.contains(";tag=") {
            true => format!("{line}{tag}\n"),
            false => format!("{line}\n"),
        });
        let headers: String = tagged.collect();
        self.bench.receive(&format!(
            "SIP/2.0 {status} X\n{headers}Contact: <sip:them@192.0.2.1>\nRetry-After: 1\nContent-Length: 0\n\n"
        ));
    }

    /// Something we said, damaged and sent back.
    fn send_damaged(&mut self) {
        let Some(mut text) = self.heard.last().cloned() else { return };
        let place = self.random.below(text.len() as u64) as usize;
        if text.is_char_boundary(place) {
            text.insert(place, char::from(self.random.below(128) as u8));
        }
        self.bench.receive(&text);
    }

    fn command(&mut self) {
        let mut dialogs: Vec<_> = self.dialogs.keys().copied().collect();
        dialogs.sort_unstable();
        let choice = self.random.below(8);
        if choice == 0 || dialogs.is_empty() {
            return self.call();
        }
        let dialog = dialogs[self.random.below(dialogs.len() as u64) as usize];
        let body = Some(description());
        match choice {
            1 => self.bench.respond(dialog, 180),
            2 => self.bench.respond(dialog, 200),
            3 => self.bench.hang_up(dialog),
            4 => self.bench.command(Command::Reinvite { dialog, body }),
            5 => self.bench.command(Command::Update { dialog, body }),
            6 => self.bench.command(Command::Info { dialog, body: description() }),
            _ => {
                if let Some((dialog, offer)) = self.offers.pop() {
                    self.bench.command(Command::AnswerOffer { dialog, offer, result: Ok(body) });
                }
            }
        }
    }

    fn call(&mut self) {
        self.calls += 1;
        let remote = REMOTE.parse().unwrap();
        let dialog = DialogId::chosen(0, self.calls);
        self.dialogs.insert(dialog, 0);
        let target = Target { transport: Transport::Udp, remote, local: None, flow: None, name: None };
        let (us, them) = ("<sip:us@example.com>", "<sip:them@example.com>");
        let mut invite = NewInvite::new(dialog, target, "sip:them@example.com", us, them);
        invite.body = Some(description());
        if self.calls.is_multiple_of(3) {
            invite.alternatives = vec![target, target];
        }
        self.bench.command(Command::Invite(Box::new(invite)));
    }

    fn finish(&mut self) {
        for _ in 0..2 {
            for dialog in self.dialogs.keys().copied().collect::<Vec<_>>() {
                self.bench.hang_up(dialog);
            }
            self.bench.pass(200_000);
            self.note();
        }
        let seed = self.seed;
        assert!(self.dialogs.values().all(|ends| *ends == 1), "seed {seed}: {:?}", self.dialogs);
        assert_eq!(self.bench.alive(), (0, 0, 0), "seed {seed}");
        assert_eq!(self.bench.endpoint.next_timeout(), None, "seed {seed}");
    }

    fn note(&mut self) {
        self.heard.extend(self.bench.sent.drain(..).map(|(_, text)| text));
        self.heard.drain(..self.heard.len().saturating_sub(30));
        for event in self.bench.events.drain(..) {
            match event {
                Event::Incoming { dialog, .. } => {
                    assert!(self.dialogs.insert(dialog, 0).is_none(), "seed {}", self.seed);
                }
                Event::Dialog { dialog, event } => {
                    let ends = self.dialogs.get_mut(&dialog).unwrap();
                    assert_eq!(*ends, 0, "seed {}: {event:?} after the end", self.seed);
                    match event {
                        DialogEvent::Offer { offer, .. } => self.offers.push((dialog, offer)),
                        DialogEvent::Terminated => *ends = 1,
                        _ => {}
                    }
                }
            }
        }
    }

    fn heard_tag(&mut self, name: &str) -> Option<String> {
        let place = self.random.below(self.heard.len().max(1) as u64) as usize;
        let line = self.heard.get(place)?.lines().find(|line| line.starts_with(name))?;
        Some(format!(";tag={}", line.split(";tag=").nth(1)?))
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words[self.random.below(words.len() as u64) as usize]
    }
}

//! The packets of a call, one by one: what Ringway sends, whom it believes, and what it makes of key presses,
//! reports and silence. The caller is made by hand.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ringway_testkit::application::Answer;
use ringway_testkit::caller::Caller;
use ringway_testkit::relay::{Network, Relay};
use ringway_testkit::ringway::sid;
use ringway_testkit::rtp::{COMFORT_NOISE, Media, PCMU, Packet, Report, SILENCE, Stream, free_port};
use ringway_testkit::sound::Sound;
use ringway_testkit::{Application, Phone, Ringway, Setup, wait_for};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Another host, as far as addresses tell.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
const URI: &str = "sip:anyone@media.sip.twilio.com";
const TALK: &str = "<Play loop=\"0\">/tone.wav</Play>";
/// What [`keys_survive_lost_ends_duplicates_and_reordering`] presses.
const KEYS: &str = "1120567";
const LISTEN: &str = "<Pause length=\"60\"/>";

/// A service with one domain, and the application behind it.
struct World {
    ringway: Ringway,
    application: Application,
}

impl World {
    fn new(verbs: &str) -> Self {
        Self::with(Setup::default(), verbs)
    }

    fn with(setup: Setup, verbs: &str) -> Self {
        // The machine may be busy with other tests.
        let ringway = setup.argument("--overload-age=20s").start();
        let application = Application::start();
        // A pause alone does not answer.
        let verbs =
            if verbs == LISTEN { format!("<Play>/click.wav</Play>{LISTEN}") } else { verbs.to_owned() };
        application.answer("/voice", Answer::twiml(&verbs));
        let sound = |seconds| Answer::new(200, "audio/wav", &Sound::tone(440.0, seconds, 8000).wav());
        application.answer("/tone.wav", sound(10.0));
        application.answer("/click.wav", sound(0.02));
        let form = [("VoiceUrl", &*application.url("/voice"))];
        ringway.domain_with_address("media", &form, "127.0.0.1");
        Self { ringway, application }
    }

    /// A call that is up, its media, and where Ringway's are.
    fn call(&self, lines: &str) -> (Caller, Media, SocketAddr) {
        let media = Media::open(HERE);
        let mut caller = self.caller();
        let answer = caller.call(&media.offer(101, lines));
        (caller, media, answer.media())
    }

    fn caller(&self) -> Caller {
        Caller::new(self.ringway.udp, URI)
    }

    fn calls(&self) -> Vec<Value> {
        self.ringway.fetch("/Calls.json")["calls"].as_array().expect("a list of calls").clone()
    }

    /// The numbers of the notifications of the call that has this status, once there are some.
    fn notified(&self, status: &str) -> Vec<String> {
        wait_for(&format!("a notification of a call that is {status}"), LIMIT, || {
            let call = self.calls().into_iter().find(|call| call["status"] == status)?;
            let rows = self.ringway.fetch(&format!("/Calls/{}/Notifications.json", sid(&call)));
            let rows = rows["notifications"].as_array().expect("a list").clone();
            let codes = rows.iter().map(|row| row["error_code"].to_string().replace('"', ""));
            Some(codes.collect::<Vec<_>>()).filter(|codes| !codes.is_empty())
        })
    }
}

/// The packets from one place in the list on, once they span so much time.
fn spanning(media: &Media, first: usize, span: Duration) -> Vec<Packet> {
    wait_for("packets", LIMIT, || {
        let packets = media.packets();
        let (start, end) = (packets.get(first)?, packets.last()?);
        (end.at - start.at >= span).then(|| packets[first..].to_vec())
    })
}

/// One source, numbers without a gap, each timestamp so far after the one before.
fn assert_one_stream(packets: &[Packet], step: u32) {
    for pair in packets.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert_eq!((after.ssrc, after.from), (before.ssrc, before.from));
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(step), "at {}", after.sequence);
    }
}

fn is_silent(packet: &Packet) -> bool {
    packet.payload.iter().all(|octet| *octet == SILENCE)
}

#[test]
fn from_answer_to_end_there_is_one_stream_of_fifty_packets_a_second() {
    let world = World::new("<Pause length=\"1\"/><Play>/beep.wav</Play><Pause length=\"60\"/>");
    let beep = Sound::tone(440.0, 1.0, 8000).wav();
    world.application.answer("/beep.wav", Answer::new(200, "audio/wav", &beep));
    let (mut caller, media, _) = world.call("");
    // As long as nobody knows the sound, nothing but silence is heard.
    let packets = spanning(&media, 0, Duration::from_secs(4));
    assert_eq!(caller.hang_up().status(), Some(200));
    assert_one_stream(&packets, 160);
    assert!(packets.iter().all(|packet| packet.payload_type == PCMU && packet.payload.len() == 160));
    assert!(packets[1..].iter().all(|packet| !packet.marker), "a marker in a stream without a gap");
    let (first, last) = (&packets[0], &packets[packets.len() - 1]);
    let rate = (packets.len() - 1) as f64 / (last.at - first.at).as_secs_f64();
    assert!((49.0..51.0).contains(&rate), "{rate} packets a second");
    let heard: Vec<usize> = (0..packets.len()).filter(|index| !is_silent(&packets[*index])).collect();
    assert_eq!(heard.len(), 50, "a second of sound");
    assert_eq!(heard[49] - heard[0], 49, "without a gap");
    // It ends with the call: what was on its way has come within a moment.
    std::thread::sleep(Duration::from_millis(300));
    let all = media.packets();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(media.packets().len(), all.len(), "packets after the end");
    assert_one_stream(&all, 160);
}

#[test]
fn nothing_is_sent_before_the_answer() {
    let world = World::new("");
    let slow = Answer::twiml(TALK).after(Duration::from_millis(1500));
    world.application.answer("/voice", slow);
    let media = Media::open(HERE);
    let mut caller = world.caller();
    caller.invite(&media.offer(101, ""));
    world.application.wait("/voice", 1, LIMIT);
    std::thread::sleep(Duration::from_millis(1000));
    assert!(media.packets().is_empty(), "early media");
    assert_eq!(caller.answered().status(), Some(200));
    spanning(&media, 0, Duration::from_millis(500));
}

#[test]
fn a_third_host_is_neither_heard_nor_sent_to() {
    let world = World::new("<Gather numDigits=\"2\" timeout=\"60\" action=\"/pressed\"/>");
    let (_caller, media, to) = world.call("");
    let stranger = Media::open(ELSEWHERE);
    let mut theirs = Stream::new(7);
    for _ in 0..25 {
        stranger.send(to, &theirs.sound(PCMU, &[SILENCE; 160]));
    }
    theirs.press(101, 9).iter().for_each(|packet| stranger.send(to, packet));
    let mut ours = Stream::new(8);
    ours.press(101, 4).iter().for_each(|packet| media.send(to, packet));
    theirs.press(101, 9).iter().for_each(|packet| stranger.send(to, packet));
    ours.press(101, 2).iter().for_each(|packet| media.send(to, packet));
    assert_eq!(world.application.wait("/pressed", 1, LIMIT).param("Digits"), "42");
    assert!(stranger.packets().is_empty(), "the third host was sent to");
    assert!(!media.packets().is_empty());
}

#[test]
fn who_never_sends_anything_is_sent_to_for_five_seconds() {
    let world = World::new(TALK);
    let (mut caller, media, to) = world.call("");
    let first = wait_for("the first packet", LIMIT, || media.packets().into_iter().next());
    let last = wait_for("the end of the stream", LIMIT, || {
        let last = media.packets().pop()?;
        (last.at.elapsed() > Duration::from_millis(1500)).then_some(last)
    });
    let lasted = (last.at - first.at).as_secs_f64();
    assert!((4.7..5.5).contains(&lasted), "{lasted} s");
    // One packet proves that somebody is there; sequence numbers count what was sent, the marker tells of
    // the gap.
    let before = media.packets().len();
    media.send(to, &Stream::new(9).sound(PCMU, &[SILENCE; 160]));
    let again = wait_for("the stream", LIMIT, || media.packets().get(before).cloned());
    assert_eq!((again.ssrc, again.sequence), (last.ssrc, last.sequence.wrapping_add(1)));
    assert!(again.marker && !is_silent(&again), "it goes on where it would be by now");
    assert_eq!(caller.hang_up().status(), Some(200));
}

#[test]
fn a_caller_who_falls_silent_is_hung_up_on_but_not_on_hold() {
    let world = World::with(Setup::default().argument("--rtp-timeout=2s"), TALK);
    let (mut caller, media, to) = world.call("");
    let mut stream = Stream::new(10);
    let speech = media.speak(to, move |_| Some(stream.sound(PCMU, &[SILENCE; 160])));
    std::thread::sleep(Duration::from_millis(3500));
    assert_eq!(world.calls()[0]["status"], "in-progress", "it speaks");
    speech.stop();
    for hold in ["a=inactive\r\n", "a=recvonly\r\n"] {
        assert_eq!(caller.reinvite(&media.offer(101, hold)).status(), Some(200));
        std::thread::sleep(Duration::from_millis(3000));
        assert_eq!(world.calls()[0]["status"], "in-progress", "{hold}");
    }
    let resumed = Instant::now();
    assert_eq!(caller.reinvite(&media.offer(101, "a=sendrecv\r\n")).status(), Some(200));
    // Reports count as a sign of life.
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(1000));
        media.send_report(to, &Report::of_receiver(10, 1, 0, 0));
    }
    caller.wait_for_bye();
    let lasted = resumed.elapsed().as_secs_f64();
    assert!((4.9..8.0).contains(&lasted), "{lasted} s from resume to BYE");
    assert_eq!(world.notified("completed"), ["86007"]);
}

#[test]
fn reports_tell_the_truth_of_both_streams() {
    let world = World::new(TALK);
    let (mut caller, media, to) = world.call("");
    let mut stream = Stream::new(11);
    let first = stream.sequence;
    // Every tenth packet never arrives, beginning with the sixth.
    let speech = media.speak(to, move |number| {
        let packet = stream.sound(PCMU, &[SILENCE; 160]);
        (number % 10 != 5).then_some(packet)
    });
    std::thread::sleep(Duration::from_millis(500));
    media.send_report(to, &Report::of_sender(11, 0x1234_5678, 0, 25, 4000));
    let (_, report) = wait_for("a second report", LIMIT, || media.reports().into_iter().nth(1));
    let (_, octets) = report.sent.expect("a report of a sender");
    assert!(report.has_name && !report.goodbye);
    assert_eq!(octets, report.sent.map_or(0, |(packets, _)| packets * 160));
    let block = report.blocks.first().expect("a block");
    assert_eq!((block.ssrc, block.last_sender_report), (11, 0x1234_5678));
    assert!((1.0..10.0).contains(&(f64::from(block.delay) / 65_536.0)), "{block:?}");
    let newest = block.highest.wrapping_sub(u32::from(first));
    // Numbers 5, 15, 25 ... are missing before the newest one.
    let lost = (newest + 4) / 10;
    assert_eq!(u32::try_from(block.lost).expect("a count"), lost, "{block:?} from {first}");
    let fraction = f64::from(block.fraction_lost) / 256.0;
    assert!((0.07..0.13).contains(&fraction), "{fraction} lost of late");
    speech.stop();
    assert_eq!(caller.hang_up().status(), Some(200));

    // The last one says goodbye, and how much was sent in all.
    let goodbye = wait_for("goodbye", LIMIT, || {
        media.reports().into_iter().map(|(_, report)| report).find(|report| report.goodbye)
    });
    let packets = media.packets();
    let (sent, octets) = goodbye.sent.expect("a report of a sender");
    assert_eq!((sent as usize, octets as usize), (packets.len(), packets.len() * 160));
    assert!(packets.iter().all(|packet| packet.ssrc == goodbye.ssrc));
    // The timestamp of a report is on the clock of the stream.
    let last = packets.last().expect("packets");
    let ahead = goodbye.timestamp.wrapping_sub(last.timestamp) as i32;
    assert!((-160..=480).contains(&ahead), "{ahead} samples after the last packet");
}

#[test]
fn keys_survive_lost_ends_duplicates_and_reordering() {
    let world = World::new("");
    let gather = Answer::twiml("<Gather numDigits=\"7\" timeout=\"60\" action=\"/pressed\"/>");
    world.application.answer("/voice", gather);
    for (count, payload_type) in [(1, 101), (2, 96)] {
        let media = Media::open(HERE);
        let mut caller = world.caller();
        let to = caller.call(&media.offer(payload_type, "")).media();
        let mut stream = Stream::new(12);
        let mut sent = vec![stream.sound(PCMU, &[SILENCE; 160])];
        let whole = stream.press(payload_type, 1);
        let without_ends = stream.press(payload_type, 1);
        let only_an_end = stream.press(payload_type, 2);
        let twice = stream.press(payload_type, 0);
        let mut backwards = stream.press(payload_type, 5);
        backwards.reverse();
        let long = stream.press(payload_type, 6);
        let last = stream.press(payload_type, 7);
        sent.extend(whole);
        sent.extend_from_slice(&without_ends[..4]);
        sent.extend_from_slice(&only_an_end[6..]);
        sent.extend(twice.iter().flat_map(|packet| [packet.clone(), packet.clone()]));
        sent.extend(backwards);
        // The ends of a key come after the next one has begun.
        sent.extend_from_slice(&long[..3]);
        sent.extend_from_slice(&last[..2]);
        sent.extend_from_slice(&long[3..]);
        sent.extend_from_slice(&last[2..]);
        sent.iter().for_each(|packet| media.send(to, packet));
        let pressed = world.application.wait("/pressed", count, LIMIT);
        assert_eq!(pressed.param("Digits"), KEYS);
        assert_eq!(caller.hang_up().status(), Some(200));
    }
}

#[test]
fn packets_are_as_long_as_the_caller_asks() {
    let world = World::new(TALK);
    for (ptime, samples) in [(10, 80), (20, 160), (30, 240), (40, 320), (60, 480)] {
        let (mut caller, media, _) = world.call(&format!("a=ptime:{ptime}\r\n"));
        let packets = spanning(&media, 0, Duration::from_millis(900));
        assert_eq!(caller.hang_up().status(), Some(200));
        assert_one_stream(&packets, samples);
        assert!(packets.iter().all(|packet| packet.payload.len() == samples as usize), "ptime {ptime}");
        let lasted = (packets[packets.len() - 1].at - packets[0].at).as_secs_f64();
        let sound = f64::from(samples) * (packets.len() - 1) as f64 / 8000.0;
        assert!((sound / lasted - 1.0).abs() < 0.15, "ptime {ptime}: {sound} s of sound in {lasted} s");
    }
}

#[test]
fn comfort_noise_is_no_loss_and_no_offence() {
    let world = World::with(Setup::default().argument("--rtp-timeout=2s"), LISTEN);
    let (mut caller, media, to) = world.call("");
    let mut stream = Stream::new(13);
    // Half a second of speech, then a packet of noise a quarter of a second.
    let speech = media.speak(to, move |number| {
        if number < 25 {
            return Some(stream.sound(PCMU, &[SILENCE; 160]));
        }
        stream.timestamp = stream.timestamp.wrapping_add(160);
        (number % 12 == 0).then(|| {
            let packet = stream.sound(COMFORT_NOISE, &[60]);
            stream.timestamp = stream.timestamp.wrapping_sub(160);
            packet
        })
    });
    std::thread::sleep(Duration::from_millis(3500));
    assert_eq!(world.calls()[0]["status"], "in-progress");
    let sent = speech.stop();
    assert_eq!(caller.hang_up().status(), Some(200));
    let metric = |name: &str| {
        wait_for(name, LIMIT, || {
            world.ringway.metric("ringway_rtp_received_total").filter(|packets| *packets > 0.0)?;
            world.ringway.metric(name)
        })
    };
    assert_eq!(metric("ringway_rtp_received_total"), f64::from(sent));
    assert_eq!(metric("ringway_rtp_lost_total"), 0.0);
    assert_eq!(metric("ringway_rtp_refused_total"), 0.0);
}

#[test]
fn when_ports_are_used_up_a_call_gets_503_and_freed_ports_rest_before_they_are_used_again() {
    // Whatever is free now; one call needs two ports.
    let free = free_port(HERE);
    let setup = Setup::default().argument(&format!("--rtp-ports={free}-{}", free + 1));
    let world = World::with(setup, TALK);
    let (mut first, _media, to) = world.call("");
    assert_eq!(to.port(), free);
    let another = || {
        let media = Media::open(HERE);
        let mut caller = world.caller();
        caller.invite(&media.offer(101, ""));
        caller.answered()
    };
    // Beyond the most calls that there are ports for, nobody is asked.
    let refused = another();
    assert_eq!(refused.status(), Some(503));
    let seconds: u32 = refused.header("Retry-After").parse().expect("a number of seconds");
    assert!(seconds > 0);
    assert_eq!(world.application.received_at("/voice").len(), 1);
    wait_for("the owner being told", LIMIT, || {
        let told = world.ringway.fetch("/Notifications.json");
        told["notifications"].as_array()?.iter().find(|row| row["error_code"] == "12400").map(drop)
    });
    assert_eq!(first.hang_up().status(), Some(200));
    let ended = Instant::now();
    wait_for("the end of the first call", LIMIT, || {
        (world.calls().first()?["status"] == "completed").then_some(())
    });
    // The call is gone, but its ports rest: this one comes as far as its answer.
    assert_eq!(another().status(), Some(503));
    assert_eq!(world.application.received_at("/voice").len(), 2);
    assert_eq!(world.notified("failed"), ["12400"]);
    let (to, rested) = wait_for("the ports", LIMIT, || {
        let answer = another();
        (answer.status() == Some(200)).then(|| (answer.media(), ended.elapsed()))
    });
    assert_eq!(to.port(), free);
    assert!(rested >= Duration::from_millis(1900), "only after {rested:?}");
}

#[test]
fn through_a_bad_network_a_tone_stays_whole_and_the_buffer_grows() {
    let world = World::new("<Play>/long.wav</Play>");
    let long = Sound::tone(440.0, 16.0, 8000).wav();
    world.application.answer("/long.wav", Answer::new(200, "audio/wav", &long));
    let network = Network { loss: 0.05, jitter: Duration::from_millis(60), seed: 5 };
    let relays = [network, Network { loss: 0.0, jitter: Duration::ZERO, seed: 5 }];
    let relays = relays.map(|network| Relay::start(world.ringway.udp, network));
    let calls = relays.each_ref().map(|relay| Phone::to(&world.ringway, URI).through(relay.address).dial());
    let [bad, good] = calls.map(|call| call.done());
    let (bad_way, good_way) = (relays[0].outward(), relays[1].outward());
    assert_eq!((bad.status(), good.status()), (200, 200));
    let number =
        |report: &Value, name: &str| report[name].as_u64().unwrap_or_else(|| panic!("{name} in {report}"));

    // Without loss all is heard; with one packet in twenty lost, the ear misses nearly nothing of it.
    assert!((good.sound.seconds_of(440.0) - 16.0).abs() < 0.2, "{} s", good.sound.seconds_of(440.0));
    let heard = bad.sound.seconds_of(440.0);
    let lost = bad_way.lost_up_to(i64::MAX);
    assert!(heard > 16.0 - 0.4 * 0.02 * lost as f64, "{heard} s of 16 s, {lost} packets lost");
    assert!(number(&bad.report, "concealed_frames") as usize >= lost * 9 / 10, "{}", bad.report);

    // Packets are up to 60 ms late: the buffer waits for them, and not where none is.
    let (bad_depth, good_depth) =
        (number(&bad.report, "jitter_buffer_ms"), number(&good.report, "jitter_buffer_ms"));
    assert!((50..=140).contains(&bad_depth), "{bad_depth} ms for jitter of 60 ms");
    assert!(good_depth <= bad_depth, "{good_depth} ms without jitter, {bad_depth} ms with it");

    // What both ends report is what the network did.
    assert_eq!(good_way.reports.last().map(|(block, _)| block.lost), Some(0));
    for way in [bad_way, relays[0].inward()] {
        let (block, highest) = way.reports.last().expect("reports");
        let truth = way.lost_up_to(*highest) as f64;
        assert!(
            truth >= 20.0 && (f64::from(block.lost) - truth).abs() <= 0.1 * truth,
            "{block:?}, not {truth}"
        );
        assert!((15..45).contains(&(block.jitter / 8)), "{block:?}");
    }
}

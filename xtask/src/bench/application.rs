//! The developer's web application of a measurement: as cheap as threads and blocking sockets can be, its
//! connections kept alive.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How often each call was reported as ended, by its SID.
type Reported = Arc<Mutex<HashMap<String, u32>>>;

/// The running application. Its threads end with the process.
///
/// `/play` plays one second, `/hold` plays it without end, `/pause` plays it once and waits a minute (a pause
/// alone would not answer), `/status` notes ended calls, `/second.wav` is the second.
pub(crate) struct Application {
    address: SocketAddr,
    reported: Reported,
}

impl Application {
    pub(crate) fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let reported = Reported::default();
        let shared = Arc::clone(&reported);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let reported = Arc::clone(&shared);
                let small = thread::Builder::new().stack_size(128 * 1024);
                // A machine without a thread to spare refuses the connection: the server tries again.
                let _ = small.spawn(move || serve(&stream, &reported));
            }
        });
        Ok(Self { address, reported })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How often each call was reported as ended.
    pub(crate) fn reported(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(stream: &TcpStream, reported: &Reported) {
    // Small answers must not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::with_capacity(8192, stream);
    let mut writer = stream;
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        line.clear();
        if !matches!(reader.read_line(&mut line), Ok(length) if length > 0) {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        let (mut length, mut known) = (0, false);
        loop {
            line.clear();
            if !matches!(reader.read_line(&mut line), Ok(length) if length > 2) {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
            known |= name.eq_ignore_ascii_case("if-none-match");
        }
        body.resize(length, 0);
        if std::io::Read::read_exact(&mut reader, &mut body).is_err() {
            return;
        }
        if path == "/status" {
            note(&body, reported);
        }
        if writer.write_all(&answer(&path, known)).is_err() {
            return;
        }
    }
}

fn note(body: &[u8], reported: &Reported) {
    let form = String::from_utf8_lossy(body);
    let sid = form.split('&').find_map(|pair| pair.strip_prefix("CallSid="));
    let mut reported = reported.lock().unwrap_or_else(PoisonError::into_inner);
    *reported.entry(sid.unwrap_or_default().to_owned()).or_default() += 1;
}

fn answer(path: &str, known: bool) -> Vec<u8> {
    let twiml =
        |verb: &str| response("200 OK", "text/xml", format!("<Response>{verb}</Response>").as_bytes());
    match path {
        "/play" => twiml("<Play>/second.wav</Play>"),
        "/hold" => twiml("<Play loop=\"0\">/second.wav</Play>"),
        "/pause" => twiml("<Play>/second.wav</Play><Pause length=\"60\"/>"),
        "/second.wav" if known => response("304 Not Modified", "audio/wav", b""),
        "/second.wav" => response("200 OK", "audio/wav", &second()),
        _ => response("200 OK", "text/xml", b"<Response/>"),
    }
}

fn response(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut whole = format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n").into_bytes();
    if content_type == "audio/wav" {
        whole.extend_from_slice(b"ETag: \"1\"\r\nCache-Control: max-age=3600\r\n");
    }
    if !status.starts_with("304") {
        whole.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    whole.extend_from_slice(b"\r\n");
    whole.extend_from_slice(body);
    whole
}

/// One second of a tone, 8 kHz, 16 bits.
fn second() -> Vec<u8> {
    let samples: Vec<u8> = (0..8000)
        .map(|index| (f64::from(index) * 440.0 / 8000.0 * std::f64::consts::TAU).sin() * 8000.0)
        .flat_map(|sample| (sample as i16).to_le_bytes())
        .collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend_from_slice(&(36 + samples.len() as u32).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&8000_u32.to_le_bytes());
    wav.extend_from_slice(&16000_u32.to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&(samples.len() as u32).to_le_bytes());
    wav.extend_from_slice(&samples);
    wav
}

//! A developer's web application: answers with what the test says, and remembers what it was asked.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::form;
use crate::wait_for;

/// One request that the application got.
#[derive(Debug, Clone)]
pub struct Received {
    /// `GET` or `POST`.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The path with its query.
    pub target: String,
    /// The parameters of the query, then of the form.
    pub params: Vec<(String, String)>,
    /// Those of the form alone.
    pub form: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// When.
    pub at: Instant,
}

impl Received {
    /// A parameter, empty when it is missing.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// A header, empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// What a path answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers as lines, `Content-Type` among them.
    pub headers: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
    /// How long it waits first.
    pub delay: Duration,
}

impl Answer {
    /// 200 with TwiML; `verbs` go between `<Response>` and its end.
    pub fn twiml(verbs: &str) -> Self {
        Self::new(200, "text/xml", format!("<Response>{verbs}</Response>").as_bytes())
    }

    /// Any answer.
    pub fn new(status: u16, content_type: &str, body: &[u8]) -> Self {
        let headers = vec![format!("Content-Type: {content_type}")];
        Self { status, headers, body: body.to_vec(), delay: Duration::ZERO }
    }

    /// With one more header line.
    pub fn with_header(mut self, line: &str) -> Self {
        self.headers.push(line.to_owned());
        self
    }

    /// After a while.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Answer>,
    /// What comes before the above, once each.
    first: HashMap<String, VecDeque<Answer>>,
    received: Vec<Received>,
}

impl State {
    fn answer_to(&mut self, path: &str) -> Answer {
        let first = self.first.get_mut(path).and_then(VecDeque::pop_front);
        first.or_else(|| self.answers.get(path).cloned()).unwrap_or_else(|| Answer::twiml(""))
    }
}

/// The running application. Paths without an answer get an empty TwiML document.
pub struct Application {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Application {
    /// Listens on a free port of this machine. Its threads end with the test's process.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { address, state }
    }

    /// The URL of a path that begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on this path answers so.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.state().answers.insert(path.to_owned(), answer);
    }

    /// The next request to this path is answered so, before what [`Application::answer`] says; may be said
    /// more than once.
    pub fn answer_first(&self, path: &str, answer: Answer) {
        self.state().first.entry(path.to_owned()).or_default().push_back(answer);
    }

    /// Every request so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.state().received.clone()
    }

    /// The requests to one path so far.
    pub fn received_at(&self, path: &str) -> Vec<Received> {
        self.received().into_iter().filter(|request| request.path == path).collect()
    }

    /// Waits for the `count`-th request to a path and returns it.
    pub fn wait(&self, path: &str, count: usize, limit: Duration) -> Received {
        let what = format!("request {count} to {path}");
        wait_for(&what, limit, || self.received_at(path).into_iter().nth(count - 1))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it was held")
    }
}

/// Answers requests on one connection until it ends.
fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let answer = {
            let mut state = state.lock().expect("no panic while it was held");
            let answer = state.answer_to(&request.path);
            state.received.push(request);
            answer
        };
        thread::sleep(answer.delay);
        if write(stream, &answer).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.as_str());
    let mut body = vec![0; length.unwrap_or("0").parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let form_params = form(&String::from_utf8_lossy(&body));
    let params = form(query).into_iter().chain(form_params.clone()).collect();
    Some(Received {
        method,
        path: path.to_owned(),
        target: target.clone(),
        params,
        form: form_params,
        headers,
        at: Instant::now(),
    })
}

fn write(mut stream: &TcpStream, answer: &Answer) -> std::io::Result<()> {
    let headers: String = answer.headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head =
        format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{headers}\r\n", answer.status, answer.body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&answer.body)
}

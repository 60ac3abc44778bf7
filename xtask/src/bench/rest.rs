//! What a request costs, beside a bare server of the same library: `GET` of one domain, and `POST` of a
//! credential that is on the disk when it is answered.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::machine::{self, FOREIGN_CORES_MAX, LOAD_CORE, Meter, SERVER_CORE, Usage};
use super::server::{self, PASSWORD, Scratch, Server};
use super::{Options, median, rival};

const CONNECTIONS: u32 = 64;
const RUNS: usize = 5;
const SECONDS: u32 = 5;
/// How often a pair of runs is repeated for the sake of a quiet machine, for each that counts.
const ATTEMPTS: usize = 2;
/// What the rival's rate is multiplied with: at least so much of it is wanted.
const READ_SHARE: f64 = 0.70;
const WRITE_SHARE: f64 = 0.33;

/// A request that is sent again and again.
struct Target {
    address: SocketAddr,
    script: PathBuf,
    server: u32,
}

/// What wrk and the kernel saw of one run.
struct Run {
    rate: f64,
    p99_ms: f64,
    failed: f64,
    usage: Usage,
}

impl Run {
    fn cpu_us(&self) -> f64 {
        self.usage.server_s * 1e6 / (self.rate * self.usage.wall_s).max(1.0)
    }
}

pub(crate) fn rest(options: &Options) -> Result<(), String> {
    if Command::new("wrk").arg("-v").output().is_err() {
        println!("skipped: wrk is not installed (Debian package wrk)");
        return Ok(());
    }
    let scratch = Scratch::new("bench-rest")?;
    let binary = server::binary(options.binary.as_deref(), "release")?;
    let rival = Rival::build()?;
    machine::pin_self(LOAD_CORE)?;
    let rival = Rival::start(&rival, scratch.path())?;
    let limit = "--credentials-max=10000000";
    let server = Server::start(&binary, scratch.path(), Some(SERVER_CORE), &[limit])?;
    println!("bench rest, {}: {}", machine::today(), machine::description());
    let [get, post] = scripts(&server, scratch.path())?;
    let [bare_get, bare_post] = bare_scripts(scratch.path())?;
    let ours = |script| Target { address: server.http, script, server: server.process() };
    let bare = |script| Target { address: rival.address, script, server: rival.child.id() };
    for connections in options.steps.clone().unwrap_or(vec![CONNECTIONS]) {
        let pairs = [
            ("GET of a domain", READ_SHARE, ours(get.clone()), bare(bare_get.clone())),
            ("durable POST of a credential", WRITE_SHARE, ours(post.clone()), bare(bare_post.clone())),
        ];
        for (name, share, ours, bare) in pairs {
            Pair { name, share, ours, bare, connections }.measure(options)?;
        }
    }
    Ok(())
}

/// The same work, asked of both servers in turn.
struct Pair {
    name: &'static str,
    share: f64,
    ours: Target,
    bare: Target,
    connections: u32,
}

impl Pair {
    fn measure(&self, options: &Options) -> Result<(), String> {
        let wanted = options.runs.unwrap_or(RUNS);
        let seconds = options.seconds.unwrap_or(SECONDS);
        self.ours.once(self.connections, 1)?;
        let (mut quiet, mut noisy) = (Vec::new(), Vec::new());
        for _ in 0..wanted * ATTEMPTS {
            let pair =
                [self.bare.once(self.connections, seconds)?, self.ours.once(self.connections, seconds)?];
            let foreign = pair.iter().map(|run| run.usage.foreign_cores).fold(0.0, f64::max);
            if foreign > FOREIGN_CORES_MAX {
                noisy.push((foreign, pair))
            } else {
                quiet.push(pair)
            }
            if quiet.len() == wanted {
                break;
            }
        }
        noisy.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let taken_back = wanted.saturating_sub(quiet.len());
        quiet.extend(noisy.into_iter().take(taken_back).map(|(_, pair)| pair));
        self.print(&quiet, taken_back)
    }

    fn print(&self, pairs: &[[Run; 2]], taken_back: usize) -> Result<(), String> {
        let of =
            |side: usize, pick: fn(&Run) -> f64| median(pairs.iter().map(|pair| pick(&pair[side])).collect());
        let ratio = median(pairs.iter().map(|[bare, ours]| ours.rate / bare.rate).collect());
        let failed: f64 = pairs.iter().map(|[_, ours]| ours.failed).sum();
        println!(
            "{}, {} connections: {:.0}/s beside {:.0}/s of bare axum: {:.0} % (wanted {:.0}), p99 {:.1} ms beside \
             {:.1} ms, {:.1} us CPU a request beside {:.1} us, failed {failed}, {} pairs of runs{}",
            self.name,
            self.connections,
            of(1, |run| run.rate),
            of(0, |run| run.rate),
            ratio * 100.0,
            self.share * 100.0,
            of(1, |run| run.p99_ms),
            of(0, |run| run.p99_ms),
            of(1, Run::cpu_us),
            of(0, Run::cpu_us),
            pairs.len(),
            if taken_back > 0 { format!(" (NOISY: {taken_back} of them taken back)") } else { String::new() },
        );
        if failed > 0.0 { Err(format!("{failed} requests failed")) } else { Ok(()) }
    }
}

impl Target {
    fn once(&self, connections: u32, seconds: u32) -> Result<Run, String> {
        let meter = Meter::start(self.server);
        let mut command = Command::new("wrk");
        command.args(["--threads=1", "--latency", &format!("--connections={connections}")]);
        command.arg(format!("--duration={seconds}s")).arg("--script").arg(&self.script);
        command.arg(format!("http://{}/", self.address));
        machine::pin_child(&mut command, LOAD_CORE);
        let output = command.output().map_err(|error| format!("wrk: {error}"))?;
        let usage = meter.read();
        let text = String::from_utf8_lossy(&output.stdout);
        let report = Report(&text);
        let rate = report.number("Requests/sec:").ok_or_else(|| format!("wrk said: {text}"))?;
        Ok(Run {
            rate,
            p99_ms: report.latency_ms("99%").unwrap_or(f64::NAN),
            failed: report.number("Non-2xx or 3xx responses:").unwrap_or(0.0) + report.socket_errors(),
            usage,
        })
    }
}

/// What wrk prints.
struct Report<'a>(&'a str);

impl Report<'_> {
    fn after(&self, label: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim)
    }

    fn number(&self, label: &str) -> Option<f64> {
        self.after(label)?.parse().ok()
    }

    fn latency_ms(&self, percentile: &str) -> Option<f64> {
        let text = self.after(percentile)?;
        let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
        units.iter().find_map(|(unit, ms)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * ms))
    }

    fn socket_errors(&self) -> f64 {
        let numbers = self.after("Socket errors:").unwrap_or_default().split(|c: char| !c.is_ascii_digit());
        numbers.filter_map(|number| number.parse::<f64>().ok()).sum()
    }
}

fn scripts(server: &Server, scratch: &Path) -> Result<[PathBuf; 2], String> {
    let domain = server.create("/SIP/Domains.json", &[("DomainName", "bench.sip.twilio.com")])?;
    let list = server.create("/SIP/CredentialLists.json", &[("FriendlyName", "bench")])?;
    let account = server::account_path("");
    let authorization = format!("wrk.headers['Authorization'] = '{}'\n", server::basic());
    let get = format!("{authorization}wrk.path = '{account}/SIP/Domains/{domain}.json'\n");
    let place = format!("{account}/SIP/CredentialLists/{list}/Credentials.json");
    Ok([write(scratch, "get.lua", &get)?, write(scratch, "post.lua", &(authorization + &posts(&place)))?])
}

fn bare_scripts(scratch: &Path) -> Result<[PathBuf; 2], String> {
    let get = write(scratch, "bare-get.lua", "wrk.path = '/get'\n")?;
    Ok([get, write(scratch, "bare-post.lua", &posts("/post"))?])
}

/// A form each time with another user name; the time keeps those of later runs apart.
fn posts(path: &str) -> String {
    format!(
        "wrk.method, wrk.path = 'POST', '{path}'\n\
         wrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'\n\
         local run, number = os.time(), 0\n\
         request = function()\n\
           number = number + 1\n\
           return wrk.format(nil, nil, nil, 'Username=u' .. run .. 'x' .. number .. '&Password={PASSWORD}')\n\
         end\n"
    )
}

fn write(directory: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let path = directory.join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// The bare server, a process of its own on the same core. Dropping it kills it.
struct Rival {
    child: Child,
    address: SocketAddr,
}

impl Rival {
    /// This program built like the server it is measured with.
    fn build() -> Result<PathBuf, String> {
        server::built("xtask", "release")
    }

    fn start(program: &Path, directory: &Path) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.args(["bench", rival::NAME]).arg(directory).stdout(Stdio::piped());
        machine::pin_child(&mut command, SERVER_CORE);
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let mut line = String::new();
        let said = child.stdout.take().map(BufReader::new).map(|mut output| output.read_line(&mut line));
        let address =
            line.trim().parse().map_err(|error| format!("the rival said {said:?}, {line:?}: {error}"));
        // Built before the address is looked at, so that a rival that did not start is killed too.
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let rival = Self { child, address: address.clone().unwrap_or(unknown) };
        address.map(|_: SocketAddr| rival)
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let report = Report(
            "  Latency Distribution\n     50%    1.20ms\n     99%  812.00us\n  Socket errors: connect 1, read 0, \
             write 2, timeout 0\n  Non-2xx or 3xx responses: 4\nRequests/sec:  51234.56\n",
        );
        assert_eq!(report.number("Requests/sec:"), Some(51234.56));
        assert_eq!((report.latency_ms("50%"), report.latency_ms("99%")), (Some(1.2), Some(0.812)));
        assert_eq!((report.number("Non-2xx or 3xx responses:"), report.socket_errors()), (Some(4.0), 3.0));
    }
}

//! `ringway demo`: the whole service on this machine, with a domain, a phone user and an application of its
//! own, and a first call to show that it works.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;

use axum::Router;
use axum::extract::Form;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clap::Parser;
use ringway_sip::digest::DigestHashes;
use ringway_store::{DomainUpdate, MappingKind, NewCredential, NewDomain, PageQuery};
use tokio::net::TcpListener;

use crate::call::{self, CallOptions};
use crate::config::{Cli, Command, DemoOptions, ServeOptions};
use crate::serve;
use crate::shutdown::Signals;
use crate::telemetry;
use crate::wiring::Service;

const SUFFIX: &str = "ringway.test";
const DOMAIN: &str = "demo.ringway.test";
const USER: &str = "demo";
/// What the first call hears.
const GREETING: &str = "Hello! This is Ringway, and your first call works.";
/// Ports tried from the first one on, so that a service that runs already is no obstacle.
const PORTS_TRIED: u16 = 50;

/// Serves, calls itself once, and goes on serving unless told otherwise.
pub(crate) fn run(options: &DemoOptions) -> Result<ExitCode, String> {
    let serve_options = serve_options(options)?;
    telemetry::log(serve_options.log_format, &serve_options.log)?;
    let metrics = telemetry::metrics()?;
    let runtime = serve::runtime()?;
    let (service, password, mut signals) = runtime.block_on(async {
        let signals = Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
        let application =
            start_application().await.map_err(|error| format!("the demo application: {error}"))?;
        let service = Service::start(serve_options, metrics).await?;
        let password = make_domain(&service, application).await?;
        Ok::<_, String>((service, password, signals))
    })?;
    print!("{}", service.startup);
    let sip = service.sip_udp().ok_or("the demo listens on no UDP address")?;
    println!("\nA first call, to sip:hello@{DOMAIN}:\n");
    let outcome = call::run(&first_call(sip, &password, options)?)?;
    println!("\nWhat was said: \"{GREETING}\"");
    if options.once {
        runtime.block_on(service.stop());
        return Ok(outcome);
    }
    print!("{}", instructions(sip, &password));
    runtime.block_on(async {
        signals.next().await;
        service.stop().await;
    });
    Ok(outcome)
}

/// Options as a person would write them, with ports that are free.
fn serve_options(options: &DemoOptions) -> Result<ServeOptions, String> {
    let http = free_port(8080, |address| std::net::TcpListener::bind(address).map(drop))?;
    let sip = free_port(5060, |address| {
        UdpSocket::bind(address).and_then(|_| std::net::TcpListener::bind(address).map(drop))
    })?;
    let arguments = [
        "ringway".to_owned(),
        "serve".to_owned(),
        format!("--data-dir={}", options.data_dir.display()),
        format!("--http=127.0.0.1:{http}"),
        format!("--sip=udp://127.0.0.1:{sip}"),
        format!("--sip=tcp://127.0.0.1:{sip}"),
        format!("--domain-suffix={SUFFIX},sip.twilio.com"),
        "--log=warn".to_owned(),
    ];
    match Cli::try_parse_from(arguments).map_err(|error| error.to_string())?.command {
        Command::Serve(options) => Ok(*options),
        _ => Err("the demo's own command line is not a serve command".to_owned()),
    }
}

/// The first port at or after `first` that `bind` takes; says so when it is another one.
fn free_port(first: u16, bind: impl Fn(SocketAddr) -> io::Result<()>) -> Result<u16, String> {
    let mut ports = first..first.saturating_add(PORTS_TRIED);
    let free = ports.find(|port| bind(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).is_ok());
    let free = free.ok_or_else(|| format!("no free port from {first} on, {PORTS_TRIED} were tried"))?;
    if free != first {
        println!("Port {first} is taken; using {free}.");
    }
    Ok(free)
}

/// What a developer would write: answers with TwiML, and is told how calls ended.
async fn start_application() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/voice", post(voice))
        .route("/pressed", post(pressed))
        .route("/status", post(status));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

type Parameters = Vec<(String, String)>;

fn parameter<'a>(parameters: &'a Parameters, name: &str) -> &'a str {
    parameters.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

async fn voice(Form(parameters): Form<Parameters>) -> Response {
    let called = parameter(&parameters, "To");
    let verbs = if called.starts_with("sip:menu@") {
        "<Gather numDigits=\"1\" action=\"/pressed\" timeout=\"5\"><Say>Press a key.</Say></Gather>\
         <Say>You pressed nothing. Goodbye.</Say>"
    } else {
        &format!("<Say>{GREETING}</Say>")
    };
    twiml(verbs)
}

async fn pressed(Form(parameters): Form<Parameters>) -> Response {
    let key = parameter(&parameters, "Digits").chars().find(|key| "0123456789*#".contains(*key));
    let spoken = match key {
        Some('*') => "star".to_owned(),
        Some('#') => "hash".to_owned(),
        Some(digit) => digit.to_string(),
        None => "nothing".to_owned(),
    };
    twiml(&format!("<Say>You pressed {spoken}. Goodbye.</Say>"))
}

async fn status(Form(parameters): Form<Parameters>) -> Response {
    let (sid, status) = (parameter(&parameters, "CallSid"), parameter(&parameters, "CallStatus"));
    println!("call {sid} {status} after {} s", parameter(&parameters, "CallDuration"));
    twiml("")
}

fn twiml(verbs: &str) -> Response {
    let document = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{verbs}</Response>");
    ([(header::CONTENT_TYPE, "text/xml")], document).into_response()
}

/// The domain with one user, whose password is new at each start.
async fn make_domain(service: &Service, application: SocketAddr) -> Result<String, String> {
    let store = &service.store;
    let account = service.account_sid;
    let password = password()?;
    let hashes = DigestHashes::compute(USER, store.realm(), &password);
    let urls = |path: &str| Some(format!("http://{application}/{path}"));
    let everything = PageQuery { size: 1000, page: 0, token: None };
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("the demo {what}: {error}");

    let domains = store.domains(&account, &everything).map_err(|error| failed("domain", &error))?;
    if let Some(domain) = domains.rows.iter().find(|domain| domain.domain_name == DOMAIN) {
        let update = DomainUpdate {
            voice_url: Some(urls("voice")),
            voice_status_callback_url: Some(urls("status")),
            ..DomainUpdate::default()
        };
        store.update_domain(account, domain.sid, update).await.map_err(|error| failed("domain", &error))?;
        let lists = store.credential_lists(&account, &everything).map_err(|error| failed("list", &error))?;
        let list =
            lists.rows.iter().find(|list| list.friendly_name == DOMAIN).ok_or("the demo list is gone")?;
        let users =
            store.credentials(&account, &list.sid, &everything).map_err(|error| failed("user", &error))?;
        let rows = users.map(|page| page.rows).unwrap_or_default();
        let user = rows.iter().find(|user| user.username == USER).ok_or("the demo user is gone")?;
        let update = store.update_credential(account, list.sid, user.sid, hashes);
        update.await.map_err(|error| failed("user", &error))?;
        return Ok(password);
    }
    let mut domain = NewDomain::named(account, DOMAIN);
    domain.friendly_name = Some("Demo".to_owned());
    domain.voice_url = urls("voice");
    domain.voice_status_callback_url = urls("status");
    let domain = store.create_domain(domain).await.map_err(|error| failed("domain", &error))?;
    let list = store.create_credential_list(account, DOMAIN.to_owned());
    let list = list.await.map_err(|error| failed("list", &error))?;
    let user = NewCredential {
        account_sid: account,
        credential_list_sid: list.sid,
        username: USER.to_owned(),
        hashes,
    };
    store.create_credential(user).await.map_err(|error| failed("user", &error))?;
    let kind = MappingKind::CallsCredentialList;
    let mapping = store.create_mapping(account, domain.sid, kind, list.sid.into());
    mapping.await.map_err(|error| failed("mapping", &error))?;
    Ok(password)
}

/// 24 characters, of the kinds that every password of a credential must have.
fn password() -> Result<String, String> {
    let mut random = [0; 11];
    getrandom::fill(&mut random).map_err(|error| format!("no random bytes: {error}"))?;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("D7{hex}"))
}

fn first_call(sip: SocketAddr, password: &str, options: &DemoOptions) -> Result<CallOptions, String> {
    let save = options.save.display().to_string();
    let via = sip.to_string();
    let uri = format!("sip:hello@{DOMAIN}");
    let arguments =
        ["ringway", "call", &uri, "--via", &via, "--user", USER, "--save", &save, "--duration", "20s"];
    match Cli::try_parse_from(arguments).map_err(|error| error.to_string())?.command {
        Command::Call(options) => Ok(options.with_password(password)),
        _ => Err("the demo's own command line is not a call command".to_owned()),
    }
}

fn instructions(sip: SocketAddr, password: &str) -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "ringway".to_owned(), |path| path.display().to_string());
    format!(
        "
Ringway keeps serving; Ctrl-C ends it. Another call, with a key pressed:

  RINGWAY_CALL_PASSWORD={password} {program} call sip:menu@{DOMAIN} \\
      --via {sip} --user {USER} --digits 5 --save heard.wav

A phone on this machine; the outbound proxy keeps its requests here:

  baresip (~/.baresip/accounts)
    <sip:{USER}@{DOMAIN}>;auth_user={USER};auth_pass={password};outbound=\"sip:{sip};transport=udp\";regint=0

  Linphone (manual SIP account)
    username {USER}, password {password}, domain {DOMAIN}, transport UDP,
    outbound proxy sip:{sip};transport=udp, registration off
    then call sip:hello@{DOMAIN} or sip:menu@{DOMAIN}

"
    )
}

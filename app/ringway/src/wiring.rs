//! Puts the service together, in the order in which its parts need each other.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use ringway_call::abuse::Abuse;
use ringway_call::admit::{Admission, AdmissionConfig};
use ringway_call::host::Suffixes;
use ringway_call::leg::CallLimits;
use ringway_engine::{Engine, EngineConfig, Services, SipSide};
use ringway_identity::Identity;
use ringway_model::Secret;
use ringway_model::random::Random;
use ringway_model::sid::AccountSid;
use ringway_rest::{Api, RequestLimits, Settings, Tls};
use ringway_rtp_net::{MediaConfig, MediaNet};
use ringway_sip::endpoint::{EndpointConfig, Overload, Transport};
use ringway_sip::nonce::Nonces;
use ringway_sip_net::{AdvertiseRule, ListenSpec, Listeners, NetConfig, Resolver, local_address_towards};
use ringway_speech::{EspeakNg, EspeakNgConfig, Synthesizer};
use ringway_store::{Limits, RegistrationLog, RootAccount, Store, StoreOptions};
use ringway_webhook::{Client, ClientConfig, Guard, Names, USER_AGENT};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::admin;
use crate::config::{HttpListen, LateOffer, MediaLatch, ServeOptions};
use crate::rest_security;
use crate::retention;
use crate::sip_network;
use crate::startup::Startup;

/// The one SIP shard there is.
const SHARD: u8 = 0;

/// The running service.
pub(crate) struct Service {
    /// What it says of itself at its start.
    pub(crate) startup: Startup,
    /// The calls.
    pub(crate) engine: Engine,
    /// The rows.
    pub(crate) store: Store,
    /// The root account.
    pub(crate) account_sid: AccountSid,
    sip: Vec<ListenSpec>,
    rest: Running,
    /// What goes on by itself until the end.
    background: [JoinHandle<()>; 2],
}

/// A server that can be told to stop.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Service {
    /// Starts everything, or says what stands in the way.
    pub(crate) async fn start(options: ServeOptions, metrics: PrometheusHandle) -> Result<Self, String> {
        let mut warnings = Vec::new();
        if let Err(error) = ringway_rtp_net::raise_nofile() {
            warnings.push(format!("the limit on open files could not be raised: {error}"));
        }
        rest_security::check(options.http, &options.http_security)?;
        let http = TcpListener::bind(options.http.address)
            .await
            .map_err(|error| cannot_listen("--http", options.http.address, &error))?;
        let admin = admin::bind(options.admin).await;
        let admin = admin.map_err(|error| format!("cannot listen for metrics (--admin): {error}"))?;
        let net = net_config(&options);
        let listeners = Listeners::bind(net.clone()).map_err(|error| error.to_string())?;
        let sip = listeners.addresses().to_vec();
        let addresses = own_addresses(&http, &admin, &sip)?;

        let store = open_store(&options)?;
        let sip_tls = sip_network::tls(&options, &sip)?;
        let tls = rest_security::tls(options.http, &options.http_security, &options.data_dir)?;
        let account = root_account(&store, &options).await?;
        let mut random = random()?;
        let media = MediaConfig { ports: options.rtp_ports.clone(), ..MediaConfig::default() };
        let media = MediaNet::start(media, random.bytes());
        let media = media.map_err(|error| format!("cannot start media: {error}"))?;
        let calls_max = media.capacity();
        let (advertise, advertised) = advertise(&options, &sip);
        let names = sip_network::names(&options.sip_network.dns)?;
        let services = Services {
            store: store.clone(),
            resolver: Resolver::new(names.client(), &sip, net.names, random.bytes()),
            webhook: webhook(&options, names, &addresses)?,
            speech: speech(&mut warnings).await,
            media,
            advertise: advertise.clone(),
        };
        let sip_side = SipSide {
            listeners: listeners.with_tls(sip_tls.config),
            endpoint: endpoint(&options, advertise),
            admission: admission(&options, &mut random),
            abuse: Abuse::new(options.abuse.config(), random.bytes()),
            banned: options.abuse.banned(),
        };
        let registrations = RegistrationLog::open(&options.data_dir)
            .map_err(|error| format!("cannot open the registrations: {error}"))?;
        let engine = Engine::start(engine_config(&options, calls_max), services, registrations, sip_side);
        let engine = engine.await.map_err(|error| error.to_string())?;
        let startup = Startup {
            http: HttpListen {
                address: http.local_addr().map_err(|error| error.to_string())?,
                ..options.http
            },
            sip_development_certificate: sip_tls.made,
            development_certificate: tls.as_ref().and_then(|secured| secured.made.clone()),
            admin: admin.local_addr().map_err(|error| error.to_string())?,
            sip: sip.iter().map(ToString::to_string).collect(),
            rtp: format!("{}-{}", options.rtp_ports.start(), options.rtp_ports.end()),
            advertised,
            data_dir: options.data_dir.clone(),
            suffixes: options.domain_suffix.clone(),
            calls_max,
            account_sid: account.sid.to_string(),
            new_token: account.new_token,
            warnings,
        };
        let rest = serve_rest(&options, http, tls.map(|secured| secured.tls), &store, &engine);
        tokio::spawn(admin::serve(admin, engine.clone(), metrics));
        let fresh = tokio::spawn(keep_fresh(sip_tls.identity));
        let purge = tokio::spawn(retention::purge_forever(store.clone(), options.retention.clone()));
        Ok(Self { startup, engine, store, account_sid: account.sid, sip, rest, background: [purge, fresh] })
    }

    /// Where SIP over UDP is heard.
    pub(crate) fn sip_udp(&self) -> Option<SocketAddr> {
        let udp = self.sip.iter().find(|listener| listener.transport == Transport::Udp);
        udp.map(|listener| listener.address)
    }

    /// Ends what still lives, answers the last REST requests, and closes the store.
    pub(crate) async fn stop(self) {
        self.background.iter().for_each(JoinHandle::abort);
        self.engine.refuse_new_calls();
        self.engine.end_calls().await;
        // The server may have ended by itself.
        let _ = self.rest.stop.send(());
        if let Err(error) = self.rest.task.await {
            tracing::error!(%error, "the REST server ended badly");
        }
    }
}

fn cannot_listen(option: &str, address: SocketAddr, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{option} {address}: the port is taken (is Ringway running already?); choose another")
        }
        _ => format!("{option} {address}: {error}"),
    }
}

fn net_config(options: &ServeOptions) -> NetConfig {
    NetConfig {
        listen: options.sip.clone(),
        tcp: options.sip_network.limits(options.tcp_connections_per_address),
        ..NetConfig::default()
    }
}

async fn keep_fresh(identity: Option<Identity>) {
    if let Some(identity) = identity {
        sip_network::keep_fresh(identity).await;
    }
}

/// Every address we listen on: nothing may make us connect to them.
fn own_addresses(
    http: &TcpListener,
    admin: &TcpListener,
    sip: &[ListenSpec],
) -> Result<Vec<SocketAddr>, String> {
    let http = http.local_addr().map_err(|error| error.to_string())?;
    let admin = admin.local_addr().map_err(|error| error.to_string())?;
    Ok(sip.iter().map(|listener| listener.address).chain([http, admin]).collect())
}

fn open_store(options: &ServeOptions) -> Result<Store, String> {
    let limits = &options.limits;
    let store = Store::open(StoreOptions {
        key_file: options.key_file.clone(),
        domain_suffixes: options.domain_suffix.iter().map(|suffix| suffix.to_ascii_lowercase()).collect(),
        limits: Limits {
            domains_per_account: limits.domains_max,
            ip_access_control_lists_per_account: limits.ip_access_control_lists_max,
            addresses_per_list: limits.ip_addresses_max,
            credential_lists_per_account: limits.credential_lists_max,
            credentials_per_list: limits.credentials_max,
            connection_policies_per_account: limits.connection_policies_max,
            targets_per_connection_policy: limits.connection_policy_targets_max,
        },
        ..StoreOptions::new(&options.data_dir, &options.realm)
    });
    store.map_err(|error| error.to_string())
}

struct Account {
    sid: AccountSid,
    /// When it was made just now, by us.
    new_token: Option<String>,
}

async fn root_account(store: &Store, options: &ServeOptions) -> Result<Account, String> {
    let sid = options.account_sid.as_deref().map(str::parse).transpose();
    let sid = sid.map_err(|_| "RINGWAY_ACCOUNT_SID must be AC and 32 hexadecimal digits")?;
    let token = options.auth_token.as_deref().filter(|token| !token.is_empty()).map(Secret::new);
    let chosen = token.is_some();
    let root = RootAccount { sid, auth_token: token, friendly_name: "Ringway".to_owned() };
    let ensured = store.ensure_root_account(root).await.map_err(|error| error.to_string())?;
    let new_token = (ensured.created && !chosen).then(|| ensured.account.auth_token.expose().to_owned());
    Ok(Account { sid: ensured.account.sid, new_token })
}

fn random() -> Result<Random, String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| format!("no random bytes: {error}"))?;
    Ok(Random::from_seed(seed))
}

/// The rule, and what it tells the world when a listener is bound to a wildcard.
fn advertise(options: &ServeOptions, sip: &[ListenSpec]) -> (AdvertiseRule, Option<String>) {
    let rule = AdvertiseRule {
        public: options.public_address,
        local_nets: options.local_net.clone(),
        listening: sip.to_vec(),
    };
    let wildcard = sip.iter().find(|listener| listener.address.ip().is_unspecified());
    let told = match (options.public_address, wildcard) {
        (Some(public), _) => Some(public.to_string()),
        (None, Some(listener)) => {
            let outside = if listener.address.is_ipv4() { "192.0.2.1:9" } else { "[2001:db8::1]:9" };
            let chosen = outside.parse().ok().and_then(|outside| local_address_towards(outside).ok());
            let shown =
                chosen.map_or("the address each packet came to".to_owned(), |ip: IpAddr| ip.to_string());
            Some(format!("{shown} (chosen; --public-address says otherwise)"))
        }
        (None, None) => None,
    };
    (rule, told)
}

fn webhook(options: &ServeOptions, names: Names, own: &[SocketAddr]) -> Result<Client, String> {
    let client = Client::new(ClientConfig {
        user_agent: USER_AGENT.to_owned(),
        guard: Guard {
            allow: options.webhook_allow.clone(),
            loopback: own.iter().all(|address| address.ip().is_loopback())
                || options.webhook_allow.iter().any(|net| net.addr().is_loopback()),
            own_listeners: own.to_vec(),
        },
        names: Some(names),
        in_flight_per_host_max: options.webhooks_per_host,
        media_bytes_max: options.media_file_mib * 1024 * 1024,
        ..ClientConfig::default()
    });
    client.map_err(|error| format!("cannot set up webhooks: {error}"))
}

async fn speech(warnings: &mut Vec<String>) -> Option<Arc<dyn Synthesizer>> {
    match EspeakNg::find(EspeakNgConfig::default()).await {
        Ok(speech) => Some(Arc::new(speech)),
        Err(error) => {
            warnings.push(format!("{error}; Say will be silent. Install it with: apt-get install espeak-ng"));
            None
        }
    }
}

fn endpoint(options: &ServeOptions, advertise: AdvertiseRule) -> EndpointConfig {
    let mut config = EndpointConfig::new(SHARD, Box::new(advertise));
    config.server = format!("Ringway/{}", env!("CARGO_PKG_VERSION"));
    config.overload = Overload { age_max: options.overload_age };
    config
}

fn admission(options: &ServeOptions, random: &mut Random) -> Admission {
    let config = AdmissionConfig {
        realm: options.realm.clone(),
        suffixes: Suffixes::new(&options.domain_suffix),
        default_domain: options.default_domain.as_ref().map(|name| name.to_ascii_lowercase()),
    };
    Admission::new(config, Nonces::new(random.bytes(), SHARD), random.bytes())
}

fn engine_config(options: &ServeOptions, calls_max: usize) -> EngineConfig {
    EngineConfig {
        node: options.node.clone(),
        call_limits: CallLimits { duration_max: options.call_time_limit, ..CallLimits::default() },
        calls_max,
        latch_any: options.media_latch == MediaLatch::Any,
        rtp_timeout: options.rtp_timeout,
        accept_late_offer: options.late_offer == LateOffer::Accept,
        registrar: options.registrations.limits(),
    }
}

fn serve_rest(
    options: &ServeOptions,
    listener: TcpListener,
    tls: Option<Tls>,
    store: &Store,
    engine: &Engine,
) -> Running {
    let requests = RequestLimits {
        concurrent_max: options.limits.requests_max,
        per_second_max: options.limits.requests_per_second_max,
    };
    let settings = Settings {
        more_info: options.error_pages.clone(),
        trusted_proxies: options.http_security.trusted_proxy.clone(),
        requests,
        ipv6_lists: options.sip_network.ipv6_acl,
        ..Settings::default()
    };
    let api = Api::new(store.clone(), engine.calls(), engine.registrations(), settings);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let stopped = async move {
            // Either way it is time to stop.
            let _ = stopped.await;
        };
        let (router, options) = (api.router(), ringway_rest::ServeOptions::default());
        match tls {
            Some(tls) => ringway_rest::serve_tls(listener, tls, router, options, stopped).await,
            None => ringway_rest::serve(listener, router, options, stopped).await,
        }
    });
    Running { stop, task }
}

//! Puts the service together, in the order in which its parts need each other.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
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
use ringway_sip::digest::Offered;
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
use crate::config::{LateOffer, MediaLatch, ServeOptions};
use crate::intercept::{Intercept, Others};
use crate::rest_security::{self, HttpListen};
use crate::retention;
use crate::sip_network;
use crate::startup::Startup;
use crate::trust::{self, Authority, CERTIFICATE_FILE};

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
    intercept: Option<Running>,
    /// What goes on by itself until the end.
    background: [JoinHandle<()>; 2],
}

/// Completes when a server is told to stop.
type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

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
        options.interception.check()?;
        let intercept = bind_intercept(options.interception.intercept).await?;
        let admin = admin::bind(options.admin).await;
        let admin = admin.map_err(|error| format!("cannot listen for metrics (--admin): {error}"))?;
        let net = net_config(&options);
        let listeners = Listeners::bind(net.clone()).map_err(|error| error.to_string())?;
        let sip = listeners.addresses().to_vec();
        let heard: Vec<_> = [&http, &admin].into_iter().chain(&intercept).collect();
        let addresses = own_addresses(&heard, &sip)?;

        let store = open_store(&options)?;
        let sip_tls = sip_network::tls(&options, &sip)?;
        let identity = intercept.as_ref().map(|_| intercept_identity(&options.data_dir)).transpose()?;
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
            webhook: webhook(&options, names, guard(&options, &addresses))?,
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
        let config = engine_config(&options, calls_max, guard(&options, &addresses))?;
        let engine = Engine::start(config, services, registrations, sip_side);
        let engine = engine.await.map_err(|error| error.to_string())?;
        let startup = Startup {
            http: HttpListen {
                address: http.local_addr().map_err(|error| error.to_string())?,
                ..options.http
            },
            sip_development_certificate: sip_tls.made,
            development_certificate: tls.as_ref().and_then(|secured| secured.made.clone()),
            intercept: intercept
                .as_ref()
                .map(|listener| intercept_shown(listener, &options.data_dir))
                .transpose()?,
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
        let router = router(&options, &store, &engine);
        let rest = serve_rest(http, tls.map(|secured| secured.tls), router.clone());
        let intercept = intercept.zip(identity).map(|(listener, identity)| {
            let others = &options.interception;
            let others = Others::new(others.tunnels(), others.intercept_tunnels_max, others.intercept_idle);
            let intercept = Intercept::new(identity, router, others);
            Running::start(|stopped| intercept.serve(listener, stopped))
        });
        tokio::spawn(admin::serve(admin, engine.clone(), metrics));
        let fresh = tokio::spawn(keep_fresh(sip_tls.identity));
        let purge = tokio::spawn(retention::purge_forever(store.clone(), options.retention.clone()));
        let background = [purge, fresh];
        Ok(Self { startup, engine, store, account_sid: account.sid, sip, rest, intercept, background })
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
        for running in self.intercept.into_iter().chain([self.rest]) {
            running.stop().await;
        }
    }
}

impl Running {
    fn start<F>(serve: impl FnOnce(Stopped) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        Self {
            stop,
            task: tokio::spawn(serve(Box::pin(async move {
                // Either way it is time to stop.
                let _ = stopped.await;
            }))),
        }
    }

    async fn stop(self) {
        // The server may have ended by itself.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a server ended badly");
        }
    }
}

async fn bind_intercept(address: Option<SocketAddr>) -> Result<Option<TcpListener>, String> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    listener.map(Some).map_err(|error| cannot_listen("--intercept", address, &error))
}

fn intercept_identity(data_dir: &Path) -> Result<Arc<rustls::ServerConfig>, String> {
    let authority = Authority::open(&trust::directory(data_dir));
    let identity = authority.and_then(trust::Identity::new).and_then(trust::Identity::server_config);
    identity.map_err(|error| format!("--intercept: {error}"))
}

fn intercept_shown(listener: &TcpListener, data_dir: &Path) -> Result<(SocketAddr, PathBuf), String> {
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok((address, trust::directory(data_dir).join(CERTIFICATE_FILE)))
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
fn own_addresses(listeners: &[&TcpListener], sip: &[ListenSpec]) -> Result<Vec<SocketAddr>, String> {
    let own = listeners.iter().map(|listener| listener.local_addr().map_err(|error| error.to_string()));
    own.chain(sip.iter().map(|listener| Ok(listener.address))).collect()
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

/// Where applications may send us, by HTTP and by SIP.
fn guard(options: &ServeOptions, own: &[SocketAddr]) -> Guard {
    Guard {
        allow: options.webhook_allow.clone(),
        loopback: own.iter().all(|address| address.ip().is_loopback())
            || options.webhook_allow.iter().any(|net| net.addr().is_loopback()),
        own_listeners: own.to_vec(),
    }
}

fn webhook(options: &ServeOptions, names: Names, guard: Guard) -> Result<Client, String> {
    let client = Client::new(ClientConfig {
        user_agent: USER_AGENT.to_owned(),
        guard,
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
        algorithms: Offered::new(&options.digest_algorithms),
        suffixes: Suffixes::new(&options.domain_suffix),
        default_domain: options.default_domain.as_ref().map(|name| name.to_ascii_lowercase()),
    };
    Admission::new(config, Nonces::new(random.bytes(), SHARD), random.bytes())
}

fn engine_config(options: &ServeOptions, calls_max: usize, guard: Guard) -> Result<EngineConfig, String> {
    Ok(EngineConfig {
        node: options.node.clone(),
        call_limits: CallLimits { duration_max: options.call_time_limit, ..CallLimits::default() },
        calls_max,
        latch_any: options.media_latch == MediaLatch::Any,
        rtp_timeout: options.rtp_timeout,
        accept_late_offer: options.late_offer == LateOffer::Accept,
        registrar: options.registrations.limits()?,
        suffixes: Suffixes::new(&options.domain_suffix),
        from_domain: options.domain_suffix.first().unwrap_or(&options.realm).clone(),
        guard,
        calls_per_second: options.calls_out.calls_per_second,
        queued_calls_max: options.calls_out.queued_calls_max,
    })
}

fn router(options: &ServeOptions, store: &Store, engine: &Engine) -> axum::Router {
    let requests = RequestLimits {
        concurrent_max: options.limits.requests_max,
        per_second_max: options.limits.requests_per_second_max,
    };
    let settings = Settings {
        error_pages: options.error_pages.clone(),
        trusted_proxies: options.http_security.trusted_proxy.clone(),
        requests,
        ipv6_lists: options.sip_network.ipv6_acl,
        ..Settings::default()
    };
    Api::new(store.clone(), engine.clone(), engine.registrations(), settings).router()
}

fn serve_rest(listener: TcpListener, tls: Option<Tls>, router: axum::Router) -> Running {
    Running::start(|stopped| async move {
        let options = ringway_rest::ServeOptions::default();
        match tls {
            Some(tls) => ringway_rest::serve_tls(listener, tls, router, options, stopped).await,
            None => ringway_rest::serve(listener, router, options, stopped).await,
        }
    })
}

//! The certificate authority: made once, kept in the data directory, and unable to vouch for more than the
//! hosted names.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use ringway_rest::HOSTED;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::TrustError;

/// The certificate, for programs to trust.
pub(crate) const CERTIFICATE_FILE: &str = "ca.pem";
/// Its key, for the owner alone.
const KEY_FILE: &str = "ca-key.pem";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the authority is valid.
const LIFETIME: Duration = Duration::from_secs(5 * 365 * 24 * 60 * 60);
/// How long a leaf is valid.
pub(super) const LEAF_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Clocks of programs, containers say, may be behind ours by so much.
const CLOCK_SLACK: Duration = Duration::from_secs(60 * 60);

/// A certificate authority for [`HOSTED`].
#[derive(Debug)]
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    not_after: OffsetDateTime,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// The one in `directory`; made there when there is none, or when it would not outlive its leaves.
    pub(crate) fn open(directory: &Path) -> Result<Self, TrustError> {
        match Self::load(directory) {
            Ok(authority) if authority.not_after > OffsetDateTime::now_utc() + LEAF_LIFETIME + DAY => {
                return Ok(authority);
            }
            Ok(_) => {
                tracing::warn!(path = %directory.display(), "the certificate authority is renewed: trust it anew");
                fs::remove_dir_all(directory).map_err(TrustError::file(directory))?;
            }
            Err(TrustError::Absent(_)) => {}
            Err(error) => return Err(error),
        }
        make(directory)?;
        Self::load(directory)
    }

    /// The one in `directory`, which must be of our making.
    pub(crate) fn load(directory: &Path) -> Result<Self, TrustError> {
        let (path, key_path) = (directory.join(CERTIFICATE_FILE), directory.join(KEY_FILE));
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(TrustError::Absent(path)),
            result => result.map_err(TrustError::file(&path))?,
        };
        let foreign = || TrustError::Foreign(path.clone());
        let certificate = CertificateDer::from_pem_slice(&text).map_err(|_| foreign())?;
        let not_after = limited_until(&certificate).ok_or_else(foreign)?;
        let metadata = fs::metadata(&key_path).map_err(TrustError::file(&key_path))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(TrustError::Readable(key_path));
        }
        let key = fs::read(&key_path).map_err(TrustError::file(&key_path))?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| TrustError::Foreign(key_path))?;
        let issuer = Issuer::from_ca_cert_der(&certificate, KeyPair::try_from(&key)?)?;
        Ok(Self { certificate, not_after, issuer })
    }

    /// A certificate for all of [`HOSTED`], with a key that lives in memory only.
    pub(crate) fn leaf(&self) -> Result<CertifiedKey, TrustError> {
        let names: Vec<String> = HOSTED.iter().map(|name| (*name).to_owned()).collect();
        let (certificate, key) = self.sign(names)?;
        Ok(CertifiedKey::from_der(vec![certificate], key, &ring::default_provider())?)
    }

    /// Its certificate.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// When it ends.
    pub(crate) fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// The SHA-256 of its certificate, as `openssl x509 -fingerprint` writes it.
    pub(crate) fn fingerprint(&self) -> String {
        let bytes: Vec<String> =
            Sha256::digest(&self.certificate).iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    fn sign(
        &self,
        names: Vec<String>,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), TrustError> {
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name = named("Ringway interception");
        leaf.not_before = OffsetDateTime::now_utc() - CLOCK_SLACK;
        leaf.not_after = leaf.not_before + LEAF_LIFETIME;
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, &self.issuer)?;
        Ok((certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())))
    }
}

/// Makes the authority beside its place and moves it there whole: of several programs that start at once, one
/// makes it and the others find it.
fn make(directory: &Path) -> Result<(), TrustError> {
    let parent = directory.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(TrustError::file(parent))?;
    let fresh = directory.with_extension(format!("new-{}", std::process::id()));
    fs::create_dir(&fresh).map_err(TrustError::file(&fresh))?;
    let made = write_new(&fresh).and_then(|()| match fs::rename(&fresh, directory) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
            Err(TrustError::file(directory)(error))
        }
        _ => Ok(()),
    });
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(TrustError::file(&fresh))?;
    }
    made
}

fn write_new(directory: &Path) -> Result<(), TrustError> {
    let key = KeyPair::generate()?;
    let certificate = params().self_signed(&key)?;
    let write = |name: &str, mode: u32, text: String| {
        let path = directory.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(TrustError::file(&path))
    };
    write(KEY_FILE, 0o600, key.serialize_pem())?;
    write(CERTIFICATE_FILE, 0o644, certificate.pem())
}

/// Limited by name constraints (RFC 5280 4.2.1.10) to the hosted names. A name of a kind that no constraint
/// mentions would be free, so addresses are excluded, and other uses than servers by the extended key usage.
fn params() -> CertificateParams {
    let permitted = HOSTED.iter().map(|name| GeneralSubtree::DnsName((*name).to_owned()));
    let every_address = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let excluded =
        every_address.map(|address| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 0)));
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Ringway local authority");
    params.not_before = OffsetDateTime::now_utc() - CLOCK_SLACK;
    params.not_after = params.not_before + LIFETIME;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: permitted.collect(), excluded_subtrees: excluded.into() });
    params
}

fn named(name: &str) -> rcgen::DistinguishedName {
    let mut whole = rcgen::DistinguishedName::new();
    whole.push(DnType::CommonName, name);
    whole
}

/// The end of a certificate whose constraints, which clients must heed, permit the hosted names alone.
fn limited_until(certificate: &CertificateDer<'_>) -> Option<OffsetDateTime> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let constraints = certificate.name_constraints().ok()?.filter(|found| found.critical)?;
    let permitted = constraints.value.permitted_subtrees.as_ref()?;
    let hosted = |base: &GeneralName<'_>| matches!(base, GeneralName::DNSName(name) if HOSTED.contains(name));
    let limited = !permitted.is_empty() && permitted.iter().all(|subtree| hosted(&subtree.base));
    limited.then(|| certificate.validity().not_after.to_datetime())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{CertificateError, Error, RootCertStore};

    use super::*;

    fn verify(
        authority: &Authority,
        leaf: &CertificateDer<'_>,
        name: &str,
        later: Duration,
    ) -> Option<Error> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs()) + later);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier.verify_server_cert(leaf, &[], &name, &[], now).err()
    }

    #[test]
    fn a_leaf_is_good_for_the_hosted_names_for_thirty_days() {
        let scratch = tempfile::tempdir().unwrap();
        let authority = Authority::open(&scratch.path().join("trust")).unwrap();
        let leaf = authority.leaf().unwrap().cert.remove(0);
        for name in HOSTED {
            assert_eq!(verify(&authority, &leaf, name, Duration::ZERO), None);
            assert_eq!(verify(&authority, &leaf, name, LEAF_LIFETIME - 2 * CLOCK_SLACK), None);
            assert!(verify(&authority, &leaf, name, LEAF_LIFETIME).is_some());
        }
        assert!(verify(&authority, &leaf, "accounts.twilio.com", Duration::ZERO).is_some());
    }

    #[test]
    fn it_cannot_vouch_for_another_host() {
        let scratch = tempfile::tempdir().unwrap();
        let authority = Authority::open(&scratch.path().join("trust")).unwrap();
        for name in ["example.com", "twilio.com", "www.twilio.com", "notapi.twilio.com", "127.0.0.1", "::1"] {
            let (leaf, _) = authority.sign(vec![name.to_owned()]).unwrap();
            let error = verify(&authority, &leaf, name, Duration::ZERO).expect("it is refused");
            let Error::InvalidCertificate(CertificateError::Other(why)) = &error else {
                panic!("{name}: {error}");
            };
            assert!(why.to_string().contains("NameConstraintViolation"), "{name}: {why}");
        }
    }

    #[test]
    fn it_is_made_once_and_its_key_is_for_the_owner() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("data/trust");
        assert!(matches!(Authority::load(&directory), Err(TrustError::Absent(_))));
        let fingerprint = Authority::open(&directory).unwrap().fingerprint();
        assert_eq!(Authority::open(&directory).unwrap().fingerprint(), fingerprint);
        let key = directory.join(KEY_FILE);
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(directory.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left beside it"
        );

        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Authority::open(&directory), Err(TrustError::Readable(_))));
    }

    #[test]
    fn programs_that_start_at_once_find_one() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("trust");
        make(&directory).unwrap();
        let first = Authority::load(&directory).unwrap().fingerprint();
        make(&directory).unwrap();
        assert_eq!(Authority::load(&directory).unwrap().fingerprint(), first);
    }

    #[test]
    fn an_authority_without_limits_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("trust");
        make(&directory).unwrap();
        let mut free = params();
        free.name_constraints = None;
        let free = free.self_signed(&KeyPair::generate().unwrap()).unwrap();
        fs::write(directory.join(CERTIFICATE_FILE), free.pem()).unwrap();
        assert!(matches!(Authority::open(&directory), Err(TrustError::Foreign(_))));
    }
}

"""A small certificate authority for those who have none, and the certificates that it issues."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from common import durable
from common.errors import KitError
from common.gateway import nginx_conf
from common.gateway.nginx_files import Pem
from kit.files import alone_in

# Browsers take no certificate of more than 398 days (CA/Browser Forum); a private authority is no exception to Apple's.
DAYS, AUTHORITY_DAYS = 397, 3650
# Renewed with a third of its life left: a box that nobody could reach for months still has a good one.
RENEW_DAYS = DAYS // 3
# A client's clock that is behind must not find it too new.
BACKDATED = datetime.timedelta(days=2)
CERTIFICATE, KEY = nginx_conf.CERTIFICATE, nginx_conf.PRIVATE_KEY  # wherever a pair is kept, as nginx reads it
NONE = "there is none"
AUTHORITY_NAME = "vision-serve authority"


class Pair(Pem):
    """A certificate that can be asked what it says."""

    @property
    def ends(self) -> datetime.datetime:
        return x509.load_pem_x509_certificate(self.certificate).not_valid_after_utc

    @property
    def names(self) -> list[str]:
        """The host names and addresses that it is for."""
        extension = x509.load_pem_x509_certificate(self.certificate).extensions
        try:
            found = extension.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return []
        return [str(name.value) for name in found]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _builder(
    name: str, issuer: x509.Name | None, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - BACKDATED)
        .not_valid_after(_now() + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def new_authority() -> Pair:
    key = _new_key()
    made = (
        _builder(AUTHORITY_NAME, None, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(made.public_bytes(serialization.Encoding.PEM), _pem(key))


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def issue(authority: Pair, names: Sequence[str], for_client: bool = False) -> Pair:
    """A server's certificate for host names and IP addresses, or a client's; the first is what it is called."""
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if for_client else ExtendedKeyUsageOID.SERVER_AUTH
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    signer = serialization.load_pem_private_key(authority.key, password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = _new_key()
    made = (
        _builder(names[0], issuer.subject, key, DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, hashes.SHA256())
    )
    return Pair(made.public_bytes(serialization.Encoding.PEM), _pem(key))


def read(folder: Path) -> Pair | None:
    """Raises KitError for one that cannot be read."""
    try:
        pair = Pair((folder / CERTIFICATE).read_bytes(), (folder / KEY).read_bytes())
        _ = pair.ends
        return pair
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise KitError(f"the certificate in {folder} cannot be read: {error}", f"remove {folder}, or mend it") from None


def write(folder: Path, pair: Pair) -> None:
    """The key first, readable by its user only: a certificate without one would be believed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.write(folder / KEY, pair.key, mode=0o600)
    durable.write(folder / CERTIFICATE, pair.certificate)


def check(pair: Pair) -> None:
    """Raises KitError for what is no certificate, no key without a password, or not the key of that certificate."""
    try:
        shown = x509.load_pem_x509_certificate(pair.certificate).public_key()
    except ValueError as error:
        hint = "give the file that begins with BEGIN CERTIFICATE"
        raise KitError(f"the certificate is not PEM: {error}", hint) from None
    try:
        own = serialization.load_pem_private_key(pair.key, password=None).public_key()
    except (ValueError, TypeError) as error:
        raise KitError(f"the private key cannot be read: {error}", "it has to be PEM, without a password") from None
    if own != shown:
        raise KitError("the private key is not that of the certificate", "take the two that belong together")


def authority(folder: Path) -> Pair:
    """The one that is there, or a new one: of many who ask at once, as for the boxes of a fleet, all get the same."""
    with alone_in(folder, mode=0o700):
        if there := read(folder):
            return there
        made = new_authority()
        write(folder, made)
        return made


def is_due(pair: Pair | None, names: Sequence[str], now: datetime.datetime | None = None) -> str:
    """Why a certificate is to be issued anew, in words; "" while it is good."""
    return why_due(pair.names, pair.ends, names, now) if pair else NONE


def why_due(
    there: Sequence[str], ends: datetime.datetime, names: Sequence[str], now: datetime.datetime | None = None
) -> str:
    """The same of one that is known by what it is for and when it ends."""
    if missing := sorted(set(names) - set(there)):
        return f"it is not for {', '.join(missing)}"
    left = ends - (now or _now())
    return f"it ends in {left.days} days" if left.days < RENEW_DAYS else ""

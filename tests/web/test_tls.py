"""HTTPS, and clients that need a certificate, with real ones."""

import datetime as dt
import ssl
import urllib.request
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.error import URLError

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli.test_cli import Shell, run
from web.serving import server

__all__ = ["run"]


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path


def issued(
    folder: Path, name: str, by: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None
) -> tuple[Pair, x509.Name, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    local = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by[0] if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(local), critical=False)
        .sign(by[1] if by else key, hashes.SHA256())
    )
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pair.key.write_bytes(private)
    return pair, subject, key


def trusting(ca: Pair) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca.certificate))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def asked(url: str, ca: Pair, client: Pair | None = None) -> int:
    context = trusting(ca)
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    with urllib.request.urlopen(f"{url}/schemas", context=context, timeout=10) as answer:  # noqa: S310
        return int(answer.status)


def test_clients_need_a_certificate_of_the_ca(tmp_path: Path) -> None:
    ca, name, key = issued(tmp_path, "ca", None)
    ours, _, _ = issued(tmp_path, "server", (name, key))
    client, _, _ = issued(tmp_path, "client", (name, key))
    other, *_ = issued(tmp_path, "other", None)
    words = [f"--tls-certificate={ours.certificate}", f"--tls-key={ours.key}"]
    with server(tmp_path / "one", *words) as running:
        assert running.url.startswith("https://")
        assert asked(running.url, ca) == 200
        with urllib.request.urlopen(  # noqa: S310
            f"{running.url}/health", context=trusting(ca)
        ) as answer:
            assert answer.headers["strict-transport-security"].startswith("max-age=")
    with server(tmp_path / "two", *words, f"--client-ca={ca.certificate}") as running:
        assert asked(running.url, ca, client) == 200
        for stranger in (None, other):
            with pytest.raises((URLError, OSError)):
                asked(running.url, ca, stranger)
        assert asked(running.url, ca, client) == 200


def test_certificates_that_cannot_be_used(run: Shell, tmp_path: Path) -> None:
    ca, *_ = issued(tmp_path, "ca", None)
    other, *_ = issued(tmp_path, "other", None)
    run("serve", f"--tls-certificate={ca.certificate}", code=2)
    run("serve", f"--client-ca={ca.certificate}", code=2)
    for key in (other.key, tmp_path / "missing"):
        run("serve", f"--tls-certificate={ca.certificate}", f"--tls-key={key}", code=1)
        assert "the certificates cannot be used" in run.err

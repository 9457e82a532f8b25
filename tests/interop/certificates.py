"""Certificates for servers on this machine."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox import FOLDER


def certificate(name):
    """An authority of its own and a certificate for localhost, as files that begin with this name."""
    now = datetime.datetime.now(datetime.timezone.utc)
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    named = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def made(subject, key, extension):
        return (
            x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(f"authority of {name}"))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=False).sign(authority, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    ca = made(f"authority of {name}", authority, x509.BasicConstraints(ca=True, path_length=None))
    leaf = made("localhost", own, x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    form = serialization.PrivateFormat.PKCS8
    key = own.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    with open(f"{FOLDER}/ca.pem", "rb") as sandbox:
        both = ca + sandbox.read()
    for file, data in [(".key", key), (".pem", leaf), ("-ca.pem", ca), ("-both.pem", both)]:
        with open(f"{FOLDER}/{name}{file}", "wb") as out:
            out.write(data)

"""The pairs of Tests/Certificates, and a client that speaks TLS."""

import http.client
import pathlib
import shutil
import ssl

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Certificates"


def place(folder, name, certificate=None, key=None):
    """Puts a pair into `folder` as NAME.pem and NAME.key, each by renaming it over what is there."""
    for suffix, source in ((".key", f"{key or certificate or name}.key"), (".pem", f"{certificate or name}.pem")):
        put(folder, f"{name}{suffix}", source)


def put(folder, name, source):
    """Renames a copy of one of the files over `folder/name`; a source in bytes is the content itself."""
    fresh = folder / f".{name}.new"
    fresh.write_bytes(source if isinstance(source, bytes) else read(source))
    fresh.rename(folder / name)


def read(names):
    """The files, one behind the other."""
    return b"".join((FOLDER / name).read_bytes() for name in names.split())


def copy(folder, *names):
    for name in names:
        shutil.copy(FOLDER / name, folder / name)


def server_context(name, client_ca=None, minimum=None, maximum=None, ciphers=None):
    """What an upstream shows: the pair of that name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / f"{name}.pem", FOLDER / f"{name}.key")
    if client_ca:
        context.load_verify_locations(FOLDER / f"{client_ca}.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    if maximum:
        context.minimum_version, context.maximum_version = minimum or maximum, maximum
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def client_context(ca="root", certificate=None):
    context = ssl.create_default_context(cafile=str(FOLDER / f"{ca}.pem"))
    if certificate:
        context.load_cert_chain(FOLDER / f"{certificate}.pem", FOLDER / f"{certificate}.key")
    return context


def get(port, path="/healthz", ca="root", certificate=None):
    """The status of a GET over TLS; raises OSError where no trusted connection comes about."""
    connection = http.client.HTTPSConnection("localhost", port, timeout=3, context=client_context(ca, certificate))
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(repr(error)) from error
    finally:
        connection.close()


def shown(port):
    """The certificate that a listener shows, as PEM."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=3)


def shows(port, name):
    """Whether that is the one of this name; False also while nothing is shown."""
    try:
        der = ssl.PEM_cert_to_DER_cert(read(f"{name}.pem").decode().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
        return ssl.PEM_cert_to_DER_cert(shown(port)) == der
    except (OSError, ValueError):
        return False

#!/usr/bin/python3
"""Computes by another implementation what a channel says: the record layer and HOSTID (records.inc),
what users sign (logins.inc), and what servers sign (revocations.inc).

It follows the comments in examples/sfsd/channel/record.h and hostid.h, and in users/user_key.h,
login.h and revocation.h, and uses the Python package `cryptography` (Debian: python3-cryptography).
Run it again only when the protocol changes:

    tests/sfsd/vectors/make_vectors.py records > tests/sfsd/vectors/records.inc
    tests/sfsd/vectors/make_vectors.py logins > tests/sfsd/vectors/logins.inc
    tests/sfsd/vectors/make_vectors.py revocations > tests/sfsd/vectors/revocations.inc
"""
import base64
import hashlib
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

DATA, CLOSE, RATCHET = 0, 1, 2
SUITES = {'aes-128-gcm': (AESGCM, 16), 'aes-256-gcm': (AESGCM, 32),
          'chacha20-poly1305': (ChaCha20Poly1305, 32)}
LOCATIONS = ('localhost', '127.0.0.1%4433', '[::1]%65535', 'a' * 255)


def expand(secret, purpose, suite, size):
    return HKDFExpand(hashes.SHA256(), size, f'sfs1 {purpose} {suite}'.encode()).derive(secret)


def seal(suite, secret, number, kind, payload):
    aead, key_size = SUITES[suite]
    key = aead(expand(secret, 'key', suite, key_size))
    iv = int.from_bytes(expand(secret, 'iv', suite, 12), 'big')
    header = struct.pack('>I', kind << 24 | len(payload))
    return header + key.encrypt((iv ^ number).to_bytes(12, 'big'), payload, header)


def stream(suite, secret):
    """The records of one stream: data, an empty one, a ratchet, data under the next key, close."""
    records = [(DATA, b'first light'), (DATA, b''), (RATCHET, b''),
               (DATA, bytes(range(256)) * 3), (RATCHET, b''), (CLOSE, b'')]
    for number, (kind, payload) in enumerate(records):
        yield number, kind, payload, seal(suite, secret, number, kind, payload)
        if kind == RATCHET:
            secret = expand(secret, 'ratchet', suite, 32)


def base32(data):
    return base64.b32encode(data).decode().lower().rstrip('=')


def private_key(name):
    """The private key that belongs to a name, and its seed."""
    seed = hashlib.sha256(name.encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed), seed


def raw_public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw,
                                         serialization.PublicFormat.Raw)


def spki_of(key):
    return key.public_key().public_bytes(serialization.Encoding.DER,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def with_length(text):
    return struct.pack('>I', len(text)) + text.encode()


def hostid(location, key):
    return hashlib.sha256(b'sfs-hostid-v1' + with_length(location) + spki_of(key)).digest()


def revocation(location, key):
    signature = key.sign(b'sfs-revoke-v1' + with_length(location) + spki_of(key))
    return (f'sfs-revocation-v1\nlocation: {location}\nkey: {base32(raw_public(key))}\n'
            f'signature: {base32(signature)}\n')


def records():
    print('// Made by make_vectors.py. Do not edit.')
    print('constexpr record_vector record_vectors[] = {')
    for index, suite in enumerate(SUITES):
        secret = hashlib.sha256(b'vector %d' % index).digest()
        for number, kind, payload, frame in stream(suite, secret):
            print(f'    {{"{suite}", "{secret.hex()}", {number}, {kind},\n'
                  f'     "{payload.hex()}",\n     "{frame.hex()}"}},')
    print('};')
    print('constexpr far_vector far_vectors[] = {')
    for index, suite in enumerate(SUITES):
        secret = hashlib.sha256(b'far %d' % index).digest()
        for number in (1, 0xffffffff, 0x100000000, 0xfedcba9876543210):
            frame = seal(suite, secret, number, DATA, b'far away')
            print(f'    {{"{suite}", "{secret.hex()}", {number}u,\n     "{frame.hex()}"}},')
    print('};')
    print('constexpr hostid_vector hostid_vectors[] = {')
    for location in LOCATIONS:
        key, _ = private_key(location)
        print(f'    {{"{location}",\n     "{spki_of(key).hex()}",\n     '
              f'"{base32(hostid(location, key))}"}},')
    print('};')


def logins():
    print('// Made by make_vectors.py. Do not edit.')
    print('constexpr login_vector login_vectors[] = {')
    for number, location in enumerate(LOCATIONS):
        user, seed = private_key(f'user {number}')
        server = hostid(location, private_key(location)[0])
        session = hashlib.sha256(b'session %d' % number).digest()
        sequence = (1, 2, 0x01020304, 0xffffffff)[number]
        message = (b'sfs-login-v1' + with_length(location) + server + session
                   + struct.pack('>I', sequence))
        print(f'    {{"{seed.hex()}",\n     "sfs-ed25519 {base32(raw_public(user))} user {number}",\n'
              f'     "{location}",\n     "{base32(server)}",\n     "{session.hex()}", {sequence}u,\n'
              f'     "{message.hex()}",\n     "{user.sign(message).hex()}"}},')
    print('};')


def revocations():
    print('// Made by make_vectors.py. Do not edit.')
    print('constexpr revocation_vector revocation_vectors[] = {')
    for location in LOCATIONS:
        key, seed = private_key(location)
        text = revocation(location, key).replace('\n', '\\n')
        print(f'    {{"{location}", "{seed.hex()}",\n     "{base32(hostid(location, key))}",\n'
              f'     "{text}"}},')
    print('};')


{'records': records, 'logins': logins, 'revocations': revocations}[sys.argv[1]]()

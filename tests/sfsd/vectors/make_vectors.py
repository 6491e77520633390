#!/usr/bin/python3
"""Computes by another implementation what a channel says: the record layer and HOSTID
(records.inc), whole sessions (sessions.inc), what users sign (logins.inc), and what servers sign
(revocations.inc).

It follows docs/channel.md, and uses the Python package `cryptography` (Debian:
python3-cryptography). A test runs it and compares; when the protocol changes:

    tests/sfsd/vectors/make_vectors.py records > tests/sfsd/vectors/records.inc
    tests/sfsd/vectors/make_vectors.py sessions > tests/sfsd/vectors/sessions.inc
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
NFS, SFS, SFS_CALLBACK, SFS_AUTH = 100003, 0x20534653, 0x20534654, 0x53465331
NFS3ERR_STALE = 70
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


def opaque(data):
    """A variable-length opaque, as XDR has it."""
    return struct.pack('>I', len(data)) + data + bytes(-len(data) % 4)


def words(*numbers):
    return struct.pack(f'>{len(numbers)}I', *numbers)


def marked(message):
    return words(0x80000000 | len(message)) + message


def call(xid, program, version, procedure, arguments, user=None):
    credentials = words(0, 0) if user is None else words(SFS_AUTH, 4, user)
    return marked(words(xid, 0, 2, program, version, procedure) + credentials + words(0, 0)
                  + arguments)


def reply(xid, results):
    return marked(words(xid, 1, 0, 0, 0, 0) + results)


def conversation(location, server, user, session):
    """What client and server say in a short session: their messages, each in a record."""
    client_number, run = bytes(range(16)), bytes(range(8))
    handle = bytes(range(41))
    login = b'sfs-login-v1' + with_length(location) + server + session + words(1)
    said = [
        call(7, SFS, 1, 1, client_number + words(1)),                                # HELLO
        call(8, SFS, 1, 2, raw_public(user) + words(1) + user.sign(login)),          # LOGIN
        call(9, NFS, 3, 1, opaque(handle), user=1),                                  # GETATTR
    ]
    answered = [
        reply(7, run + words(0, 30, 64)),
        reply(8, words(0, 1, 1000, 100) + opaque(b'ann')),
        reply(9, words(NFS3ERR_STALE)),
        call(0, SFS_CALLBACK, 1, 1, words(1) + opaque(handle)),                      # INVALIDATE
    ]
    return said, answered


def side(suite, secret, messages):
    """The frames of one direction: a ratchet before the last message, and the end."""
    kinds = [(DATA, m) for m in messages[:-1]]
    kinds += [(RATCHET, b''), (DATA, messages[-1]), (CLOSE, b'')]
    for number, (kind, payload) in enumerate(kinds):
        yield seal(suite, secret, number, kind, payload)
        if kind == RATCHET:
            secret = expand(secret, 'ratchet', suite, 32)


def sessions():
    print('// Made by make_vectors.py. Do not edit.')
    print('constexpr session_vector session_vectors[] = {')
    for index, suite in enumerate(SUITES):
        location = LOCATIONS[index]
        server = hostid(location, private_key(location)[0])
        user, seed = private_key(f'user {index}')
        exported = b''.join(hashlib.sha256(b'exporter %d %d' % (index, part)).digest()
                            for part in range(3))
        said, answered = conversation(location, server, user, exported[64:])
        print(f'    {{"{suite}",\n     "{exported.hex()}",\n     "{location}",'
              f' "{base32(server)}",\n     "{seed.hex()}",')
        for secret, messages in ((exported[:32], said), (exported[32:64], answered)):
            frames = ',\n      '.join(f'"{f.hex()}"' for f in side(suite, secret, messages))
            print(f'     {{{frames}}},')
        print('    },')
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


MAKERS = {'records': records, 'sessions': sessions, 'logins': logins,
          'revocations': revocations}
MAKERS[sys.argv[1]]()

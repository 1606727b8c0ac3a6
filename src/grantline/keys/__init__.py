"""Keys: what signs, what MACs, how they rotate, and the envelope they lie in. A private key leaves this
package only as a signature.

All keys lie in the database, sealed with the master key, which is a file of its own and never in it.
"""

from grantline.keys.envelope import Envelope, EnvelopeBroken, load_master_key
from grantline.keys.keyring import Keyring, load_keyring
from grantline.keys.mac import PreparedMac
from grantline.keys.rotation import add_message_key, ensure_keys, rotate_keys, rotate_old_keys

__all__ = [
    "Envelope",
    "EnvelopeBroken",
    "Keyring",
    "PreparedMac",
    "add_message_key",
    "ensure_keys",
    "load_keyring",
    "load_master_key",
    "rotate_keys",
    "rotate_old_keys",
]

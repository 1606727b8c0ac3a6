"""The QR code of the smart TV, module by module as an implementation that is not ours draws it."""

import hashlib

from examples.smart_tv.qr import svg_path

ADDRESS = (
    "https://accounts.example.com/device?user_code=WDJB-MJHT"
    "&from=the-television-in-the-hall-on-the-first-floor-of-the-house"
)
# By length: the side, and the digest of the path. Drawn by the package qrcode with the same mask.
DRAWN = {
    14: (21, "2bb3e263bce3ab29"),
    26: (25, "1eca3377aeeff1f1"),
    42: (29, "7c17458d07c862b2"),
    62: (33, "3f0edefa5d18df48"),
    84: (37, "5c3c4e686b148022"),
    106: (41, "246195eea37a0c11"),
}


def test_each_size_of_the_code_is_what_another_implementation_draws() -> None:
    for length, (side, digest) in DRAWN.items():
        found = svg_path(ADDRESS[:length])
        assert found is not None
        assert (found[0], hashlib.sha256(found[1].encode()).hexdigest()[:16]) == (side, digest)
    assert svg_path(ADDRESS[:107]) is None

"""Device authorization (RFC 8628): the device's first call. The person's side is a page in `web`; the poll is
a grant in `grants`."""

from grantline.device.start import DeviceAnswer, start_device

__all__ = ["DeviceAnswer", "start_device"]

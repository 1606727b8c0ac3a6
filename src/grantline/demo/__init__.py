"""The demo: one command, and there is a data center with people, apps and a sample CRM API to try everything
on."""

from grantline.demo.run import run_demo

__all__ = ["run_demo"]

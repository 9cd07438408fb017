"""The lab: a network in the browser, while it trains. Its heavy parts are imported when it is opened."""

from pellucid.lab.handle import Lab as Lab
from pellucid.lab.handle import lab as lab

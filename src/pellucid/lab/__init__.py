"""The lab: a network in the browser, while it trains. Its heavy parts are imported when it is opened."""

from pellucid.lab.own import Lab as Lab
from pellucid.lab.own import lab as lab

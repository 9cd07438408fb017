"""The ledger of a weight: its initial value and every update that made it what it is."""

from pellucid.explain.ledger.account import Account as Account
from pellucid.explain.ledger.account import Entry as Entry
from pellucid.explain.ledger.ledger import Ledger as Ledger
from pellucid.explain.ledger.ledger import without as without

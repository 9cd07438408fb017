"""Data: arrays taken by protocol, embedded sets, toys, IDX and CSV files, batches."""

from .arrays import as_array as as_array
from .arrays import as_labels as as_labels
from .arrays import check_examples as check_examples
from .batches import batches as batches
from .batches import shuffled as shuffled
from .csvfile import read_csv as read_csv
from .dataset import Dataset as Dataset
from .dataset import Standardizer as Standardizer
from .embedded import EMBEDDED as EMBEDDED
from .embedded import load as load
from .idx import load_idx as load_idx
from .idx import load_idx_folder as load_idx_folder
from .idx import read_idx as read_idx
from .toys import TOYS as TOYS
from .toys import blobs as blobs
from .toys import checkerboard as checkerboard
from .toys import circles as circles
from .toys import moons as moons
from .toys import spirals as spirals
from .toys import xor as xor

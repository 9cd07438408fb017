"""scikit-learn's estimators on networks: a classifier, a regressor, and an autoencoder as a transformer.

They follow scikit-learn's conventions (clone, pipelines, searches, `partial_fit`, tags, callbacks) and give the network
that they trained as `network_`, to be explained, saved and opened in the lab like any other.
"""

try:
    from sklearn.utils.validation import validate_data as _validate_data
except ImportError:
    raise ImportError('pellucid.estimators needs scikit-learn 1.6 or later: pip install "pellucid[sklearn]"') from None

from pellucid.estimators.autoencoder import AutoencoderTransformer as AutoencoderTransformer
from pellucid.estimators.classifier import NetworkClassifier as NetworkClassifier
from pellucid.estimators.regressor import NetworkRegressor as NetworkRegressor

del _validate_data
__all__ = ["AutoencoderTransformer", "NetworkClassifier", "NetworkRegressor"]

"""scikit-learn's estimators on networks: a classifier, a regressor, and an autoencoder as a transformer.

They follow scikit-learn's conventions (clone, pipelines, searches, `partial_fit`, tags, callbacks) and give the network
that they trained as `network_`, to be explained, saved and opened in the lab like any other.
"""

from pellucid.estimators.autoencoder import AutoencoderTransformer as AutoencoderTransformer
from pellucid.estimators.classifier import NetworkClassifier as NetworkClassifier
from pellucid.estimators.regressor import NetworkRegressor as NetworkRegressor

__all__ = ["AutoencoderTransformer", "NetworkClassifier", "NetworkRegressor"]
